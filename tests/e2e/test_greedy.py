"""Two thousand clients that say nothing, or little, keep no honest device out."""

import resource
import socket
import statistics
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from certgate_certs.authority import CertificateAuthority
from e2e.support import Lab, Process, knock, serving, wait_until

GREEDY = 2_000
HELLO = bytes.fromhex("1603010200010001fc0303")  # The first bytes of a ClientHello.


@pytest.fixture(autouse=True)
def many_files() -> Iterator[None]:
    """Let this process, and the lab it starts, have some thousand files open."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 3 * GREEDY), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


class Crowd:
    """A third says nothing, a third one byte a second, a third stops in the handshake."""

    def __init__(self, port: int) -> None:
        self._sockets = [self._open(port, number) for number in range(GREEDY)]
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._trickle)
        self._thread.start()

    @staticmethod
    def _open(port: int, number: int) -> socket.socket:
        client = socket.create_connection(("127.0.0.1", port), 30)
        if number % 3 == 2:
            client.sendall(HELLO)
        return client

    def _trickle(self) -> None:
        position = 0
        while not self._over.wait(1):
            for client in self._sockets[1::3]:
                try:
                    client.send(HELLO[position : position + 1])
                except OSError:
                    continue  # The broker has dropped it.
            position = (position + 1) % len(HELLO)

    def leave(self) -> None:
        """Hang up, all of them."""
        self._over.set()
        self._thread.join()
        for client in self._sockets:
            client.close()


def resident(process: Process) -> int:
    """Give the memory of a process, KiB."""
    status = Path(f"/proc/{process.running.pid}/status").read_text()
    return int(status.partition("VmRSS:")[2].split()[0])


def connect_times(lab: Lab, context: object, count: int) -> list[float]:
    """Connect an honest device some times; give the seconds each took."""
    took = []
    for _ in range(count):
        began = time.monotonic()
        assert knock(context, lab.port, "honest") == 0  # type: ignore[arg-type]
        took.append(time.monotonic() - began)
    return took


@pytest.mark.proof
def test_an_honest_device_gets_through(tmp_path: Path) -> None:
    """It connects beside two thousand greedy clients, and memory returns to where it was."""
    with serving(tmp_path / "state", processes=1) as lab:
        ca = CertificateAuthority.create_root("maker")
        lab.register(ca, "maker")
        context = lab.tls(lab.device(ca.issue_device("honest"), "honest"))
        alone = connect_times(lab, context, 20)
        before = resident(lab.processes[0])
        crowd = Crowd(lab.port)
        try:
            beside = connect_times(lab, context, 20)
            during = resident(lab.processes[0])
        finally:
            crowd.leave()
        back = before * 1.25 + 10_000
        wait_until(lambda: resident(lab.processes[0]) < back, "memory to return")
        after = resident(lab.processes[0])
        print(f"alone: median {statistics.median(alone) * 1000:.0f} ms;", end=" ")
        print(f"beside {GREEDY}: median {statistics.median(beside) * 1000:.0f} ms,", end=" ")
        print(f"slowest {max(beside) * 1000:.0f} ms;", end=" ")
        print(f"memory {before // 1024} MiB, {during // 1024} MiB, {after // 1024} MiB")
        assert max(beside) < 10  # The promise is 2 s; machines that run this are shared.
