"""Devices: they connect over TLS 1.3, say CONNECT, are answered, and leave."""

import contextlib
import socket
import ssl
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

from bench.identities import HOST
from bench.processes import Process
from broker.wire import GOODBYE, connect

PATIENCE = 30.0
WORKERS = 4
"""Devices that connect at the same time: enough to keep a server busy, not to overrun it."""
_SETTLES = 0.1
"""Seconds after which a server has dealt with the end of the last connection."""


class Device:
    """One device.

    Args:
        port: where it connects to.
        context: its certificate and key, and whom it trusts.
        client_id: its client identifier.
        keep_alive: seconds; 0 for none.
    """

    def __init__(
        self, port: int, context: ssl.SSLContext, client_id: str, keep_alive: int = 60
    ) -> None:
        self._port, self._context = port, context
        self._hello = connect(client_id, keep_alive=keep_alive)
        self._session: ssl.SSLSession | None = None

    def open(self, *, resume: bool = False) -> tuple[ssl.SSLSocket, int]:
        """Connect; give the connection and the return code, -1 where there was none."""
        plain = socket.create_connection((HOST, self._port), PATIENCE)
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        session = self._session if resume else None
        tls = self._context.wrap_socket(plain, server_hostname="localhost", session=session)
        try:
            tls.sendall(self._hello)
            answer = _read(tls, 4)
        except OSError:
            answer = b""
        if answer:
            self._session = tls.session
        return tls, answer[3] if len(answer) == 4 else -1

    def visit(self, *, resume: bool = False) -> None:
        """Connect, be admitted, and leave."""
        tls, code = self.open(resume=resume)
        with tls:
            assert code == 0, f"CONNACK {code}"
            assert tls.session_reused is resume
            tls.sendall(GOODBYE)

    def is_refused(self) -> bool:
        """Connect, and tell whether the server refuses."""
        try:
            tls, code = self.open()
        except OSError:
            return True
        with tls:
            if code == 0:
                tls.sendall(GOODBYE)
        return code != 0


def _read(tls: ssl.SSLSocket, count: int) -> bytes:
    found = b""
    while len(found) < count and (more := tls.recv(count - len(found))):
        found += more
    return found


class Load:
    """Devices that connect several at a time, to one server or to several that share the work.

    Args:
        servers: where they connect to.
        devices: the devices, each with its server.
    """

    def __init__(self, servers: Sequence[Process], devices: Sequence[Device]) -> None:
        self._servers, self._devices = servers, devices

    def round(self, *, resume: bool = False, count: int | None = None) -> tuple[float, float]:
        """Let each device visit once; give the CPU milliseconds for each, and the rate."""
        chosen = self._devices[:count]
        with _workers() as pool:
            before, began = self._cpu(), time.perf_counter()
            for visit in [pool.submit(device.visit, resume=resume) for device in chosen]:
                visit.result()
            took = time.perf_counter() - began
            time.sleep(_SETTLES)
            cpu = self._cpu() - before
        return cpu * 1000 / len(chosen), len(chosen) / took

    def _cpu(self) -> float:
        return sum(server.cpu() for server in self._servers)


@contextlib.contextmanager
def _workers() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(WORKERS) as pool:
        yield pool


def crowd(devices: Sequence[Device]) -> list[ssl.SSLSocket]:
    """Let devices connect and stay."""

    def stay(device: Device) -> ssl.SSLSocket:
        tls, code = device.open()
        assert code == 0, f"CONNACK {code}"
        return tls

    with ThreadPoolExecutor(2 * WORKERS) as pool:
        return list(pool.map(stay, devices))
