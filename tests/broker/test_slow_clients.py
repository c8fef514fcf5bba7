"""Clients that take too little, or ask too much: what they cost is bounded, and theirs alone."""

import asyncio
import logging
import socket

import pytest

from broker.conftest import FIRST, House, OpenHouse, eventually, register
from broker.wire import PING, Raw, Will, connect, publish, short, subscribe
from certgate_broker import distribution, sender
from certgate_broker.limits import ConnectionLimits
from certgate_certs.authority import CertificateAuthority

LIMITS = ConnectionLimits(kept_bytes=100_000, sessions=5)
BIG = b"x" * 9_000


@pytest.fixture
async def house(open_house: OpenHouse, ca: CertificateAuthority) -> House:
    """Open a door with small limits."""
    await register((opened := await open_house(limits=LIMITS)).registry, ca)
    return opened


async def deaf(house: House, ca: CertificateAuthority, name: str, qos: int) -> Raw:
    """Connect somebody who subscribes and reads no more; the system buffers little for it."""
    client = await Raw.open(house, ca.issue_device(name), connect(name, clean=False, will=Will()))
    await client.subscribe("t", qos)
    plain = client.writer.get_extra_info("socket")
    plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    client.writer.transport.pause_reading()  # type: ignore[attr-defined]
    return client


async def device(house: House, ca: CertificateAuthority, name: str) -> Raw:
    """Connect a device of its own certificate."""
    return await Raw.open(house, ca.issue_device(name), connect(name))


def there(house: House) -> bool:
    """Tell whether the client under test is connected."""
    return house.door.sessions.find(FIRST, "m") is not None


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    """Give what was logged; nothing may be worse than a warning."""
    assert {record.levelno for record in caplog.records} <= {logging.WARNING}
    return [record.getMessage() for record in caplog.records]


async def test_too_slow(
    house: House, ca: CertificateAuthority, caplog: pytest.LogCaptureFixture
) -> None:
    """Who does not take messages with QoS 0 is cut off, with its will; others get everything."""
    client = await deaf(house, ca, "m", 0)
    reader, writer = await device(house, ca, "reader"), await device(house, ca, "writer")
    await reader.subscribe("#", 0)
    count = 0
    while there(house):
        writer.send(publish("t", BIG))
        found = await reader.message()
        count += found.topic == "t"
        assert count < 5_000, "some megabytes fit into the system's buffers, not this many"
    rest = await reader.settled()
    assert [message.payload for message in rest if message.topic == "will"] in ([b"gone"], [])
    (line,) = warnings(caplog)
    assert line == "client 'm' is cut off: more than 200000 bytes wait for it"
    for item in (client, reader, writer):
        await item.vanish()


async def test_holds_nobody_up(house: House, ca: CertificateAuthority) -> None:
    """While a client takes nothing, messages between others arrive at once."""
    client = await deaf(house, ca, "m", 1)
    reader, writer = await device(house, ca, "reader"), await device(house, ca, "writer")
    await reader.subscribe("#", 1)
    for number in range(1_000):
        writer.send(publish("t", b"%d " % number + BIG, 1, 1 + number))
        message = await reader.message()
        assert message.payload.split()[0] == b"%d" % number
        reader.send(short(0x40, message.packet_id))
        assert await writer.packet() == (0x40, (1 + number).to_bytes(2, "big"))
    tasks = len(asyncio.all_tasks())
    assert tasks < 40, "nothing waits in tasks of its own"
    for item in (client, reader, writer):
        await item.vanish()


async def stuff(house: House, writer: Raw) -> None:
    """Publish to a deaf client until its messages begin to wait."""
    exchange = house.door._engines[FIRST]._exchange  # noqa: SLF001
    while not exchange._live["m"]._sender._waiting:  # noqa: SLF001
        writer.send(publish("t", BIG))
        await writer.settled()


async def test_patience(
    house: House,
    ca: CertificateAuthority,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Who takes nothing for too long is cut off; what is kept for it is sent at its return."""
    monkeypatch.setattr(sender, "_PATIENCE", 0.5)
    client, writer = await deaf(house, ca, "m", 1), await device(house, ca, "writer")
    for number in range(3):
        writer.send(publish("t", b"%d" % number, 1, 1 + number))
        await writer.packet()
    await stuff(house, writer)
    await eventually(lambda: not there(house))
    assert warnings(caplog) == ["client 'm' is cut off: it took nothing for 0 s"]
    again = await Raw.open(house, ca.issue_device("m"), connect("m", clean=False))
    assert [item.payload for item in await again.settled()] == [b"0", b"1", b"2"]
    for item in (client, again, writer):
        await item.vanish()


async def test_queue_of_an_absent_client(
    house: House, ca: CertificateAuthority, caplog: pytest.LogCaptureFixture
) -> None:
    """It is bounded: the first messages are kept, later ones dropped with one warning."""
    issued, hello = ca.issue_device("m"), connect("m", clean=False)
    client = await Raw.open(house, issued, hello)
    await client.subscribe("t")
    await client.leave()
    await eventually(lambda: not there(house))
    writer = await device(house, ca, "writer")
    for number in range(50):
        writer.send(publish("t", b"%d " % number + BIG, 1))
        await writer.packet()
    assert [line.partition(" of messages")[2] for line in warnings(caplog)] == [
        ": further ones are dropped"
    ]
    client = await Raw.open(house, issued, hello)
    found = await client.settled()
    numbers = [int(message.payload.split()[0]) for message in found]
    assert numbers == list(range(10)), "100,000 bytes are ten messages of 9,000 and a little"
    client.send(*(short(0x40, message.packet_id) for message in found), PING)
    await client.packet()
    writer.send(publish("t", b"room again", 1))
    assert (await client.message()).payload == b"room again"
    for _ in range(20):
        writer.send(publish("t", BIG, 1))
    await eventually(lambda: len(warnings(caplog)) == 2)
    await client.leave()
    await writer.vanish()


async def test_no_acknowledgement(
    house: House, ca: CertificateAuthority, caplog: pytest.LogCaptureFixture
) -> None:
    """A client that reads and acknowledges nothing is sent no more than is kept, and stays."""
    client, writer = await device(house, ca, "m"), await device(house, ca, "writer")
    await client.subscribe("t", 2)
    for number in range(300):
        writer.send(publish("t", b"%d" % number, 1))
        await writer.packet()
    found = await client.settled()
    assert 100 < len(found) < 200, "each counts for more than its few bytes"
    assert len(warnings(caplog)) == 1
    client.send(short(0x40, found[0].packet_id), PING)
    await client.packet()
    writer.send(publish("t", b"next", 1))
    assert (await client.message()).payload == b"next"
    await client.leave()
    await writer.vanish()


async def test_all_identifiers_in_use(
    house: House, ca: CertificateAuthority, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where no packet identifier is free a message is dropped, and nothing breaks."""
    monkeypatch.setattr(distribution, "_MOST_IDENTIFIERS", 2)
    client = await device(house, ca, "m")
    await client.subscribe("t", 1)
    client.send(publish("other", b"not released", 2, 9))
    assert (await client.packet())[0] == 0x50
    writer = await device(house, ca, "writer")
    for number in range(5):
        writer.send(publish("t", b"%d" % number, 1))
        await writer.packet()
    assert [message.payload for message in await client.settled()] == [b"0", b"1"]
    await client.leave()
    await writer.vanish()


async def test_stored_sessions(house: House, ca: CertificateAuthority) -> None:
    """Of the sessions of absent clients so many are kept, and whose has been gone longest goes."""
    issued = ca.issue_device("m")
    for number in (*range(5), 0, 5, 6):
        client = await Raw.open(house, issued, connect(f"m{number}", clean=False))
        await client.leave()
        await eventually(lambda: len(house.door.sessions) == 0)
    exchange = house.door._engines[FIRST]._exchange  # noqa: SLF001
    assert list(exchange.sessions) == ["m3", "m4", "m0", "m5", "m6"]
    assert repr(exchange.sessions["m0"][1]) == "None", "what is stored holds no connection"
    for number, present in [(1, False), (0, True)]:
        client = await Raw.open(house, issued, connect(f"m{number}", clean=False))
        assert client.present is present
        await client.leave()


async def test_unreleased(
    house: House, ca: CertificateAuthority, caplog: pytest.LogCaptureFixture
) -> None:
    """Who sends message after message with QoS 2 and releases none is cut off in time."""
    client = await device(house, ca, "m")
    for number in range(200):
        client.send(publish("t", BIG, 2, 1 + number))
    answers = await client.cut_off()
    assert len(answers) <= 10 * 4, "so many were received"
    assert warnings(caplog) == [
        "client 'm' is cut off: more than 100000 bytes of its messages wait to be released"
    ]


@pytest.mark.parametrize("question", [PING, subscribe("u")], ids=["PINGREQ", "SUBSCRIBE"])
async def test_answers_not_taken(
    house: House, ca: CertificateAuthority, caplog: pytest.LogCaptureFixture, question: bytes
) -> None:
    """Who asks and asks and takes no answer is cut off."""
    client = await deaf(house, ca, "m", 0)
    writer = await device(house, ca, "writer")
    await stuff(house, writer)
    for _ in range(60):
        client.send(question)
    await eventually(lambda: not there(house))
    assert warnings(caplog) == ["client 'm' is cut off: more than 200000 bytes wait for it"]
    await client.vanish()
    await writer.leave()


async def test_acknowledged_unread(
    house: House, ca: CertificateAuthority, caplog: pytest.LogCaptureFixture
) -> None:
    """Who acknowledges messages without having read them is not sent any number of them."""
    client, writer = await deaf(house, ca, "m", 1), await device(house, ca, "writer")
    exchange, number = house.door._engines[FIRST]._exchange, 0  # noqa: SLF001
    while there(house):
        number += 1
        writer.send(publish("t", BIG, 1))
        await writer.packet()
        client.send(short(0x40, number))
        session = exchange._session("m")  # noqa: SLF001
        assert session is not None
        kept = session.unacknowledged
        await eventually(lambda kept=kept: not kept or not there(house))  # type: ignore[misc]
        assert number < 5_000
    assert warnings(caplog) == ["client 'm' is cut off: more than 200000 bytes wait for it"]
    await client.vanish()
    await writer.leave()


async def test_retained(
    house: House, ca: CertificateAuthority, caplog: pytest.LogCaptureFixture
) -> None:
    """What an instance retains is bounded; what replaces or clears it makes room again."""
    writer = await device(house, ca, "writer")

    async def retained() -> list[str]:
        await writer.settled()
        reader = await device(house, ca, "reader")
        await reader.subscribe("#", 0)
        found = [message.topic for message in await reader.settled()]
        await reader.leave()
        return sorted(found)

    for number in range(10):
        writer.send(publish(f"r/{number}", BIG, retain=True))
    assert await retained() == [f"r/{number}" for number in range(5)]
    assert warnings(caplog) == [f"no room to retain a message on 'r/{n}'" for n in range(5, 10)]
    writer.send(publish("r/0", b"", retain=True), publish("r/1", b"small", retain=True))
    writer.send(publish("r/9", BIG, retain=True), publish("r/2", BIG * 5, retain=True))
    assert await retained() == ["r/1", "r/3", "r/4", "r/9"], "an old message is worse than none"
    await writer.leave()


async def test_cut_off_once(
    house: House, ca: CertificateAuthority, caplog: pytest.LogCaptureFixture
) -> None:
    """Who is cut off for several reasons is cut off for the first one."""
    client = await device(house, ca, "m")
    handler = house.door._engines[FIRST]._exchange._live["m"]  # noqa: SLF001
    handler.give_up("first")
    handler.give_up("second")
    assert warnings(caplog) == ["client 'm' is cut off: first"]
    await client.cut_off()


async def test_memory_is_shared(house: House, ca: CertificateAuthority) -> None:
    """One message for many clients is kept once."""
    hello = [connect(f"m{number}", clean=False) for number in range(3)]
    issued = ca.issue_device("m")
    for item in hello:
        client = await Raw.open(house, issued, item)
        await client.subscribe("t")
        await client.leave()
    writer = await device(house, ca, "writer")
    writer.send(publish("t", BIG, 1))
    await writer.packet()
    exchange = house.door._engines[FIRST]._exchange  # noqa: SLF001
    payloads = {
        id(message.data)
        for session, _ in exchange.sessions.values()
        for message in session.inflight_out.values()
    }
    assert len(payloads) == 1
    await writer.leave()
