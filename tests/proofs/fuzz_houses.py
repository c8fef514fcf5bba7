"""The servers that are attacked, with what can be seen of them from outside or beside them."""

import asyncio
import contextlib
import json
import logging
import sqlite3
import sys
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, replace
from pathlib import Path

from broker.conftest import HOST, write_pair
from certgate_broker.door import Door, DoorSettings
from certgate_broker.policy import Policy, RefusalStyle
from certgate_certs.authority import CertificateAuthority
from certgate_certs.registry import Registry
from e2e.support import INSTANCE, PATIENCE, environment

INSTANCES = (INSTANCE, "post-cn-other")
"""The instances of every server; what there is belongs to the first one."""
_TABLES = ("ca_certificate", "device_certificate", "client_identifier")
_COMPLAINTS = ("Traceback", "fault of certgate", "never retrieved", "Error")


@dataclass(frozen=True)
class Vitals:
    """What must be back where it was; a task or thread in it is one that nobody needs.

    Attributes:
        files: open file descriptors.
        threads: threads.
        tasks: tasks of the event loop; 0 where it cannot be seen.
        kibibytes: resident memory, which need not be back.
    """

    files: int
    threads: int
    tasks: int
    kibibytes: int

    def exceeds(self, before: "Vitals") -> bool:
        """Tell whether there is more of anything than before, memory left aside."""
        return any(now > then for now, then in zip(self.counted, before.counted, strict=True))

    @property
    def counted(self) -> tuple[int, int, int]:
        """What must be back."""
        return self.files, self.threads, self.tasks

    def __str__(self) -> str:
        return (
            f"{self.files} files, {self.threads} threads, {self.tasks} tasks,"
            f" {self.kibibytes // 1024} MiB"
        )


def vitals(process: Path, tasks: int = 0) -> Vitals:
    """Look at a process.

    Args:
        process: its directory below ``/proc``.
        tasks: its tasks, where they can be counted.
    """
    status = dict(
        line.split(":", 1) for line in (process / "status").read_text().splitlines() if ":" in line
    )
    files = sum(1 for _ in (process / "fd").iterdir())
    return Vitals(files, int(status["Threads"]), tasks, int(status["VmRSS"].split()[0]))


@dataclass(frozen=True)
class House:
    """A server.

    Attributes:
        name: for the report.
        port: where devices connect.
        folder: a place for files.
        registry: its registry, opened beside it.
        registry_file: the file of it.
        trust: the certificate that devices have to trust.
        look: tells how it is.
        complaints: gives what it had to complain of so far.
    """

    name: str
    port: int
    folder: Path
    registry: Registry
    registry_file: Path
    trust: Path
    look: Callable[[], Vitals] = lambda: vitals(Path("/proc/self"))
    complaints: Callable[[], str] = str

    def rows(self) -> dict[str, list[tuple[object, ...]]]:
        """Read who is registered, and who owns which identifier."""
        with contextlib.closing(sqlite3.connect(self.registry_file)) as connection:
            return {
                table: connection.execute(f"SELECT * FROM {table} ORDER BY id").fetchall()
                for table in _TABLES
            }


def complaint(text: str) -> str:
    """Give a server's words from the first that tells of a fault."""
    found = [at for word in _COMPLAINTS if (at := text.find(word)) >= 0]
    return text[max(min(found) - 300, 0) :][:3000] if found else ""


class Complaints(logging.Handler):
    """Keeps what is logged from warnings on."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.text = ""
        self.setFormatter(logging.Formatter("%(name)s: %(message)s"))

    def emit(self, record: logging.LogRecord) -> None:
        """Keep a record."""
        self.text += self.format(record) + "\n"


async def until(holds: Callable[[], bool], seconds: float = PATIENCE) -> bool:
    """Look again and again whether something holds, but not for ever; tell whether it came to."""
    end = time.monotonic() + seconds
    while not (found := holds()):
        if time.monotonic() > end:
            break
        await asyncio.sleep(0.02)
    return found


@contextlib.asynccontextmanager
async def opened(file: Path) -> AsyncIterator[Registry]:
    """Open a registry."""
    registry = await Registry.open(file)
    try:
        yield registry
    finally:
        await registry.close()


@contextlib.asynccontextmanager
async def outside(folder: Path, style: RefusalStyle) -> AsyncIterator[House]:
    """Run ``certgate serve`` in a process of its own.

    Args:
        folder: an empty folder.
        style: how it refuses.
    """
    state, ready, errors = folder / "state", folder / "ready.json", folder / "errors"
    command = [sys.executable, "-m", "certgate_controlplane", "serve", "--only", "broker"]
    command += ["--state-dir", str(state), "--mqtts-port", "0", "--ready-file", str(ready)]
    for instance in INSTANCES:
        command += ["--instance", instance]
    with errors.open("w") as stderr:
        running = await asyncio.create_subprocess_exec(
            *(*command, "--refusal", style),
            stdout=asyncio.subprocess.DEVNULL,
            stderr=stderr,
            env=environment(),
        )
    try:
        assert await until(ready.exists), errors.read_text()
        said = json.loads(ready.read_text())
        file, trust = state / "registry.db", Path(said["server_ca_file"])
        async with opened(file) as registry:
            proc = Path(f"/proc/{running.pid}")
            house = House(f"process, {style}", said["mqtts_port"], folder, registry, file, trust)
            yield replace(
                house,
                look=lambda: vitals(proc),
                complaints=lambda: complaint(errors.read_text()),
            )
    finally:
        running.terminate()
        await running.wait()


@contextlib.asynccontextmanager
async def inside(folder: Path, style: RefusalStyle) -> AsyncIterator[House]:
    """Run a door in this event loop, where its tasks can be counted.

    Args:
        folder: an empty folder.
        style: how it refuses.
    """
    server = CertificateAuthority.create_root("CA of the server").issue_server(["localhost", HOST])
    certificate, key = write_pair(folder, server)
    trust, file, complaints = folder / "trust.pem", folder / "registry.db", Complaints()
    trust.write_text(server.chain_pem)
    settings = DoorSettings(HOST, 0, INSTANCES, Path(certificate), Path(key), Policy(refusal=style))
    logging.getLogger().addHandler(complaints)
    try:
        async with opened(file) as registry:
            door = Door(settings, registry, lambda: time.time_ns() // 1_000_000)
            house = House(f"in memory, {style}", await door.start(), folder, registry, file, trust)
            try:
                yield replace(
                    house,
                    look=lambda: vitals(Path("/proc/self"), len(asyncio.all_tasks())),
                    complaints=lambda: complaint(complaints.text),
                )
            finally:
                await door.stop()
    finally:
        logging.getLogger().removeHandler(complaints)
