"""The TLS stream where no ordinary client takes it, and certificates that are hard to read."""

import asyncio
import contextlib
import ssl
from pathlib import Path

import pytest
from OpenSSL import SSL, crypto

from broker.conftest import House, connect_packet, write_pair
from broker.pipe import others
from broker.test_wire import Nowhere
from certgate_broker import tls
from certgate_broker.contexts import ServerContexts, _pass_to_the_decision, server_contexts
from certgate_broker.door import DoorSettings
from certgate_broker.tls import HandshakeError, TlsStream
from certgate_broker.wire import Wire
from certgate_certs.authority import CertificateAuthority
from certs import odd


@pytest.fixture
def contexts(settings: DoorSettings) -> ServerContexts:
    """Make the server's contexts."""
    return server_contexts(["only"], settings.certificate_file, settings.key_file)


@pytest.fixture
async def stream(contexts: ServerContexts) -> TlsStream:
    """Make a stream whose client has said nothing; what it writes goes nowhere."""
    wire = Wire(lambda _: None)
    wire.connection_made(Nowhere())
    return TlsStream(wire, contexts)


class Client:
    """The standard library's TLS client, with memory for a network."""

    def __init__(self, settings: DoorSettings, ca: CertificateAuthority) -> None:
        folder = settings.certificate_file.parent
        context = ssl.create_default_context(cafile=folder / "trust.pem")
        context.load_cert_chain(*write_pair(folder, ca.issue_device("m")))
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_hostname="localhost")

    def shake(self, data: bytes) -> bytes:
        """Take what the server says; give what is to be said to it."""
        self._incoming.write(data)
        with contextlib.suppress(ssl.SSLWantReadError):
            self._tls.do_handshake()
        return self._outgoing.read()

    def records(self, data: bytes, count: int) -> bytes:
        """Say something again and again, each time in a record of its own."""
        for _ in range(count):
            self._tls.write(data)
        return self._outgoing.read()


class TestContext:
    """`server_contexts`."""

    def test_key_of_another_certificate(self, settings: DoorSettings) -> None:
        """A key that does not belong to the certificate is an error, and not a broken server."""
        settings.key_file.write_text(CertificateAuthority.create_root("x").issued.key_pem)
        with pytest.raises(SSL.Error):
            server_contexts(["only"], settings.certificate_file, settings.key_file)

    def test_the_callback_without_a_stream(
        self, contexts: ServerContexts, ca: CertificateAuthority
    ) -> None:
        """Without a connection of ours there is nobody who could decide: no certificate passes."""
        certificate = crypto.X509.from_cryptography(ca.certificate)
        connection = SSL.Connection(contexts.default, None)
        passed = _pass_to_the_decision(connection, certificate, 20, 0, 0)
        assert not passed


class TestStream:
    """`TlsStream`, before and after there is a session."""

    async def test_no_certificate(self, stream: TlsStream) -> None:
        """Before the handshake there is no certificate, no chain and no name."""
        with pytest.raises(HandshakeError) as caught:
            stream.client_certificate()
        assert caught.value.no_certificate
        assert (stream.client_chain(), stream.instance_id) == ((), "")
        assert stream.peer == ("", 0)

    async def test_send_too_early_or_too_late(self, stream: TlsStream) -> None:
        """What cannot be sent is dropped."""
        stream.send(b"early")
        stream.close()
        stream.send(b"late")
        await stream.drain()
        stream.close()

    async def test_others_have_their_turn(
        self, contexts: ServerContexts, settings: DoorSettings, ca: CertificateAuthority
    ) -> None:
        """However many records come at once, everybody else goes on between them."""
        wire = Wire(lambda _: None)
        wire.connection_made(transport := Nowhere())
        stream, client = TlsStream(wire, contexts), Client(settings, ca)
        shaking = asyncio.create_task(stream.handshake())
        while not shaking.done():
            wire.data_received(client.shake(transport.written))
            transport.written = b""
            await asyncio.sleep(0)
        async with others() as turns:
            wire.data_received(client.records(b"\xc0\x00", 100))
            assert [await stream.receive() for _ in range(100)] == [b"\xc0\x00"] * 100
            assert turns() >= 98

    def test_words(self) -> None:
        """A failure without words has some."""
        assert tls._words(SSL.Error()) == "the handshake failed"  # noqa: SLF001
        assert tls._words(SSL.Error([("lib", "f", "first"), ("lib", "f", "last")])) == "last"  # noqa: SLF001


class TestUnreadableCertificate:
    """A certificate that OpenSSL takes and nobody else can read."""

    @pytest.mark.parametrize(
        ("data", "reason"),
        [(connect_packet("m"), "certificate_unacceptable"), (b"GET ", "connect_malformed")],
        ids=["good CONNECT", "no CONNECT"],
    )
    async def test_refused(
        self, house: House, ca: CertificateAuthority, tmp_path: Path, data: bytes, reason: str
    ) -> None:
        """It is refused, and its record has no subject; the next device is none the worse."""
        issued = ca.issue_device("meter-1")
        version = b"\xa0\x03\x02\x01"  # RFC 5280, 4.1.2.1: there is no version 6.
        der = issued.view.der.replace(version + b"\x02", version + b"\x05", 1)
        (tmp_path / "odd.pem").write_text(ssl.DER_cert_to_PEM_cert(der) + issued.key_pem)
        context = house.context(None)
        context.load_cert_chain(tmp_path / "odd.pem")
        assert await house.ask(context, data) == b"\x20\x02\x00\x05"
        (record,) = await house.records()
        assert (record.reasons, record.subject, record.device_sn) == ((reason,), "", "")
        assert await house.ask(house.context(issued), connect_packet("m")) == b"\x20\x02\x00\x00"

    def test_the_method(self, ca: CertificateAuthority) -> None:
        """The version stands where it is looked for."""
        assert ca.issue_device("m").view.der.index(b"\xa0\x03\x02\x01\x02") < 16
        assert odd.der_of(ca.certificate) == ca.issued.view.der
