"""Whatever admitted clients say, in whatever order: nothing breaks, and every account is right."""

import asyncio
import logging
import random

import pytest

from broker.conftest import FIRST, House, OpenHouse, eventually, register
from broker.wire import GOODBYE, PING, Raw, Will, connect, packet, publish, short, text
from certgate_broker.kept import weight
from certgate_broker.limits import ConnectionLimits
from certgate_broker.session import ClientSession
from certgate_certs.authority import CertificateAuthority
from certgate_certs.issued import IssuedCertificate

LIMITS = ConnectionLimits(kept_bytes=60_000)
TOPICS, FILTERS = ["a", "a/b", "c/d/e"], ["#", "a/#", "+", "+/b", "a", "b#"]
ACKNOWLEDGEMENTS = [0x40, 0x50, 0x62, 0x70]


def any_packet(chance: random.Random) -> bytes:
    """Write a packet: often a good one, sometimes at a wrong time, seldom garbage."""
    number = chance.randrange(1, 6)
    filters = b"".join(text(item) + b"\x01" for item in chance.sample(FILTERS, 2))
    good = [
        publish(chance.choice(TOPICS), bytes(chance.randrange(300)), chance.randrange(3), number),
        publish(chance.choice(TOPICS), b"x" * chance.randrange(3), retain=True),
        short(chance.choice(ACKNOWLEDGEMENTS), number),
        packet(0x82, b"\x00\x01" + filters),
        packet(0xA2, b"\x00\x01" + text(chance.choice(FILTERS))),
        PING,
    ]
    rare = [GOODBYE, chance.randbytes(8), publish("$", b""), short(0x41, number)]
    return chance.choice(good) if chance.random() < 0.99 else chance.choice(rare)


async def converse(house: House, issued: IssuedCertificate, name: str, seed: str) -> None:
    """Connect again and again, say anything, read or not, and go one way or another."""
    chance = random.Random(seed)
    for _ in range(12):
        will = Will(chance.choice(TOPICS), b"w", chance.randrange(3), retain=chance.random() < 0.5)
        hello = connect(name, clean=chance.random() < 0.4, will=will, keep_alive=60)
        client = await Raw.open(house, issued, hello)
        if chance.random() < 0.3:
            client.writer.transport.pause_reading()  # type: ignore[attr-defined]
        for _ in range(chance.randrange(30)):
            client.send(*(any_packet(chance) for _ in range(chance.randrange(10))))
            await asyncio.sleep(0)
        await chance.choice([client.leave, client.vanish, client.close])()


@pytest.mark.parametrize("seed", range(3))
async def test_nothing_breaks(
    open_house: OpenHouse, ca: CertificateAuthority, caplog: pytest.LogCaptureFixture, seed: int
) -> None:
    """No fault is logged; what is kept, retained and subscribed to is what is accounted for."""
    house = await open_house(limits=LIMITS)
    await register(house.registry, ca)
    devices = [(ca.issue_device(name), name) for name in ("m0", "m1", "m2")]
    conversations = [converse(house, issued, name, f"{seed} {name}") for issued, name in devices]
    await asyncio.gather(*conversations)
    await eventually(lambda: len(house.door.sessions) == 0)
    ours = [record for record in caplog.records if record.name.startswith(("amqtt", "certgate"))]
    assert [record.getMessage() for record in ours if record.levelno > logging.WARNING] == []
    exchange = house.door._engines[FIRST]._exchange  # noqa: SLF001
    found: dict[str, set[str]] = {}
    for topic_filter, subscriptions in exchange.subscriptions.items():
        for session, _ in subscriptions:
            assert exchange.sessions[session.client_id or ""][0] is session
            found.setdefault(session.client_id or "", set()).add(topic_filter)
    for name, (session, _) in exchange.sessions.items():
        assert isinstance(session, ClientSession)
        assert session.filters == found.get(name, set())
        for kept in (session.unacknowledged, session.unreleased):
            assert kept.size == sum(weight(item.topic, item.data) for item in kept.values())
            assert kept.size <= LIMITS.kept_bytes
    retained = sum(weight(item.topic, item.data) for item in exchange.retained_messages.values())
    assert exchange._retained_size == retained <= LIMITS.kept_bytes // 2  # noqa: SLF001
