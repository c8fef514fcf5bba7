"""Faults at a door: what stands in whose place, and what is due by the clock alone."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from broker.conftest import House, OpenHouse, eventually, register
from broker.pipe import Pipe
from certgate_broker.faults.cutting import CuttingStream
from certgate_broker.faults.door import DoorFaults
from certgate_broker.faults.drawing import FaultSet, SetFault
from certgate_broker.faults.values import ConnectRefuse, Fault, LiveSessions, RevocationDelay
from certgate_broker.faults.way import FaultyWay
from certgate_broker.policy import LiveSessionRule, Policy
from certgate_certs.authority import CertificateAuthority
from certgate_certs.registry import Registry, RegistryUnavailable
from certgate_certs.registry.lagging import LaggingStanding

REFUSE, DELAY, NEVER = ConnectRefuse(), RevocationDelay(seconds=5), LiveSessions(closed="never")


def these(registry: Registry, *faults: Fault) -> FaultSet:
    """Set faults, uncounted."""
    return FaultSet(registry.faults, [SetFault(0, fault) for fault in faults])


@pytest.fixture(autouse=True)
async def _reader_before_all(registry: Registry) -> None:
    """Open and close a lagging reader once.

    SQLite keeps the descriptor of a closed connection for the next one on the same file, so it is
    among those that the check of open descriptors begins with.
    """
    registry.view().lag(lambda: 0).close()


@pytest.fixture
async def strict(open_house: OpenHouse, ca: CertificateAuthority) -> House:
    """Open a door that closes sessions whose right is withdrawn."""
    house = await open_house(policy=Policy(live_sessions=LiveSessionRule.CLOSE))
    await register(house.registry, ca)
    return house


@pytest.fixture
async def faults(strict: House) -> AsyncIterator[DoorFaults]:
    """Give the door's faults; afterwards none is in force."""
    made = DoorFaults(strict.door, lambda: 0)
    yield made
    await made.apply(these(strict.registry))


async def test_in_force_and_out_of_force(strict: House, faults: DoorFaults) -> None:
    """Each fault puts in its own part; without any, way, reader, closer and tasks are as before."""
    door, tasks = strict.door, asyncio.all_tasks()
    listener = vars(door)["_listener"]
    before = (listener.way, door.registry.standing, door.desk.desk.closer)
    await faults.apply(these(strict.registry, REFUSE))
    assert isinstance(listener.way, FaultyWay)
    assert (door.registry.standing, door.desk.desk.closer) == before[1:]
    await faults.apply(these(strict.registry, DELAY))
    assert listener.way is before[0]
    assert isinstance(door.registry.standing, LaggingStanding)
    assert strict.registry.standing is before[1], "the API's view does not lag"
    await faults.apply(these(strict.registry, NEVER))
    assert type(listener.way) is type(before[0])
    assert listener.way.closer is door.desk.desk.closer is not before[2]
    await faults.apply(these(strict.registry))
    assert (listener.way, door.registry.standing, door.desk.desk.closer) == before
    await eventually(lambda: asyncio.all_tasks() <= tasks)


async def test_before_the_door_is_open(strict: House, ca: CertificateAuthority) -> None:
    """A door that is not listening yet begins with the way that it was given."""
    door = strict.door
    await door.stop()
    faults = DoorFaults(door, lambda: 0)
    number = await strict.registry.faults.put("connect-refuse", "", "{}")
    await faults.apply(FaultSet(strict.registry.faults, [SetFault(number, REFUSE)]))
    strict.port = await door.start()
    device = strict.device(ca.issue_device("lamp"), "lamp")
    assert await device.connect() == ("Not authorized", False)
    await device.leave()
    await faults.apply(these(strict.registry))
    await strict.registry.faults.clear([number])


async def test_an_unavailable_registry_delays_what_is_due(
    strict: House, faults: DoorFaults, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What cannot be looked at now is looked at again."""
    looks: list[int] = []

    def lapsed(_: LaggingStanding) -> int:
        looks.append(len(looks))
        if len(looks) == 1:
            raise RegistryUnavailable("disk full")
        return len(looks)

    monkeypatch.setattr(LaggingStanding, "lapsed", lapsed)
    await faults.apply(these(strict.registry, DELAY))
    await eventually(lambda: len(looks) > 3)


async def test_nothing_after_the_first_packet() -> None:
    """A connection that is to be cut carries one packet, whatever else is written to it."""
    inner = Pipe([b"DISCONNECT"])
    stream = CuttingStream(inner)
    stream.send(b"CONNACK")
    assert (inner.sent, inner.closed) == ([b"CONNACK"], True)
    stream.send(b"PUBLISH")
    await stream.drain()
    stream.close()
    assert inner.sent == [b"CONNACK"]
    assert (stream.peer, stream.closed, stream.full) == (inner.peer, True, False)
    assert await stream.receive() == b"DISCONNECT"
