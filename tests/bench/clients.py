"""Devices: they connect over TLS 1.3, say CONNECT, are answered, and leave."""

import itertools
import socket
import ssl
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from bench.filling import client_id
from bench.identities import HOST, Identities
from bench.processes import Process
from broker.wire import GOODBYE, connect

PATIENCE = 30.0
WORKERS = 4
"""Devices that connect at the same time: enough to keep a server busy, not to overrun it."""
WARM = 8
"""Visits before a round: whoever was measured before leaves nothing in the processor's caches."""
_IDLE = 0.5
"""Seconds in which nobody comes."""
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
        """Connect.

        Args:
            resume: with the TLS session of the last time.

        Returns:
            The connection, and the return code, -1 where there was no CONNACK.

        Raises:
            OSError: there is no connection.
        """
        plain = socket.create_connection((HOST, self._port), PATIENCE)
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        session = self._session if resume else None
        try:
            tls = self._context.wrap_socket(plain, server_hostname="localhost", session=session)
        except OSError:
            plain.close()
            raise
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

    def ask(self) -> int:
        """Connect, and leave; give the return code, -1 where there was none."""
        try:
            tls, code = self.open()
        except OSError:
            return -1
        with tls:
            if code == 0:
                tls.sendall(GOODBYE)
        return code


def devices_of(identities: Identities, server: Process) -> list[Device]:
    """Give the devices of a CA, each with its client identifier.

    Args:
        identities: the CA and its devices.
        server: where they connect to.
    """
    return [
        Device(server.port, context, client_id(identities, number))
        for number, context in enumerate(identities.contexts(server.trusted))
    ]


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

    Attributes:
        count: how many devices there are.
    """

    def __init__(self, servers: Sequence[Process], devices: Sequence[Device]) -> None:
        self._servers, self._devices = servers, devices
        self.count = len(devices)

    def round(self, *, resume: bool = False, count: int | None = None) -> tuple[float, float]:
        """Let devices visit, one after the other and some at a time.

        Args:
            resume: with the TLS session of the last time.
            count: how many visits; else each device visits once.

        Returns:
            The servers' CPU time for a visit, milliseconds, and visits in a second.
        """
        chosen = list(itertools.islice(itertools.cycle(self._devices), count or self.count))
        with ThreadPoolExecutor(WORKERS) as pool:
            before, began = self._cpu(), time.perf_counter()
            for visit in [pool.submit(device.visit, resume=resume) for device in chosen]:
                visit.result()
            took = time.perf_counter() - began
            time.sleep(_SETTLES)
            cpu = self._cpu() - before
        return cpu * 1000 / len(chosen), len(chosen) / took

    def idle(self) -> float:
        """Give the servers' CPU time in a second in which nobody visits, milliseconds."""
        before = self._cpu()
        time.sleep(_IDLE)
        return (self._cpu() - before) * 1000 / _IDLE

    def suite(self) -> str:
        """Give the cipher suite that is agreed on."""
        tls, _ = self._devices[0].open()
        with tls:
            return (tls.cipher() or ("none",))[0]

    def _cpu(self) -> float:
        return sum(server.cpu() for server in self._servers)


def crowd(devices: Sequence[Device]) -> list[ssl.SSLSocket]:
    """Let devices connect and stay.

    Args:
        devices: the devices, each once.

    Returns:
        Their connections.
    """

    def stay(device: Device) -> ssl.SSLSocket:
        tls, code = device.open()
        assert code == 0, f"CONNACK {code}"
        return tls

    with ThreadPoolExecutor(2 * WORKERS) as pool:
        return list(pool.map(stay, devices))
