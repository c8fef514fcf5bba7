"""Stored sessions: whose they are, and who resumes them."""

import asyncio
import contextlib

from amqtt.adapters import ReaderAdapter, WriterAdapter

from broker.conftest import FIRST, Device, House, Knock, connect_packet, eventually
from broker.wire import Raw, Will, connect
from broker.wire import publish as packet
from certgate_broker.distribution import LISTENER
from certgate_broker.session import ClientSession
from certgate_certs.authority import CertificateAuthority
from certgate_certs.issued import IssuedCertificate

PRESENT, NEW = ("Success", True), ("Success", False)


async def gone(house: House, device: Device) -> None:
    """Let a device leave and wait until the door has noticed."""
    await device.leave()
    await eventually(lambda: house.door.sessions.find(FIRST, "m") is None)


async def store(house: House, issued: IssuedCertificate) -> Device:
    """Let a device leave a subscription behind."""
    device = house.device(issued, "m", clean=False)
    assert await device.connect() == NEW
    await device.subscribe("t")
    await gone(house, device)
    return device


async def publish(house: House, ca: CertificateAuthority, payload: bytes) -> None:
    """Publish from somebody else's device."""
    other = house.device(ca.issue_device("other"), payload.decode())
    await other.connect()
    await other.publish("t", payload)
    await other.leave()


class TestStoredSessions:
    """A session outlives its connection, for its owner."""

    async def test_resumed(self, house: House, ca: CertificateAuthority) -> None:
        """Who owns it resumes it, with the messages that came meanwhile."""
        device = await store(house, ca.issue_device("meter-1"))
        await publish(house, ca, b"meanwhile")
        assert await device.connect() == PRESENT
        assert await device.message() == b"meanwhile"
        await device.leave()

    async def test_renewed_certificate(self, house: House, ca: CertificateAuthority) -> None:
        """A newer certificate of the same device resumes it, and is judged as itself (S5)."""
        await store(house, ca.issue_device("meter-1"))
        await publish(house, ca, b"meanwhile")
        newer = ca.issue_device("meter-1")
        device = house.device(newer, "m", clean=False)
        assert await device.connect() == PRESENT
        assert await device.message() == b"meanwhile"
        await device.leave()
        assert (await house.records())[-1].device_sn == newer.view.sn

    async def test_not_inherited(self, house: House, ca: CertificateAuthority) -> None:
        """After its owner was deleted it is nobody's: no subscription and no message of his."""
        issued = ca.issue_device("meter-1")
        await store(house, issued)
        await publish(house, ca, b"before")
        await house.registry.devices.delete(FIRST, ca.issued.view.sn, issued.view.sn)
        heir = house.device(ca.issue_device("meter-2"), "m", clean=False)
        assert await heir.connect() == NEW
        await publish(house, ca, b"after")
        await heir.subscribe("own")
        await heir.publish("own", b"own")
        assert await heir.message() == b"own"
        await heir.leave()

    async def test_clean_session_leaves_nothing(
        self, house: House, ca: CertificateAuthority
    ) -> None:
        """A clean session is not resumed, however soon its client comes back (3.1.2.4)."""
        issued = ca.issue_device("meter-1")
        first = house.device(issued, "m", clean=True)
        await first.connect()
        await first.subscribe("t")
        second = house.device(issued, "m", clean=False)
        assert await second.connect() == NEW
        await first.leave()
        await publish(house, ca, b"other")
        await second.subscribe("own")
        await second.publish("own", b"own")
        assert await second.message() == b"own"
        await second.leave()

    async def test_clean_connection_clears(self, house: House, ca: CertificateAuthority) -> None:
        """Its owner can have it thrown away."""
        issued = ca.issue_device("meter-1")
        await store(house, issued)
        clean = house.device(issued, "m", clean=True)
        assert await clean.connect() == NEW
        await gone(house, clean)
        again = house.device(issued, "m", clean=False)
        assert await again.connect() == NEW
        await again.leave()


class Dialogue(ReaderAdapter, WriterAdapter):
    """A connection that came to amqtt some other way than through the door."""

    def __init__(self, said: bytes) -> None:
        self.said, self.heard, self.closed = said, b"", False

    async def read(self, n: int = -1) -> bytes:
        """Give so many bytes."""
        taken, self.said = self.said[:n], self.said[n:]
        return taken

    def feed_eof(self) -> None:
        """Nothing to do."""

    def write(self, data: bytes) -> None:
        """Take bytes."""
        self.heard += data

    async def drain(self) -> None:
        """Nothing to wait for."""

    def get_peer_info(self) -> tuple[str, int]:
        """Give an address."""
        return "192.0.2.1", 4711

    def get_ssl_info(self) -> None:
        """Give nothing."""

    async def close(self) -> None:
        """Note it."""
        self.closed = True


async def test_nobody_without_an_identity(house: House, ca: CertificateAuthority) -> None:
    """Who was not admitted is refused, and the session it names is as before, its will too."""
    victim = await Raw.open(house, ca.issue_device("v"), connect("m", clean=False, will=Will()))
    await victim.subscribe("#")
    exchange = house.door._engines[FIRST]._exchange  # noqa: SLF001
    for clean in (False, True):
        will = Will(message=b"forged", retain=True)
        dialogue = Dialogue(connect("m", clean=clean, will=will))
        await exchange.external_connected(dialogue, dialogue, LISTENER)
        assert (dialogue.heard, dialogue.closed) == (b"\x20\x02\x00\x05", True)
    session = exchange.sessions["m"][0]
    assert isinstance(session, ClientSession)
    assert session.will is not None
    assert session.will.message == b"gone"
    victim.send(packet("t", b"still here"))
    assert (await victim.message()).payload == b"still here"
    await victim.leave()


class TestTakeOver:
    """The take-over scenarios that amqtt's own listener loses."""

    async def attacked(
        self,
        house: House,
        ca: CertificateAuthority,
        thief: IssuedCertificate | None,
        *,
        clean: bool,
    ) -> bytes:
        """Connect with the victim's identifier and another certificate, or none."""
        context = house.context(thief)

        def once() -> bytes:
            try:
                with contextlib.closing(Knock(house.port, context)) as knock:
                    return knock.ask(connect_packet("m", clean=clean))
            except OSError:
                return b""

        return await asyncio.to_thread(once)

    async def test_online(self, house: House, ca: CertificateAuthority) -> None:
        """A victim that is online keeps connection and subscriptions (S1, S2, S3)."""
        victim = house.device(ca.issue_device("meter-1"), "m", clean=False)
        await victim.connect()
        await victim.subscribe("t")
        for thief in (None, ca.issue_device("thief")):
            for clean in (False, True):
                answer = await self.attacked(house, ca, thief, clean=clean)
                assert answer == (b"" if thief is None else b"\x20\x02\x00\x05")
        await publish(house, ca, b"still here")
        assert await victim.message() == b"still here"
        await victim.leave()

    async def test_offline(self, house: House, ca: CertificateAuthority) -> None:
        """A victim that is offline finds its session as it left it (S4)."""
        victim = await store(house, ca.issue_device("meter-1"))
        for thief in (None, ca.issue_device("thief")):
            await self.attacked(house, ca, thief, clean=True)
        await publish(house, ca, b"queued")
        assert await victim.connect() == PRESENT
        assert await victim.message() == b"queued"
        await victim.leave()
