"""certgate and those it is measured beside, each ready for the devices of one CA."""

import contextlib
import itertools
import json
import os
import shutil
import signal
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.api import Api
from bench.identities import Identities, ServerFiles
from bench.machine import program
from bench.processes import Process, free_port, listens, running

_HERE = Path(__file__).parent
_REGISTRY = "registry.db"
_MAIN = ("-m", "certgate_controlplane")
_WITHOUT_UVLOOP = (
    "-c",
    "import sys; sys.modules['uvloop'] = None; from certgate_controlplane.cli import main; main()",
)
_number = itertools.count()
SUITE = "TLS_AES_128_GCM_SHA256"
"""What certgate chooses; amqtt cannot be told, and takes the client's first choice."""


@dataclass(frozen=True)
class Certgate:
    """A certgate that runs.

    Attributes:
        process: the process.
        api: calls its API.
        registry: its registry file.
    """

    process: Process
    api: Api
    registry: Path


@contextlib.contextmanager
def certgate(
    folder: Path, *options: str, registry: Path | None = None, fast: bool = True
) -> Iterator[Certgate]:
    """Run ``certgate serve``, broker and API in one process.

    Args:
        folder: where its state goes.
        options: more options.
        registry: a registry file to begin with; it is copied.
        fast: with uvloop; else as where it is not installed.
    """
    name, main = ("certgate", _MAIN) if fast else ("certgate, asyncio", _WITHOUT_UVLOOP)
    free = ["--api-port", "0", "--throttle", "0", *options]
    with (
        _state(folder, registry) as state,
        _serving(name, state, "ready.json", main, *free) as (process, address),
        Api(address["api_url"]) as api,
    ):
        yield Certgate(process, api, state / _REGISTRY)


@contextlib.contextmanager
def _state(folder: Path, registry: Path | None) -> Iterator[Path]:
    """Make a state directory, with a copy of a registry in it, for the length of the block."""
    state = folder / f"state-{next(_number)}"
    state.mkdir(mode=0o700)
    try:
        if registry is not None:
            copy(registry, state / _REGISTRY)
        yield state
    finally:
        shutil.rmtree(state)


@contextlib.contextmanager
def _serving(
    name: str, state: Path, ready_name: str, main: Sequence[str], *options: str
) -> Iterator[tuple[Process, dict[str, Any]]]:
    """Run ``certgate serve``; give the process, and what its ready file says."""
    ready_file, address = state / ready_name, dict[str, Any]()

    def ready() -> int | None:
        if not ready_file.exists():
            return None
        address.update(json.loads(ready_file.read_text()))
        return int(address["mqtts_port"])

    place = ["--state-dir", str(state), "--ready-file", str(ready_file), "--mqtts-port", "0"]
    command = [sys.executable, *main, "serve", *place, *options]
    trusted, log = state / "server-ca" / "certificate.pem", state.parent / "certgate.log"
    with running(name, command, ready, trusted, log) as process:
        yield process, address


def copy(registry: Path, to: Path) -> None:
    """Copy a registry, and wait until it is on the disk, as one that has grown would be.

    Else the system writes a gigabyte while its server is measured, at that server's expense.

    Args:
        registry: the registry file.
        to: what the copy is called.
    """
    with Path(shutil.copy(registry, to)).open("rb") as copied:
        os.fsync(copied.fileno())


@contextlib.contextmanager
def brokers(folder: Path, registry: Path, count: int) -> Iterator[list[Process]]:
    """Run several brokers on one registry.

    Args:
        folder: where their state goes.
        registry: a registry file to begin with; it is copied.
        count: how many.
    """
    with contextlib.ExitStack() as stack:
        state = stack.enter_context(_state(folder, registry))
        names = [f"broker-{number}" for number in range(count)]
        alone = _MAIN, "--only", "broker"
        serving = [_serving(name, state, f"{name}.json", *alone) for name in names]
        yield [stack.enter_context(each)[0] for each in serving]


@contextlib.contextmanager
def plain_amqtt(
    folder: Path, devices: Identities, server: ServerFiles, *, fast: bool = False
) -> Iterator[Process]:
    """Run amqtt by itself.

    Args:
        folder: where its log goes.
        devices: who connects.
        server: its certificate.
        fast: with uvloop, which amqtt does not use by itself.
    """
    port = free_port()
    files = [str(devices.ca_file), str(server.chain), str(server.key)]
    loop = "uvloop" if fast else "asyncio"
    command = [sys.executable, str(_HERE / "plain_amqtt.py"), loop, str(port), *files]
    name, log = "amqtt, uvloop" if fast else "amqtt", folder / "amqtt.log"
    with running(name, command, listens(port), server.trusted, log) as process:
        yield process


@contextlib.contextmanager
def mosquitto(
    folder: Path, devices: Identities, server: ServerFiles, crl: Path
) -> Iterator[Process]:
    """Run Mosquitto with a CRL."""
    port = free_port()
    settings = {
        "listener": f"{port} 127.0.0.1",
        "cafile": devices.ca_file,
        "certfile": server.chain,
        "keyfile": server.key,
        "crlfile": crl,
        "require_certificate": "true",
        "allow_anonymous": "true",
        "max_connections": "-1",
        "ciphers_tls1.3": SUITE,
        "set_tcp_nodelay": "true",
        "log_type": "error",
    }
    if os.geteuid() == 0:
        settings["user"] = "root"  # Else it drops to a user that may not read these files.
    file = folder / f"mosquitto-{next(_number)}.conf"
    file.write_text("".join(f"{name} {value}\n" for name, value in settings.items()))
    command = [program("mosquitto"), "-c", str(file)]
    log = folder / "mosquitto.log"
    with running("Mosquitto", command, listens(port), server.trusted, log) as process:
        yield process


def reload_crl(process: Process) -> None:
    """Let Mosquitto read its CRL again."""
    process.running.send_signal(signal.SIGHUP)


@contextlib.contextmanager
def moto() -> Iterator[Process]:
    """Run moto's server."""
    port = free_port()
    command = [sys.executable, "-m", "moto.server", "-p", str(port)]
    with running("moto", command, listens(port)) as process:
        yield process
