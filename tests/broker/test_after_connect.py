"""What becomes of an admitted client that breaks the rules afterwards."""

import logging

import pytest

from broker.conftest import FIRST, House, OpenHouse, eventually, register
from broker.test_packets import BAD
from broker.wire import GOODBYE, PING, Raw, Will, connect, publish, subscribe
from certgate_broker.limits import ConnectionLimits
from certgate_certs.authority import CertificateAuthority

LIMITS = ConnectionLimits(packet_bytes=5_000)
OVERSIZE = {
    "a PUBLISH above the limit": publish("t", b"x" * 5_000),
    "a claim of 256 MB": b"\x30\xff\xff\xff\x7f",
    "a claim of 256 MB, SUBSCRIBE": b"\x82\xff\xff\xff\x7f",
    "five octets of length": b"\x30\xff\xff\xff\xff\x7f",
}
ATTACKS = {name: data for name, (data, _) in BAD.items()} | OVERSIZE


@pytest.fixture
async def house(open_house: OpenHouse, ca: CertificateAuthority) -> House:
    """Open a door with a small limit on packets."""
    await register((opened := await open_house(limits=LIMITS)).registry, ca)
    return opened


async def test_costs_the_own_connection(
    house: House, ca: CertificateAuthority, caplog: pytest.LogCaptureFixture
) -> None:
    """It is closed, its will sent once, a line logged; nobody else notices (4.8)."""
    honest = await Raw.open(house, ca.issue_device("honest"), connect("honest"))
    await honest.subscribe("#")
    issued = ca.issue_device("m")
    for name, attack in ATTACKS.items():
        caplog.clear()
        client = await Raw.open(house, issued, connect("m", will=Will(message=name.encode())))
        client.send(attack, publish("smuggled", b"after it"), PING)
        assert await client.cut_off() == b"", name
        await eventually(lambda: house.door.sessions.find(FIRST, "m") is None)
        found = [message.payload.decode() for message in await honest.settled()]
        assert found == [name]
        assert [record.levelno for record in caplog.records] == [logging.WARNING], name
        assert "broke the protocol" in caplog.text
    await honest.leave()


async def test_what_came_before_counts(house: House, ca: CertificateAuthority) -> None:
    """Packets before the bad one, in the same piece, are dealt with."""
    honest = await Raw.open(house, ca.issue_device("honest"), connect("honest"))
    await honest.subscribe("#")
    client = await Raw.open(house, ca.issue_device("m"), connect("m"))
    good = [publish("t", b"%d" % number) for number in range(20)]
    client.send(*good, b"\x00\x00", publish("t", b"after"))
    await client.cut_off()
    found = [message.payload for message in await honest.settled()]
    assert found == [b"%d" % number for number in range(20)]
    await honest.leave()


async def test_as_large_as_allowed(house: House, ca: CertificateAuthority) -> None:
    """A packet of exactly the limit gets through whole."""
    client = await Raw.open(house, ca.issue_device("m"), connect("m"))
    await client.subscribe("t")
    client.send(publish("t", payload := b"x" * (LIMITS.packet_bytes - 3)))
    assert (await client.message()).payload == payload
    await client.leave()


async def test_byte_by_byte(house: House, ca: CertificateAuthority) -> None:
    """Packets that come in many pieces, or several in one, are the same packets."""
    client = await Raw.open(house, ca.issue_device("m"), connect("m"))
    everything = subscribe("t") + publish("t", b"a") + publish("t", b"b") + PING
    for octet in everything:
        client.send(bytes([octet]))
        await client.writer.drain()
    first, body = await client.packet()
    assert (first, body) == (0x90, b"\x00\x09\x01")
    assert [(await client.message()).payload for _ in range(2)] == [b"a", b"b"]
    client.send(everything)
    assert (await client.packet())[0] == 0xD0
    assert (await client.packet())[0] == 0x90
    assert [(await client.message()).payload for _ in range(2)] == [b"a", b"b"]
    await client.leave()


async def test_nothing_after_disconnect(house: House, ca: CertificateAuthority) -> None:
    """What a client sends after its DISCONNECT is not looked at (3.14.4)."""
    honest = await Raw.open(house, ca.issue_device("honest"), connect("honest"))
    await honest.subscribe("#")
    client = await Raw.open(house, ca.issue_device("m"), connect("m"))
    client.send(publish("t", b"before"), GOODBYE, publish("t", b"after"), b"\x00\x00")
    await client.cut_off()
    assert [message.payload for message in await honest.settled()] == [b"before"]
    await honest.leave()
