"""The lab: both sides started together, or nothing at all."""

import asyncio
import gc
import socket
import threading
from pathlib import Path

import pytest
from starlette.applications import Starlette

from certgate_certs.registry import RegistryUnavailable
from certgate_controlplane.address import Address
from certgate_controlplane.client import ApiClient
from certgate_controlplane.key_files import StateError
from certgate_controlplane.lab import LabServer
from certgate_controlplane.serving import ApiServer
from certgate_controlplane.settings import LabError, Settings, Side
from e2e.support import wait_until


def settings(tmp_path: Path, **changes: object) -> Settings:
    """Give the settings of a lab on free ports."""
    given: dict[str, object] = {"api_port": 0, "mqtts_port": 0} | changes
    return Settings(state_dir=tmp_path / "state", **given)  # type: ignore[arg-type]


def descriptors() -> int:
    """Count the files and sockets that are open."""
    gc.collect()
    return len(list(Path("/proc/self/fd").iterdir()))


def accepts(port: int) -> bool:
    """Tell whether somebody listens on a port."""
    with socket.socket() as tcp:
        return tcp.connect_ex(("127.0.0.1", port)) == 0


def free_port() -> int:
    """Give a port that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


async def threads_come_down_to(count: int) -> None:
    """Wait until no more threads run than before; a closed database's ends a little later."""
    await asyncio.get_running_loop().shutdown_default_executor()
    wait_until(lambda: threading.active_count() <= count, "the end of the threads")


async def test_runs_and_ends(tmp_path: Path) -> None:
    """Both sides accept connections while it runs, and nothing is open afterwards."""
    async with LabServer(settings(tmp_path)):
        pass  # What libraries open once and keep is open now.
    threads, files = threading.active_count(), descriptors()
    async with LabServer(settings(tmp_path)) as lab:
        address = lab.address
        assert address.api_url is not None
        assert address.mqtts_port is not None
        assert accepts(address.mqtts_port)
        health = await asyncio.to_thread(ApiClient(address.api_url).read, "/_certgate/health")
        assert health["status"] == "ok"
        assert health["mqtts_port"] == address.mqtts_port
    assert not accepts(address.mqtts_port)
    assert asyncio.all_tasks() == {asyncio.current_task()}
    await threads_come_down_to(threads)
    del lab
    assert descriptors() == files


@pytest.mark.parametrize("option", ["api_port", "mqtts_port"])
async def test_failed_start_leaves_nothing(tmp_path: Path, option: str) -> None:
    """Where one port is taken the other is free again; no task, thread or file remains."""
    other = {"api_port": "mqtts_port", "mqtts_port": "api_port"}[option]
    threads, free = threading.active_count(), free_port()
    async with LabServer(settings(tmp_path)):
        pass
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port, files = taken.getsockname()[1], descriptors()
        lab = LabServer(settings(tmp_path, **{option: port, other: free}))
        with pytest.raises(LabError, match=f"{port} cannot be listened on .*--{option[:3]}"):
            await lab.start()
        assert not accepts(free)
        assert asyncio.all_tasks() == {asyncio.current_task()}
        await threads_come_down_to(threads)
        del lab
        assert descriptors() == files


@pytest.mark.parametrize("side", [Side.API, Side.BROKER])
async def test_one_side(tmp_path: Path, side: Side) -> None:
    """The other side's addresses are None; an API without broker knows of no sessions."""
    async with LabServer(settings(tmp_path, side=side)) as lab:
        assert (lab.address.api_url is None) == (side is Side.BROKER)
        assert (lab.address.mqtts_port is None) == (side is Side.API)
        assert (lab.address.server_ca_file is None) == (side is Side.API)
        if lab.address.api_url is not None:
            client = ApiClient(lab.address.api_url)
            decisions = await asyncio.to_thread(client.read, "/_certgate/decisions")
            assert decisions == {"decisions": []}


@pytest.mark.parametrize("host", ["::1", "localhost", "127.0.0.9"])
async def test_other_names_of_this_machine(tmp_path: Path, host: str) -> None:
    """It can be called under every loopback address it listens on."""
    async with LabServer(settings(tmp_path, host=host)) as lab:
        assert lab.address.api_url is not None
        health = await asyncio.to_thread(ApiClient(lab.address.api_url).read, "/_certgate/health")
        assert health["mqtts_host"] == host


@pytest.mark.parametrize(
    ("host", "sentence"),
    [
        ("192.0.2.1", "cannot be listened on"),
        ("a..b", "cannot be (a host name|listened on)"),
        ("no-such-name.invalid", "no-such-name.invalid cannot be listened on: "),
    ],
)
@pytest.mark.parametrize("side", [Side.API, Side.BROKER])
async def test_host_that_is_not_here(tmp_path: Path, host: str, sentence: str, side: Side) -> None:
    """An address that is not this machine's, or no address, is a sentence."""
    with pytest.raises(LabError, match=sentence):
        await LabServer(settings(tmp_path, host=host, allow_remote=True, side=side)).start()


@pytest.mark.parametrize("host", ["0.0.0.0", "", "a..b", "127.0.0.1.example"])
async def test_host_that_is_not_loopback(tmp_path: Path, host: str) -> None:
    """Without the flag nothing but loopback is listened on; nothing is written before."""
    with pytest.raises(LabError, match="--allow-remote"):
        await LabServer(settings(tmp_path, host=host)).start()
    assert not (tmp_path / "state").exists()


@pytest.mark.parametrize("instance", ["", "a.b", "a-", "ä", "a" * 64])
async def test_instance_no_device_could_name(tmp_path: Path, instance: str) -> None:
    """An instance id that cannot stand in a server name is refused, wherever it stands."""
    with pytest.raises(LabError, match="cannot be an instance id"):
        await LabServer(settings(tmp_path, instance_ids=("good", instance))).start()


async def test_state_and_registry_trouble(tmp_path: Path) -> None:
    """A state directory that is a file, and a registry that is none, are told apart."""
    (tmp_path / "state").touch()
    with pytest.raises(StateError):
        await LabServer(settings(tmp_path)).start()
    (tmp_path / "state").unlink()
    (tmp_path / "state" / "registry.db").mkdir(parents=True)
    with pytest.raises(RegistryUnavailable):
        await LabServer(settings(tmp_path)).start()


async def test_server_key_of_another_certificate(tmp_path: Path) -> None:
    """A key that is not the certificate's is a sentence that says what to delete."""
    async with LabServer(settings(tmp_path)):
        pass
    folder = tmp_path / "state"
    (folder / "server" / "key.pem").write_bytes((folder / "server-ca" / "key.pem").read_bytes())
    with pytest.raises(LabError, match="delete its folder `server`"):
        await LabServer(settings(tmp_path)).start()


def test_ready_file_cannot_be_written(tmp_path: Path) -> None:
    """A ready file that cannot be written is named."""
    address = Address(1, None, None, None, None, ("a",), str(tmp_path))
    with pytest.raises(LabError, match="ready cannot be written"):
        address.write(tmp_path / "nowhere" / "ready")


class TestSettings:
    """What follows from the settings."""

    @pytest.mark.parametrize(
        ("host", "local"),
        [
            ("127.0.0.1", True),
            ("127.9.9.9", True),
            ("::1", True),
            ("localhost", True),
            ("0.0.0.0", False),
            ("::", False),
            ("192.0.2.1", False),
            ("localhost.example", False),
        ],
    )
    def test_is_local(self, host: str, local: bool) -> None:
        """Loopback addresses and `localhost` are local, nothing else."""
        assert Settings(host=host).is_local is local

    def test_certificate_names(self) -> None:
        """Every name appears once; an address that stands for all addresses does not."""
        given = Settings(host="0.0.0.0", instance_ids=("a", "b"), server_names=("x", "localhost"))
        local = ["localhost", "127.0.0.1", "::1"]
        assert given.certificate_names == [*local, "a.localhost", "b.localhost", "x"]
        assert Settings(host="192.0.2.1").certificate_names[:4] == [*local, "192.0.2.1"]


async def test_server_that_never_started_can_be_stopped() -> None:
    """Stopping what does not run is no fault."""
    await ApiServer(Starlette()).stop()
