"""certgate and those it is measured beside, each ready for the devices of one CA."""

import contextlib
import itertools
import json
import os
import shutil
import signal
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from bench.api import Api
from bench.identities import Identities, ServerFiles
from bench.machine import program
from bench.processes import Process, free_port, listens, running

_HERE = Path(__file__).parent
_REGISTRY = "registry.db"
_WITHOUT_UVLOOP = (
    "import sys; sys.modules['uvloop'] = None; from certgate_controlplane.cli import main; main()"
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
    state = folder / f"state-{next(_number)}"
    state.mkdir(mode=0o700)
    if registry is not None:
        copy(registry, state / _REGISTRY)
    ready_file, address = state / "ready.json", {}

    def ready() -> int | None:
        if not ready_file.exists():
            return None
        address.update(json.loads(ready_file.read_text()))
        return int(address["mqtts_port"])

    ports = ["--api-port", "0", "--mqtts-port", "0", "--throttle", "0"]
    place = ["--state-dir", str(state), "--ready-file", str(ready_file)]
    main = ["-m", "certgate_controlplane"] if fast else ["-c", _WITHOUT_UVLOOP]
    command = [sys.executable, *main, "serve", *ports, *place, *options]
    trusted = state / "server-ca" / "certificate.pem"
    name, log = "certgate" if fast else "certgate, asyncio", folder / "certgate.log"
    try:
        with running(name, command, ready, trusted, log) as process, Api(address["api_url"]) as api:
            yield Certgate(process, api, state / _REGISTRY)
    finally:
        shutil.rmtree(state)


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
    state = folder / f"state-{next(_number)}"
    state.mkdir(mode=0o700)
    copy(registry, state / _REGISTRY)
    with contextlib.ExitStack() as stack:
        stack.callback(shutil.rmtree, state)
        yield [
            stack.enter_context(_broker(state, f"broker-{number}", folder / "certgate.log"))
            for number in range(count)
        ]


@contextlib.contextmanager
def _broker(state: Path, name: str, log: Path) -> Iterator[Process]:
    ready_file = state / f"{name}.json"

    def ready() -> int | None:
        return (
            int(json.loads(ready_file.read_text())["mqtts_port"]) if ready_file.exists() else None
        )

    place = ["--state-dir", str(state), "--ready-file", str(ready_file), "--mqtts-port", "0"]
    command = [sys.executable, "-m", "certgate_controlplane", "serve", "--only", "broker", *place]
    trusted = state / "server-ca" / "certificate.pem"
    with running(name, command, ready, trusted, log) as process:
        yield process


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
