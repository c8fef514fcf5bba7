"""The plugin in an ordinary amqtt, started by amqtt's own command."""

import asyncio
import contextlib
import logging
import socket
import ssl
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml
from amqtt.contexts import BaseContext
from amqtt.session import Session

from broker.conftest import FIRST, HOST, Device, register, write_pair
from certgate_broker.identity import Identity, current_identity
from certgate_broker.plugin import AdmittedPlugin, CertificateAuthPlugin
from certgate_certs.authority import CertificateAuthority
from certgate_certs.issued import IssuedCertificate
from certgate_certs.registry import DecisionRecord, Registry, Status

ACCEPTED, REFUSED = ("Success", False), ("Not authorized", False)


@dataclass
class Plain:
    """A running amqtt and the registry it asks."""

    port: int
    registry: Registry
    folder: Path

    def device(self, issued: IssuedCertificate | None, name: str, *, clean: bool = True) -> Device:
        """Make a paho client."""
        context = ssl.create_default_context(cafile=self.folder / "trust.pem")
        if issued is not None:
            context.load_cert_chain(*write_pair(self.folder, issued))
        return Device(self.port, context, name, clean=clean)

    async def ask(
        self, issued: IssuedCertificate | None, name: str = "m", *, clean: bool = True
    ) -> tuple[str, bool]:
        """Connect once and give the answer."""
        device = self.device(issued, name, clean=clean)
        answer = await device.connect()
        await device.leave()
        return answer

    async def records(self) -> list[DecisionRecord]:
        """Give the decision records."""
        return [record for _, record in await self.registry.decisions.since(0, 100)]


def free_port() -> int:
    """Find a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


async def listening(port: int, process: asyncio.subprocess.Process) -> None:
    """Wait until somebody accepts connections."""
    for _ in range(400):
        assert process.returncode is None, "amqtt has ended"
        try:
            _, writer = await asyncio.open_connection(HOST, port)
        except OSError:
            await asyncio.sleep(0.05)
        else:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()
            return
    raise TimeoutError("amqtt does not listen")


@pytest.fixture
async def plain(
    tmp_path: Path, registry: Registry, ca: CertificateAuthority, server: IssuedCertificate
) -> AsyncIterator[Plain]:
    """Run `amqtt -c FILE` with the plugin, until the test is over."""
    await register(registry, ca)
    certificate, key = write_pair(tmp_path, server)
    (tmp_path / "trust.pem").write_text(server.chain_pem)
    (tmp_path / "devices.pem").write_text(ca.pem)
    port = free_port()
    listener = {
        "type": "tcp",
        "bind": f"{HOST}:{port}",
        "ssl": True,
        "certfile": certificate,
        "keyfile": key,
        "cafile": str(tmp_path / "devices.pem"),
    }
    plugin = {"registry": str(tmp_path / "registry.db"), "instance": FIRST}
    configuration = {
        "listeners": {"default": listener},
        "plugins": {"certgate_broker.plugin.CertificateAuthPlugin": plugin},
    }
    (tmp_path / "amqtt.yaml").write_text(yaml.safe_dump(configuration))
    command = Path(sys.executable).with_name("amqtt")
    with (tmp_path / "amqtt.log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            command, "-c", str(tmp_path / "amqtt.yaml"), stdout=log, stderr=log
        )
    try:
        await listening(port, process)
        yield Plain(port, registry, tmp_path)
    finally:
        process.terminate()
        await process.wait()


class TestPlainListener:
    """Behind amqtt's own listener."""

    async def test_active_then_inactive(self, plain: Plain, ca: CertificateAuthority) -> None:
        """A device is registered at its first connection and refused once its CA is inactive."""
        issued = ca.issue_device("meter-1")
        assert await plain.ask(issued) == ACCEPTED
        sn = ca.issued.view.sn
        assert await plain.registry.devices.find(FIRST, sn, issued.view.sn) is not None
        await plain.registry.cas.set_status(FIRST, sn, Status.INACTIVE)
        assert await plain.ask(issued) == REFUSED
        await plain.registry.cas.set_status(FIRST, sn, Status.ACTIVE)
        assert await plain.ask(issued) == ACCEPTED
        found = await plain.records()
        assert [record.reasons for record in found] == [(), ("ca_inactive",), ()]
        assert {(record.client_id, record.device_sn) for record in found} == {("m", issued.view.sn)}
        assert {record.tls_version for record in found} == {"TLSv1.3"}

    async def test_intermediate(self, plain: Plain, ca: CertificateAuthority) -> None:
        """A device below an unregistered intermediate is judged with the chain it sent."""
        issued = ca.issue_intermediate("Between").issue_device("meter-1")
        assert await plain.ask(issued) == ACCEPTED
        assert [record.ca_sn for record in await plain.records()] == [ca.issued.view.sn]

    async def test_no_certificate(self, plain: Plain) -> None:
        """A client without a certificate is refused, which amqtt alone would not do."""
        assert await plain.ask(None) == REFUSED
        assert [record.reasons for record in await plain.records()] == [("no_client_certificate",)]

    async def test_resumed(self, plain: Plain, ca: CertificateAuthority) -> None:
        """A session that is resumed is refused even to its owner: nobody knows who asks (S5)."""
        issued = ca.issue_device("meter-1")
        assert await plain.ask(issued, clean=False) == ACCEPTED
        assert (await plain.ask(issued, clean=False))[0] == "Not authorized"
        record = (await plain.records())[-1]
        assert (record.reasons, record.tls_version) == (("session_resumed",), "")

    @pytest.mark.parametrize("armed", [False, True])
    async def test_theft(self, plain: Plain, ca: CertificateAuthority, armed: bool) -> None:
        """Nobody gets another device's stored session, with or without a certificate (S1, S2)."""
        victim = plain.device(ca.issue_device("meter-1"), "m", clean=False)
        assert await victim.connect() == ACCEPTED
        thief = ca.issue_device("thief") if armed else None
        assert (await plain.ask(thief, clean=False))[0] == "Not authorized"
        await victim.leave()
        assert (await plain.records())[-1].reasons == ("session_resumed",)

    async def test_somebody_elses_identifier(self, plain: Plain, ca: CertificateAuthority) -> None:
        """An identifier belongs to whom it belongs to here as well."""
        assert await plain.ask(ca.issue_device("meter-1")) == ACCEPTED
        assert await plain.ask(ca.issue_device("meter-2")) == REFUSED
        found = await plain.records()
        assert found[-1].reasons == ("client_identifier_bound_elsewhere",)


def plugin(registry: Path) -> CertificateAuthPlugin:
    """Make the plugin as amqtt does."""
    context = BaseContext()
    context.logger = logging.getLogger("test")
    context.config = CertificateAuthPlugin.Config(registry=str(registry))  # type: ignore[assignment]
    return CertificateAuthPlugin(context)


def session(client_id: str = "m") -> Session:
    """Make a session without TLS."""
    made = Session()
    made.client_id, made.remote_address, made.remote_port = client_id, "192.0.2.1", 4711
    return made


class TestRegistryFile:
    """The plugin and its file."""

    async def test_cannot_be_opened(self, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
        """A file that cannot be opened admits nobody, and the log says what is wrong with it."""
        made = plugin(tmp_path / "missing" / "registry.db")
        assert await made.authenticate(session=session()) is False
        assert "missing" in caplog.text
        await made.close()

    async def test_opened_once(self, tmp_path: Path, registry: Registry) -> None:
        """Connections that come at the same moment share one registry, and it is closed."""
        made = plugin(tmp_path / "registry.db")
        before = asyncio.all_tasks()
        opened = await asyncio.gather(*(made._open() for _ in range(5)))  # noqa: SLF001
        await made.close()
        assert len(set(map(id, opened))) == 1
        assert asyncio.all_tasks() == before

    async def test_without_tls(self, tmp_path: Path, registry: Registry) -> None:
        """A client that came without TLS has no certificate either."""
        made = plugin(tmp_path / "registry.db")
        assert await made.authenticate(session=session()) is False
        ((_, record),) = await registry.decisions.since(0, 10)
        assert record.reasons == ("no_client_certificate",)
        assert (record.remote_address, record.client_id) == ("192.0.2.1:4711", "m")
        await made.close()


class TestAdmittedPlugin:
    """`AdmittedPlugin`."""

    @pytest.mark.parametrize(
        ("client_id", "expected"), [(None, False), ("other", False), ("m", True)]
    )
    async def test_admits_whom_the_door_admitted(
        self, client_id: str | None, expected: bool
    ) -> None:
        """Only the identifier that the door has admitted, in the task that serves it."""
        made = AdmittedPlugin(BaseContext())
        who = None if client_id is None else Identity("one", client_id, 1, "0a", 2, "0b", 77)
        token = current_identity.set(who)
        assert await made.authenticate(session=session()) is expected
        current_identity.reset(token)
