"""Devices of a lab, none of them certgate's own: the standard library's TLS, packets by hand."""

import contextlib
import socket
import ssl
import time

from e2e.support import PATIENCE
from proofs.history import DONE, Call, Event, Kind

_ACCEPTED = b"\x20\x02\x00\x00"
_DISCONNECT = b"\xe0\x00"


class Lamp:
    """A device, one connection after the other.

    Args:
        name: who it is in a history, and its client identifier.
        device: numbers of its CA and of its certificate.
        context: what it shows and trusts.
        port: where it connects.
    """

    def __init__(
        self, name: str, device: tuple[int, int], context: ssl.SSLContext, port: int
    ) -> None:
        self.name = name
        self.device = device
        self._context, self._port = context, port
        self._tls: ssl.SSLSocket | None = None
        self._session: ssl.SSLSession | None = None

    @property
    def is_connected(self) -> bool:
        """Whether its last connection was admitted and not ended by itself."""
        return self._tls is not None

    def connect(self, instance: str, *, resumes: bool, linger: float) -> Event:
        """Connect; the call begins when CONNECT is sent, for no decision is made before.

        Args:
            instance: whom to connect to.
            resumes: resume the last connection's TLS session, if there was one.
            linger: seconds between the handshake and CONNECT.

        Returns:
            What it came to, the CONNACK as it is; trouble is an answer that no model has.
        """
        start, address, resumed = time.monotonic_ns(), "", False
        try:
            tls = self._shake_hands(instance, self._session if resumes else None)
            address, resumed = "{}:{}".format(*tls.getsockname()), bool(tls.session_reused)
            time.sleep(linger)
            start = time.monotonic_ns()
            answer = self._say_connect(tls)
        except OSError as trouble:
            answer = f"no answer, {trouble!r}"
        end = time.monotonic_ns()
        call = Call(Kind.CONNECT, instance, *self.device)
        return Event(self.name, call, start, end, answer, resumed, address)

    def _shake_hands(self, instance: str, session: ssl.SSLSession | None) -> ssl.SSLSocket:
        plain = socket.create_connection(("127.0.0.1", self._port), PATIENCE)
        with plain:  # Does nothing once the socket has been wrapped.
            plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            name = f"{instance}.localhost"
            return self._context.wrap_socket(plain, server_hostname=name, session=session)

    def _say_connect(self, tls: ssl.SSLSocket) -> str:
        before, self._tls = self._tls, tls
        try:
            tls.sendall(connect_packet(self.name))
            answer = tls.recv(4)
        finally:
            if before is not None:  # The broker has ended it: its identifier was taken over.
                before.close()
        self._session = tls.session
        if answer != _ACCEPTED:
            self._hang_up()
        return f"CONNACK {answer.hex(' ')}"

    def disconnect(self, instance: str) -> Event:
        """Say DISCONNECT, if there is a connection, and hang up.

        Args:
            instance: what the history says; the connection knows by itself.
        """
        start = time.monotonic_ns()
        if self._tls is not None:
            with contextlib.suppress(OSError):
                self._tls.sendall(_DISCONNECT)
        self._hang_up()
        call = Call(Kind.DISCONNECT, instance, *self.device)
        return Event(self.name, call, start, time.monotonic_ns(), DONE)

    def forget(self) -> None:
        """Forget the TLS session: the next connection resumes nothing."""
        self._session = None

    def _hang_up(self) -> None:
        if self._tls is not None:
            self._tls.close()
        self._tls = None


def connect_packet(client_id: str) -> bytes:
    """Write a CONNECT packet by hand: MQTT 3.1.1, clean session, a minute's keep alive."""
    name = client_id.encode()
    body = b"\0\x04MQTT\x04\x02\0\x3c" + len(name).to_bytes(2, "big") + name
    return bytes([0x10, len(body)]) + body
