"""A server as a process: started, measured from outside, ended by its id."""

import contextlib
import os
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.identities import HOST
from e2e.support import end, environment

PATIENCE = 60.0
_LOOK_SECONDS = 0.002


@dataclass(frozen=True)
class Process:
    """A server that runs.

    Attributes:
        name: what it is called in tables.
        running: the process.
        port: where devices, or callers, connect to.
        trusted: the certificate that devices trust.
        took: seconds from its start until it was ready.
    """

    name: str
    running: subprocess.Popen[bytes]
    port: int
    trusted: Path
    took: float

    def cpu(self) -> float:
        """Give the CPU time it has used so far, all threads, seconds.

        Its CPU clock, as clock_getcpuclockid(3) makes it on Linux: it counts nanoseconds, where
        /proc counts hundredths of a second. What the system does for it in threads of its own,
        such as writing to the disk, is not in it.
        """
        return time.clock_gettime((~self.running.pid << 3) | 2)

    def resident(self) -> int:
        """Give the memory it holds, KiB."""
        pages = int(Path(f"/proc/{self.running.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") // 1024


@contextlib.contextmanager
def running(
    name: str,
    command: Sequence[str],
    ready: Callable[[], int | None],
    trusted: Path = Path(),
    log: Path = Path(os.devnull),
) -> Iterator[Process]:
    """Run a server for the length of the block.

    Args:
        name: what it is called in tables.
        command: what to run.
        ready: gives its port once it serves, None before.
        trusted: the certificate that devices trust.
        log: takes what it says.

    Raises:
        SystemExit: it does not start.
    """
    with log.open("ab") as said:
        began = time.perf_counter()
        process = subprocess.Popen(command, stdout=said, stderr=said, env=environment())
        try:
            port = _wait(name, process, ready)
            yield Process(name, process, port, trusted, time.perf_counter() - began)
        finally:
            end(process, PATIENCE)


def _wait(name: str, process: subprocess.Popen[bytes], ready: Callable[[], int | None]) -> int:
    deadline = time.monotonic() + PATIENCE
    while (port := ready()) is None:
        if process.poll() is not None or time.monotonic() > deadline:
            raise SystemExit(f"{name} does not start")
        time.sleep(_LOOK_SECONDS)
    return port


def free_port() -> int:
    """Find a port that nobody listens on."""
    with socket.create_server((HOST, 0)) as server:
        return int(server.getsockname()[1])


def listens(port: int) -> Callable[[], int | None]:
    """Give what tells that somebody listens on a port."""

    def ready() -> int | None:
        try:
            socket.create_connection((HOST, port), 1).close()
        except OSError:
            return None
        return port

    return ready
