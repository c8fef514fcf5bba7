"""What is kept for a client from one connection to the next, and what is not."""

import asyncio

import pytest

from broker.conftest import FIRST, House, eventually
from broker.wire import PING, PONG, Raw, Received, connect, packet, publish, short, text
from certgate_broker.desk import Desks
from certgate_certs.authority import CertificateAuthority
from certgate_certs.issued import IssuedCertificate

HELLO = connect("m", clean=False)
PUBACK, PUBREC, PUBREL, PUBCOMP = 0x40, 0x50, 0x62, 0x70


@pytest.fixture
def issued(ca: CertificateAuthority) -> IssuedCertificate:
    """Issue the certificate of the client under test."""
    return ca.issue_device("meter")


@pytest.fixture
async def sender(house: House, ca: CertificateAuthority) -> Raw:
    """Connect somebody who publishes."""
    return await Raw.open(house, ca.issue_device("sender"), connect("sender"))


async def post(sender: Raw, *payloads: bytes, qos: int = 1, topic: str = "t") -> None:
    """Publish messages and wait until the broker has them."""
    sender.send(*(publish(topic, item, qos, 1 + at) for at, item in enumerate(payloads)))
    for at, _ in enumerate(payloads):
        if qos:
            first, body = await sender.packet()
            assert (first >> 4, body) == (4 if qos == 1 else 5, (1 + at).to_bytes(2, "big"))
        if qos == 2:
            sender.send(short(PUBREL, 1 + at))
            assert await sender.packet() == (PUBCOMP, (1 + at).to_bytes(2, "big"))


async def subscribed(house: House, issued: IssuedCertificate, qos: int = 1) -> Raw:
    """Connect with a session that is kept, and subscribe."""
    client = await Raw.open(house, issued, HELLO)
    await client.subscribe("t", qos)
    return client


async def gone(house: House) -> None:
    """Wait until nothing of the client's connection is left."""
    await eventually(lambda: house.door.sessions.find(FIRST, "m") is None)


def said(messages: list[Received]) -> list[tuple[bytes, bool]]:
    """Give payloads, and whether each was marked as sent before."""
    return [(message.payload, message.again) for message in messages]


class TestQueued:
    """Messages for a client that is away."""

    async def test_in_order_and_once(
        self, house: House, issued: IssuedCertificate, sender: Raw
    ) -> None:
        """They arrive in order when it is back, not marked as retained or repeated, and once."""
        await (await subscribed(house, issued)).leave()
        await gone(house)
        await post(sender, *(payloads := [b"%d" % number for number in range(200)]))
        client = await Raw.open(house, issued, HELLO)
        assert client.present
        found = await client.settled()
        assert said(found) == [(payload, False) for payload in payloads]
        assert {(message.qos, message.retain) for message in found} == {(1, False)}
        client.send(*(short(PUBACK, message.packet_id) for message in found), PING)
        assert await client.packet() == PONG
        await client.leave()
        await gone(house)
        client = await Raw.open(house, issued, HELLO)
        assert await client.settled() == []
        await client.leave()
        await sender.leave()

    async def test_only_what_is_asked_for(
        self, house: House, issued: IssuedCertificate, sender: Raw
    ) -> None:
        """Neither a message with QoS 0 is kept, nor one for a subscription with QoS 0."""
        client = await subscribed(house, issued)
        assert await client.subscribe("zero", 0) == 0
        await client.leave()
        await gone(house)
        await post(sender, b"zero", qos=0)
        await post(sender, b"one", topic="zero")
        await post(sender, b"kept")
        client = await Raw.open(house, issued, HELLO)
        assert [message.payload for message in await client.settled()] == [b"kept"]
        await client.leave()
        await sender.leave()


class TestInFlight:
    """Messages that were on their way when a connection ended."""

    async def test_sent_again(self, house: House, issued: IssuedCertificate, sender: Raw) -> None:
        """What was not acknowledged comes again, marked so, before what came meanwhile (4.4)."""
        client = await subscribed(house, issued)
        await post(sender, b"1", b"2", b"3")
        found = [await client.message() for _ in range(3)]
        client.send(short(PUBACK, found[1].packet_id), PING)
        assert await client.packet() == PONG
        await client.vanish()
        await gone(house)
        await post(sender, b"4")
        client = await Raw.open(house, issued, HELLO)
        again = await client.settled()
        assert said(again) == [(b"1", True), (b"3", True), (b"4", False)]
        assert [message.packet_id for message in again[:2]] == [
            found[0].packet_id,
            found[2].packet_id,
        ]
        await client.leave()
        await sender.leave()

    async def test_another_acknowledgement_does_not_count(
        self, house: House, issued: IssuedCertificate, sender: Raw
    ) -> None:
        """A message stays until the packet that fits acknowledges it."""
        client = await subscribed(house, issued)
        await post(sender, b"1")
        message = await client.message()
        wrong = [short(PUBACK, 77), short(PUBCOMP, message.packet_id), short(PUBCOMP, 77), PING]
        client.send(*wrong)
        assert await client.packet() == PONG
        client.send(short(PUBREC, message.packet_id))
        assert (await client.packet())[0] == PUBREL
        await client.vanish()
        await gone(house)
        client = await Raw.open(house, issued, HELLO)
        assert said(await client.settled()) == [(b"1", True)]
        await client.leave()
        await sender.leave()

    async def test_exactly_once_to_the_client(
        self, house: House, issued: IssuedCertificate, sender: Raw
    ) -> None:
        """With QoS 2 the message is sent again until received, then its release, then nothing."""
        await (await subscribed(house, issued, 2)).leave()
        await gone(house)
        await post(sender, b"once", qos=2)
        client = await Raw.open(house, issued, HELLO)
        message = await client.message()
        assert (message.qos, message.again) == (2, False)
        await client.vanish()
        await gone(house)
        client = await Raw.open(house, issued, HELLO)
        assert (await client.message()).again
        client.send(short(PUBREC, message.packet_id))
        assert await client.packet() == (PUBREL, message.packet_id.to_bytes(2, "big"))
        await client.vanish()
        await gone(house)
        client = await Raw.open(house, issued, HELLO)
        assert await client.packet() == (PUBREL, message.packet_id.to_bytes(2, "big"))
        client.send(short(PUBCOMP, message.packet_id), PING)
        assert await client.packet() == PONG
        await client.leave()
        await gone(house)
        client = await Raw.open(house, issued, HELLO)
        assert await client.settled() == []
        await client.leave()
        await sender.leave()

    async def test_exactly_once_from_the_client(
        self, house: House, issued: IssuedCertificate, ca: CertificateAuthority
    ) -> None:
        """A message with QoS 2 is passed on when it is released, once, over any interruption."""
        reader = await Raw.open(house, ca.issue_device("reader"), connect("reader"))
        await reader.subscribe("t", 0)
        client = await Raw.open(house, issued, HELLO)
        client.send(publish("t", b"once", 2, 5))
        assert await client.packet() == (PUBREC, b"\x00\x05")
        await client.vanish()
        await gone(house)
        client = await Raw.open(house, issued, HELLO)
        client.send(packet(0x3C, text("t") + b"\x00\x05once"))
        assert await client.packet() == (PUBREC, b"\x00\x05")
        assert await reader.settled() == []
        for expected in ([b"once"], []):
            client.send(short(PUBREL, 5))
            assert await client.packet() == (PUBCOMP, b"\x00\x05")
            assert [message.payload for message in await reader.settled()] == expected
        await client.leave()
        await reader.leave()

    async def test_deleted_with_its_owner(
        self, house: House, issued: IssuedCertificate, ca: CertificateAuthority, sender: Raw
    ) -> None:
        """Who is given the identifier next gets nothing of what was on its way."""
        client = await subscribed(house, issued, 2)
        await post(sender, b"not acknowledged", qos=2)
        await client.message()
        client.send(publish("t", b"not released", 2, 5))
        await client.packet()
        await client.vanish()
        await gone(house)
        await house.registry.devices.delete(FIRST, ca.issued.view.sn, issued.view.sn)
        heir = await Raw.open(house, ca.issue_device("heir"), HELLO)
        assert not heir.present
        heir.send(short(PUBREL, 5))
        assert (await heir.packet())[0] == PUBCOMP
        await post(sender, b"for the subscription")
        assert await heir.settled() == []
        await heir.leave()
        await sender.leave()


class TestTakeOver:
    """A second connection of the same device."""

    async def test_session_goes_over(
        self, house: House, issued: IssuedCertificate, sender: Raw
    ) -> None:
        """Subscriptions stay, what was on its way comes again, and nothing goes to the first."""
        first = await subscribed(house, issued)
        await post(sender, b"1", b"2")
        assert (await first.message()).payload == b"1"
        second = await Raw.open(house, issued, HELLO)
        assert second.present
        await post(sender, b"3")
        found = [message.payload for message in await second.settled()]
        assert found == [b"1", b"2", b"3"]
        assert b"3" not in await first.cut_off()
        await second.leave()
        await sender.leave()

    async def test_from_one_that_does_not_read(
        self, house: House, issued: IssuedCertificate, sender: Raw
    ) -> None:
        """A first connection that takes nothing is taken over all the same."""
        first = await subscribed(house, issued)
        first.writer.transport.pause_reading()  # type: ignore[attr-defined]
        for number in range(10):
            await post(sender, b"%d" % number * 900_000)
        second = await Raw.open(house, issued, HELLO)
        assert [message.payload[:1] for message in await second.settled()] == [
            b"%d" % number for number in range(10)
        ]
        await first.vanish()
        await second.leave()
        await sender.leave()

    @pytest.mark.parametrize("first_clean", [False, True])
    async def test_clean(
        self, house: House, issued: IssuedCertificate, sender: Raw, first_clean: bool
    ) -> None:
        """With clean session nothing of the earlier one is left, nor of this one afterwards."""
        first = await Raw.open(house, issued, connect("m", clean=first_clean))
        await first.subscribe("t")
        await post(sender, b"1")
        first.send(publish("t", b"not released", 2, 5))
        second = await Raw.open(house, issued, connect("m"))
        assert not second.present
        await post(sender, b"2")
        assert await second.settled() == []
        await second.subscribe("t")
        await post(sender, b"3")
        await second.vanish()
        await first.cut_off()
        await gone(house)
        exchange = house.door._engines[FIRST]._exchange  # noqa: SLF001
        assert exchange.subscriptions == {}
        assert list(exchange.sessions) == ["sender"]
        third = await Raw.open(house, issued, HELLO)
        assert not third.present
        assert await third.settled() == []
        await third.leave()
        await sender.leave()

    async def test_while_messages_stream(
        self, house: House, issued: IssuedCertificate, sender: Raw
    ) -> None:
        """Over many take-overs, polite or not, every message arrives, first times in order."""
        client = await subscribed(house, issued)
        found: list[int] = []
        numbers = range(300)

        async def stream() -> None:
            for number in numbers:
                await post(sender, b"%d" % number)

        streaming = asyncio.create_task(stream())
        while numbers[-1] not in found:
            for _ in range(7):
                message = await client.message()
                found.append(int(message.payload))
                client.send(short(PUBACK, message.packet_id))
                if found[-1] == numbers[-1]:
                    break
            earlier, client = client, await Raw.open(house, issued, HELLO)
            assert client.present
            await earlier.vanish()
        await streaming
        assert list(dict.fromkeys(found)) == list(numbers)
        await client.leave()
        await sender.leave()

    async def test_back_at_once(self, house: House, issued: IssuedCertificate) -> None:
        """A client that comes back at once stays, and a clean session ends with its connection."""
        exchange = house.door._engines[FIRST]._exchange  # noqa: SLF001
        for number in range(30):
            client = await Raw.open(house, issued, connect("m", clean=number % 3 > 0))
            assert await client.subscribe("t") == 1
            await client.vanish()
            await gone(house)
            assert ("m" in exchange.sessions) is (number % 3 == 0)
        watching = [task for task in asyncio.all_tasks() if "session_monitor" in repr(task)]
        assert watching == [], "amqtt's own clean-up might meet a client that is back"


class TestOperator:
    """Messages by SendMessage."""

    async def test_to_one(self, house: House, issued: IssuedCertificate) -> None:
        """A client that is connected gets them, acknowledged or again; one that is not does not."""
        desks = Desks(house.registry, house.door.desk)
        await desks.send(FIRST, "a/p2p/m", "before there was a session")
        client = await Raw.open(house, issued, HELLO)
        await desks.send(FIRST, "a/p2p/m", "taken")
        await desks.send(FIRST, "a/p2p/m", "not taken")
        first, second = await client.message(), await client.message()
        assert (first.payload, first.topic, first.qos) == (b"taken", "a/p2p/m", 1)
        client.send(short(PUBACK, first.packet_id), PING)
        assert await client.packet() == PONG
        await client.vanish()
        await gone(house)
        await desks.send(FIRST, "a/p2p/m", "while it was away")
        client = await Raw.open(house, issued, HELLO)
        assert said(await client.settled()) == [(second.payload, True)]
        await client.leave()

    async def test_to_nobody_else(
        self, house: House, issued: IssuedCertificate, ca: CertificateAuthority
    ) -> None:
        """Not even who is subscribed to everything hears what is for one client."""
        desks = Desks(house.registry, house.door.desk)
        other = await Raw.open(house, ca.issue_device("other"), connect("other"))
        await other.subscribe("#")
        client = await Raw.open(house, issued, connect("m"))
        await desks.send(FIRST, "a/p2p/m", "for one")
        assert [message.payload for message in await client.settled()] == [b"for one"]
        assert await other.settled() == []
        await other.leave()
        await client.leave()

    async def test_during_take_overs(self, house: House, issued: IssuedCertificate) -> None:
        """Whoever is connected gets them, in order; a kept session loses none it was sent."""
        desks = Desks(house.registry, house.door.desk)
        client = await Raw.open(house, issued, HELLO)
        for number in range(20):
            await desks.send(FIRST, "a/p2p/m", str(number))
            second = await Raw.open(house, issued, HELLO)
            found = [int(message.payload) for message in await second.settled()]
            assert found == list(range(number + 1))
            await client.cut_off()
            client = second
        await client.leave()

    async def test_closed_by_the_operator(
        self, house: House, issued: IssuedCertificate, sender: Raw
    ) -> None:
        """CloseConnection ends a connection, not what is stored; whoever has CONNACK is found."""
        desks = Desks(house.registry, house.door.desk)
        for number in range(10):
            client = await Raw.open(house, issued, HELLO)
            assert client.present is (number > 0)
            if not number:
                await client.subscribe("t")
            assert await desks.close(FIRST, "m")
            await client.cut_off()
            await post(sender, b"%d" % number)
        client = await Raw.open(house, issued, HELLO)
        assert [message.payload for message in await client.settled()] == [
            b"%d" % number for number in range(10)
        ]
        await client.leave()
        await sender.leave()
