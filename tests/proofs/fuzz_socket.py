"""A TCP connection to a server that may hang up at any time, and OpenSSL as a client over it."""

import asyncio
import contextlib
import warnings
from dataclasses import dataclass

from OpenSSL import SSL, crypto

from certgate_certs.odd import DeviceKey

_CHUNK = 65_536


class Over(Exception):  # noqa: N818  the server's right
    """The server has said all it will say."""


@dataclass
class Wire:
    """One TCP connection.

    Attributes:
        reader: what the server sends.
        writer: takes what is sent to it.
    """

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def record(self) -> tuple[int, bytes]:
        """Read a TLS record: its type and content.

        Raises:
            Over: there is none any more.
        """
        try:
            head = await self.reader.readexactly(5)
            return head[0], await self.reader.readexactly(int.from_bytes(head[3:], "big"))
        except (asyncio.IncompleteReadError, OSError):
            raise Over from None

    async def some(self) -> bytes:
        """Read some bytes.

        Raises:
            Over: there are none any more.
        """
        try:
            data = await self.reader.read(_CHUNK)
        except OSError:
            raise Over from None
        if not data:
            raise Over
        return data

    async def rest(self) -> bytes:
        """Read to the end."""
        heard = b""
        with contextlib.suppress(Over):
            while True:
                heard += await self.some()
        return heard

    def finish(self, data: bytes = b"") -> None:
        """Send the last bytes and close this side."""
        with contextlib.suppress(OSError):
            self.writer.write(data)
            self.writer.write_eof()

    async def close(self) -> None:
        """Close, and wait until it is closed."""
        self.writer.transport.abort()
        with contextlib.suppress(OSError):
            await self.writer.wait_closed()


def openssl_context(
    chain: tuple[bytes, ...], key: DeviceKey | None, version: int
) -> SSL.Context | None:
    """Make a context that presents a chain, or none; None where OpenSSL does not agree to it.

    Args:
        chain: DER, the leaf first.
        key: the leaf's.
        version: of TLS, the only one.
    """
    context = SSL.Context(SSL.TLS_CLIENT_METHOD)
    context.set_min_proto_version(version)
    context.set_max_proto_version(version)
    context.set_cipher_list(b"DEFAULT@SECLEVEL=0")  # It may present what is too weak to accept.
    # pyOpenSSL would rather be given the objects of a library that reads less than OpenSSL does.
    with warnings.catch_warnings(action="ignore"):
        return context if _presents(context, chain, key) else None


def _presents(context: SSL.Context, chain: tuple[bytes, ...], key: DeviceKey | None) -> bool:
    try:
        certificates = [crypto.load_certificate(crypto.FILETYPE_ASN1, der) for der in chain]
        for number, certificate in enumerate(certificates):
            (context.add_extra_chain_cert if number else context.use_certificate)(certificate)
        if key is not None:
            context.use_privatekey(crypto.PKey.from_cryptography_key(key))
    except (SSL.Error, crypto.Error):
        return False
    return True


class Borrowed:
    """One connection by OpenSSL.

    Args:
        wire: what it goes over.
        context: what is presented, and how.
        name: the server name that is asked for, or b"".
        session: a session to be resumed, or None.
    """

    def __init__(
        self,
        wire: Wire,
        context: SSL.Context,
        name: bytes = b"",
        session: SSL.Session | None = None,
    ) -> None:
        self._wire = wire
        self._tls = client(context, name, session)

    @property
    def session(self) -> SSL.Session | None:
        """What a later connection may resume, whatever became of this one."""
        self._tls.set_shutdown(SSL.SENT_SHUTDOWN | SSL.RECEIVED_SHUTDOWN)
        return self._tls.get_session()

    async def talk(self, said: bytes, behind: bytes = b"") -> bytes:
        """Shake hands, say something, and give what the server says within TLS.

        Args:
            said: what is said within TLS.
            behind: bytes that follow without any TLS.
        """
        try:
            await self._shake_hands()
            if said:
                self._tls.sendall(said)
            self._wire.finish(drained(self._tls) + behind)
        except SSL.Error:
            self._wire.finish(drained(self._tls))
        except Over:
            return b""
        return await self._listen()

    async def _shake_hands(self) -> None:
        while True:
            try:
                self._tls.do_handshake()
            except SSL.WantReadError:
                self._wire.writer.write(drained(self._tls))
                self._tls.bio_write(await self._wire.some())
            else:
                return

    async def _listen(self) -> bytes:
        """Read to the end, and give what was said within TLS."""
        heard = b""
        while True:
            try:
                heard += self._tls.recv(_CHUNK)
            except SSL.WantReadError:
                try:
                    self._tls.bio_write(await self._wire.some())
                except Over:
                    return heard
            except SSL.Error:  # An alert, or the end; the server may still have to hang up.
                await self._wire.rest()
                return heard


def drained(tls: SSL.Connection) -> bytes:
    """Take what a connection wants to send."""
    waiting = b""
    with contextlib.suppress(SSL.Error):
        while True:
            waiting += tls.bio_read(_CHUNK)
    return waiting


def client(context: SSL.Context, name: bytes, session: SSL.Session | None) -> SSL.Connection:
    """Make the client's end of a connection."""
    tls = SSL.Connection(context, None)
    tls.set_connect_state()
    if name:
        tls.set_tlsext_host_name(name)
    if session is not None:
        tls.set_session(session)
    return tls


def client_hello(context: SSL.Context, name: bytes, session: SSL.Session | None) -> bytes:
    """Give the first flight of a client."""
    tls = client(context, name, session)
    with contextlib.suppress(SSL.WantReadError):
        tls.do_handshake()
    return drained(tls)
