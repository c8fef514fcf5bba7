"""The will of a client: when it is sent, once, and with what (MQTT 3.1.1, 3.1.2.5)."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from broker.conftest import FIRST, House, OpenHouse, eventually, register
from broker.wire import GOODBYE, Raw, Will, connect, publish
from certgate_broker.desk import Desks
from certgate_broker.policy import LiveSessionRule, Policy
from certgate_certs.authority import CertificateAuthority
from certgate_certs.issued import IssuedCertificate
from certgate_certs.registry import Status

CLEAN = pytest.mark.parametrize("clean", [True, False], ids=["clean", "stored"])


@pytest.fixture
async def house(open_house: OpenHouse, ca: CertificateAuthority) -> House:
    """Open a door that closes connections whose right is withdrawn."""
    opened = await open_house(policy=Policy(live_sessions=LiveSessionRule.CLOSE))
    await register(opened.registry, ca)
    return opened


@pytest.fixture
async def witness(house: House) -> Raw:
    """Connect somebody of another CA, who reads everybody's will."""
    other = CertificateAuthority.create_root("CA of the witness")
    await register(house.registry, other)
    client = await Raw.open(house, other.issue_device("witness"), connect("witness"))
    await client.subscribe("#", 2)
    return client


async def wills(house: House, witness: Raw) -> list[bytes]:
    """Wait until nothing of the client is left and give the wills that were sent."""
    await eventually(lambda: house.door.sessions.find(FIRST, "m") is None)
    return [message.payload for message in await witness.settled()]


async def vanish(_house: House, client: Raw, _issued: IssuedCertificate) -> None:
    """Lose the connection."""
    await client.vanish()


async def close_without_disconnect(_house: House, client: Raw, _issued: IssuedCertificate) -> None:
    """Close it in good order, but without DISCONNECT."""
    await client.close()


async def break_a_rule(_house: House, client: Raw, _issued: IssuedCertificate) -> None:
    """Publish to a topic of the broker's own."""
    client.send(publish("$SYS/a", b""))
    await client.cut_off()


async def be_silent(_house: House, client: Raw, _issued: IssuedCertificate) -> None:
    """Promise to be heard every second, and say nothing."""
    await client.cut_off()


async def kick(house: House, client: Raw, _issued: IssuedCertificate) -> None:
    """Close the connection as an operator."""
    assert await Desks(house.registry, house.door.desk).close(FIRST, "m")
    await client.cut_off()


async def withdraw(house: House, client: Raw, issued: IssuedCertificate) -> None:
    """Take its right away."""
    (ca,) = [item for item in house.registry.standing.cas(FIRST) if item.name == "CA"][:1]
    await house.registry.devices.set_status(FIRST, ca.sn, issued.view.sn, Status.INACTIVE)
    await client.cut_off()


async def take_over(house: House, client: Raw, issued: IssuedCertificate) -> None:
    """Connect once more, and say DISCONNECT the second time."""
    second = await Raw.open(house, issued, connect("m", clean=False))
    await client.cut_off()
    await second.leave()


ENDS = [
    vanish,
    close_without_disconnect,
    break_a_rule,
    be_silent,
    kick,
    withdraw,
    take_over,
]


@CLEAN
@pytest.mark.parametrize("end", ENDS, ids=lambda end: end.__name__)
async def test_sent_once(
    house: House,
    ca: CertificateAuthority,
    witness: Raw,
    end: Callable[[House, Raw, IssuedCertificate], Awaitable[None]],
    clean: bool,
) -> None:
    """However a connection ends without a DISCONNECT, its will is sent, and one time only."""
    issued = ca.issue_device("m")
    hello = connect("m", clean=clean, will=Will(qos=1), keep_alive=1)
    client = await Raw.open(house, issued, hello)
    await end(house, client, issued)
    assert await wills(house, witness) == [b"gone"]
    await witness.leave()


@CLEAN
@pytest.mark.parametrize("keep_alive", [0, 60])
async def test_not_sent_after_disconnect(
    house: House, ca: CertificateAuthority, witness: Raw, clean: bool, keep_alive: int
) -> None:
    """A DISCONNECT deletes the will, be it in one piece with CONNECT, a message or the end."""
    issued = ca.issue_device("m")
    hello = connect("m", clean=clean, will=Will(), keep_alive=keep_alive)
    for _ in range(5):
        client = await Raw.open(house, issued, hello)
        await client.leave()
        await eventually(lambda: house.door.sessions.find(FIRST, "m") is None)
        client = await Raw.open(house, issued, hello + publish("t", b"last word") + GOODBYE)
        await client.cut_off()
        assert await wills(house, witness) == [b"last word"]
    await witness.leave()


async def test_of_each_connection(house: House, ca: CertificateAuthority, witness: Raw) -> None:
    """A resumed session has the will of its latest CONNECT: another one, retained, or none."""
    issued = ca.issue_device("m")
    for number, will in enumerate([Will(message=b"1"), Will(message=b"2", retain=True), None]):
        client = await Raw.open(house, issued, connect("m", clean=False, will=will))
        assert client.present is (number > 0)
        await client.vanish()
        expected = [] if will is None else [will.message]
        assert await wills(house, witness) == expected
    late = await Raw.open(house, ca.issue_device("late"), connect("late"))
    await late.subscribe("will")
    (kept,) = await late.settled()
    assert (kept.payload, kept.retain) == (b"2", True)
    await late.leave()
    await witness.leave()


@pytest.mark.parametrize("qos", [0, 1, 2])
@pytest.mark.parametrize("granted", [0, 1, 2])
async def test_quality_of_service(
    house: House, ca: CertificateAuthority, qos: int, granted: int
) -> None:
    """A will arrives with the lower QoS of its own and the subscription's (3.8.4)."""
    reader = await Raw.open(house, ca.issue_device("reader"), connect("reader"))
    await reader.subscribe("will", granted)
    client = await Raw.open(house, ca.issue_device("m"), connect("m", will=Will(qos=qos)))
    await client.vanish()
    message = await reader.message()
    assert (message.payload, message.qos, message.retain) == (b"gone", min(qos, granted), False)
    await reader.leave()


async def test_an_empty_will_clears(house: House, ca: CertificateAuthority, witness: Raw) -> None:
    """A retained will that carries nothing takes away what was retained (3.3.1.3)."""
    witness.send(publish("will", b"earlier", retain=True))
    empty = connect("m", will=Will(message=b"", retain=True))
    client = await Raw.open(house, ca.issue_device("m"), empty)
    await client.vanish()
    assert await wills(house, witness) == [b"earlier", b""]
    late = await Raw.open(house, ca.issue_device("late"), connect("late"))
    await late.subscribe("will")
    assert await late.settled() == []
    await late.leave()
    await witness.leave()


async def test_the_door_closes(house: House, ca: CertificateAuthority, witness: Raw) -> None:
    """When everybody is disconnected at once nobody is told of the others' end."""
    clients = [
        await Raw.open(house, ca.issue_device("m"), connect(f"m-{number}", will=Will()))
        for number in range(5)
    ]
    await witness.settled()
    async with asyncio.timeout(5):
        await house.door.stop()
    assert await witness.cut_off() == b""
    for client in clients:
        assert await client.cut_off() == b""
