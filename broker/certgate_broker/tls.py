"""TLS with the decision left to the decision.

OpenSSL checks that the client holds the key of the certificate it presents; whether that
certificate is worth anything is asked of the registry after CONNECT. The verify callback therefore
lets every chain pass: a device of an unknown or inactive CA gets a reason, and a record that says
which certificate it was, instead of an alert that names neither. pyOpenSSL, because the standard
library's ssl has no such callback and drops failed handshakes silently.
"""

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from pathlib import Path

from OpenSSL import SSL, crypto

_CHUNK = 16_384
"""Plain bytes of one full TLS record (RFC 8446, 5.1)."""
_CLOSE_SECONDS = 2.0
"""A peer that does not read our last bytes within this time is cut off."""
_OPTIONS = SSL.OP_NO_RENEGOTIATION | SSL.OP_NO_COMPRESSION | SSL.OP_CIPHER_SERVER_PREFERENCE


class HandshakeError(Exception):
    """The handshake failed; the text is the TLS library's.

    Attributes:
        no_certificate: it failed because the client sent no certificate.
    """

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.no_certificate = "did not return a certificate" in detail


def server_context(certificate_file: Path, key_file: Path) -> SSL.Context:
    """Make the context that every connection of a listener is accepted with.

    Args:
        certificate_file: the server's certificate followed by its issuers, PEM.
        key_file: its private key, PEM.

    Raises:
        SSL.Error: one of the files cannot be read, or they do not belong together.
    """
    context = SSL.Context(SSL.TLS_SERVER_METHOD)
    context.set_min_proto_version(SSL.TLS1_2_VERSION)
    context.set_options(_OPTIONS)
    context.use_certificate_chain_file(str(certificate_file))
    context.use_privatekey_file(str(key_file))
    context.check_privatekey()
    context.set_verify(SSL.VERIFY_PEER | SSL.VERIFY_FAIL_IF_NO_PEER_CERT, _pass_to_the_decision)
    # Without a context id OpenSSL resumes no session that carries a client certificate.
    context.set_session_id(b"certgate")
    # Without a callback a session resumed with TLS 1.2 forgets the name it was made for.
    context.set_tlsext_servername_callback(lambda _connection: None)
    return context


def _pass_to_the_decision(
    connection: SSL.Connection, certificate: crypto.X509, error: int, depth: int, _ok: int
) -> bool:
    """Note that a certificate was presented, which does not happen when a session is resumed."""
    stream = connection.get_app_data()
    if not isinstance(stream, TlsStream):
        return False
    stream.resumed = False
    return stream.examine is None or stream.examined(certificate, error, depth)


class TlsStream:
    """The server's end of one TLS connection over an asyncio stream.

    Args:
        reader: the bytes that come in.
        writer: takes the bytes that go out.
        context: made by `server_context`.

    Attributes:
        resumed: whether the handshake resumed a session; meaningful once it is over.
        examine: asked during the handshake whether a chain (DER, issuers first, the leaf last) may
            pass; None lets every chain pass.
    """

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, context: SSL.Context
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._tls = SSL.Connection(context, None)
        self._tls.set_accept_state()
        self._tls.set_app_data(self)
        self._closing = False
        self._seen: list[bytes] = []
        self.resumed = True
        self.examine: Callable[[Sequence[bytes]], bool] | None = None

    @property
    def peer(self) -> tuple[str, int]:
        """Address and port of the client."""
        host, port, *_ = self._writer.get_extra_info("peername") or ("", 0)
        return host, port

    @property
    def version(self) -> str:
        """The protocol version, such as ``TLSv1.3``."""
        return self._tls.get_protocol_version_name()

    @property
    def server_name(self) -> str:
        """The server name that the client asked for, or ""."""
        return (self._tls.get_servername() or b"").decode("ascii", "replace")

    def examined(self, certificate: crypto.X509, error: int, depth: int) -> bool:
        """Take note of a certificate, and ask whether the chain may pass once that can be told.

        OpenSSL names the certificates from the top of the chain down to the leaf. It sends the
        alert that fits only if the chain is refused where OpenSSL itself finds fault with it: at
        the top, which has no issuer here. A top that is the leaf's own issuer tells enough.

        Args:
            certificate: the one OpenSSL looks at.
            error: what OpenSSL finds wrong with it, 0 for nothing.
            depth: its distance from the leaf.
        """
        self._seen.append(crypto.dump_certificate(crypto.FILETYPE_ASN1, certificate))
        conclusive = depth == 0 or (error != 0 and depth == 1)
        return not conclusive or self.examine is None or self.examine(self._seen)

    def client_certificate(self) -> bytes:
        """Give the client's certificate, DER; on a resumed session that of the original handshake.

        Raises:
            HandshakeError: there is none.
        """
        certificate = self._tls.get_peer_certificate()
        if certificate is None:
            raise HandshakeError("peer did not return a certificate")
        return crypto.dump_certificate(crypto.FILETYPE_ASN1, certificate)

    def client_chain(self) -> tuple[bytes, ...]:
        """Give DER of what the client sent after its certificate; nothing on a resumed session."""
        # On the server's side OpenSSL leaves the client's own certificate out of the chain.
        chain = self._tls.get_peer_cert_chain() or []
        return tuple(crypto.dump_certificate(crypto.FILETYPE_ASN1, item) for item in chain)

    async def handshake(self) -> None:
        """Complete the handshake.

        Raises:
            HandshakeError: it cannot be completed; the client has been told why as far as TLS can.
        """
        while True:
            try:
                self._tls.do_handshake()
            except SSL.WantReadError:
                self._flush()
                if not await self._fill():
                    raise HandshakeError("the client closed the connection") from None
            except SSL.Error as error:
                self._flush()
                raise HandshakeError(_words(error)) from None
            else:
                self._flush()
                return

    async def receive(self) -> bytes:
        """Wait for plain bytes; b"" once no more will come."""
        while True:
            try:
                return self._tls.recv(_CHUNK)
            except SSL.WantReadError:
                self._flush()
                if not await self._fill():
                    return b""
            except SSL.Error:
                # An orderly end, or bytes that are no TLS: either way nothing more will come.
                return b""

    def send(self, data: bytes) -> None:
        """Send plain bytes; what cannot be sent any more is dropped.

        Args:
            data: the bytes.
        """
        if not data or self._closing:
            return
        try:
            self._tls.sendall(data)
        except SSL.Error:
            return
        self._flush()

    async def drain(self) -> None:
        """Wait until the client has taken enough of what was sent."""
        if not self._closing:
            with contextlib.suppress(OSError):  # The next read tells that the client is gone.
                await self._writer.drain()

    def close(self) -> None:
        """Say goodbye and hang up; a peer that does not listen is cut off soon after."""
        if self._closing:
            return
        self._closing = True
        # Each holds the other, and their memory would have to wait for the garbage collector.
        self._tls.set_app_data(None)
        self.examine = None
        with contextlib.suppress(SSL.Error):  # There may be no session that could be ended.
            self._tls.shutdown()
        self._flush()
        self._hang_up()

    def _hang_up(self) -> None:
        transport = self._writer.transport
        transport.close()
        loop = asyncio.get_running_loop()
        loop.call_later(_CLOSE_SECONDS, transport.abort)

    async def _fill(self) -> bool:
        try:
            data = await self._reader.read(_CHUNK)
        except OSError:
            return False
        if data:
            self._tls.bio_write(data)
        return bool(data)

    def _flush(self) -> None:
        while True:
            try:
                self._writer.write(self._tls.bio_read(_CHUNK))
            except SSL.Error:
                return  # WantReadError: nothing (more) to send.


def _words(error: SSL.Error) -> str:
    """Give OpenSSL's last word on a failure, such as ``tlsv1 alert unknown ca``."""
    errors = error.args[0] if error.args else ()
    if errors and isinstance(errors, list):
        return str(errors[-1][2])
    return str(error) or "the handshake failed"
