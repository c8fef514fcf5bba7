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

from OpenSSL import SSL, crypto

from certgate_broker.client_hello import ClientHello
from certgate_broker.contexts import ServerContexts
from certgate_broker.wire import Wire

_CHUNK = 16_384
"""Plain bytes of one full TLS record (RFC 8446, 5.1)."""


class HandshakeError(Exception):
    """The handshake failed; the text is the TLS library's.

    Attributes:
        no_certificate: it failed because the client sent no certificate.
    """

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.no_certificate = "did not return a certificate" in detail


class TlsStream:
    """The server's end of one TLS connection.

    Args:
        wire: the bytes as they come and go.
        contexts: made by `server_contexts`.

    Attributes:
        instance_id: the instance asked for by the first label of the server name; "" for none but
            the default one. Known once the handshake is over.
        resumed: whether the handshake resumed a session; meaningful once it is over.
        examine: asked during the handshake whether a chain (DER, issuers first, the leaf last) may
            pass; None lets every chain pass.
        closed: we have hung up.
    """

    def __init__(self, wire: Wire, contexts: ServerContexts) -> None:
        self._wire = wire
        self._others = contexts.others
        self._accept(contexts.default)
        self.instance_id = ""
        self.closed = False
        self._seen: list[bytes] = []
        self.resumed = True
        self.examine: Callable[[Sequence[bytes]], bool] | None = None
        self._held = False
        self._at_once = False

    @property
    def held(self) -> bool:
        """Whether nothing is sent; what there is to send waits until it is set to False."""
        return self._held

    @held.setter
    def held(self, held: bool) -> None:
        released, self._held = self._held and not held, held
        if released:
            self._flush()

    @property
    def peer(self) -> tuple[str, int]:
        """Address and port of the client."""
        return self._wire.peer

    @property
    def full(self) -> bool:
        """Whether the client has not taken enough of what was sent for more to be sent."""
        return self._wire.full

    @property
    def version(self) -> str:
        """The protocol version, such as ``TLSv1.3``."""
        return self._tls.get_protocol_version_name()

    def presented(self, certificate: crypto.X509, error: int, depth: int) -> bool:
        """Take note of a certificate, and ask whether the chain may pass once that can be told.

        None is presented where a session is resumed. OpenSSL names the certificates from the top of
        the chain down to the leaf. It sends the alert that fits only if the chain is refused where
        OpenSSL itself finds fault with it: at the top, which has no issuer here. A top that is the
        leaf's own issuer tells enough.

        Args:
            certificate: the one OpenSSL looks at.
            error: what OpenSSL finds wrong with it, 0 for nothing.
            depth: its distance from the leaf.
        """
        self.resumed = False
        if self.examine is None:
            return True
        self._seen.append(crypto.dump_certificate(crypto.FILETYPE_ASN1, certificate))
        conclusive = depth == 0 or (error != 0 and depth == 1)
        return not conclusive or self.examine(self._seen)

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
        if self._others:
            await self._greet()
        else:
            self._tls.bio_write(await self._flight())
        while not self._shake():
            self._flush()
            self._tls.bio_write(await self._flight())
        # Tickets do not wait for CONNACK: they carry the acknowledgement without which a client
        # that has Nagle's algorithm on holds its CONNECT back for 40 ms.
        self._flush()

    def _shake(self) -> bool:
        """Go on with the handshake as far as what has come goes; tell whether it is complete."""
        try:
            self._tls.do_handshake()
        except SSL.WantReadError:
            return False
        except SSL.Error as error:
            self._flush()
            raise HandshakeError(_words(error)) from None
        return True

    async def _flight(self) -> bytes:
        data = await self._wire.read()
        if not data:
            raise HandshakeError("the client closed the connection")
        return data

    async def _greet(self) -> None:
        """Find out which instance is asked for, and go on with its context."""
        hello, name = ClientHello(), None
        while name is None:
            name = hello.feed(await self._flight())
        label = name.partition(".")[0]
        if label in self._others:
            self.instance_id = label
            self._accept(self._others[label])
        self._tls.bio_write(bytes(hello.received))

    def _accept(self, context: SSL.Context) -> None:
        self._tls = SSL.Connection(context, None)
        self._tls.set_accept_state()
        self._tls.set_app_data(self)

    async def receive(self) -> bytes:
        """Wait for plain bytes; b"" once no more will come."""
        if self._at_once:
            await asyncio.sleep(0)  # However many records come at once, others have their turn.
        self._at_once = True
        while not self.closed:
            try:
                return self._tls.recv(_CHUNK)
            except SSL.WantReadError:
                self._at_once = False
                await self._answer()
                data = await self._wire.read()
                if not data:
                    return b""
                self._tls.bio_write(data)
            except SSL.Error:
                # An orderly end, or bytes that are no TLS: either way nothing more will come.
                return b""
        return b""

    async def _answer(self) -> None:
        # Any number of KeyUpdates (RFC 8446, 4.6.3): who takes no answers is not read on.
        if self._flush() and self.full:
            await self._wire.drain()

    def send(self, data: bytes) -> None:
        """Send plain bytes; what cannot be sent any more is dropped.

        Args:
            data: the bytes.
        """
        if not data or self.closed:
            return
        try:
            self._tls.sendall(data)
        except SSL.Error:
            return
        self._flush()

    async def drain(self) -> None:
        """Wait until the client has taken enough of what was sent."""
        if not self.closed:
            await self._wire.drain()

    def close(self) -> None:
        """Say goodbye and hang up; a peer that does not listen is cut off soon after."""
        if self.closed:
            return
        self.closed = True
        # Each holds the other, and their memory would have to wait for the garbage collector.
        self._tls.set_app_data(None)
        self.examine = None
        with contextlib.suppress(SSL.Error):  # There may be no session that could be ended.
            self._tls.shutdown()
        self._flush()
        self._wire.close()

    def _flush(self) -> bool:
        """Send what there is to send; tell whether there was anything."""
        sent, more = False, not self._held
        with contextlib.suppress(SSL.Error):  # WantReadError: there is nothing more to send.
            while more:
                data = self._tls.bio_read(_CHUNK)
                self._wire.write(data)
                sent, more = True, len(data) == _CHUNK
        return sent


def _words(error: SSL.Error) -> str:
    """Give OpenSSL's last word on a failure, such as ``tlsv1 alert unknown ca``."""
    match error.args:
        case [[*_, (_, _, word)], *_]:
            return str(word)
    return str(error) or "the handshake failed"
