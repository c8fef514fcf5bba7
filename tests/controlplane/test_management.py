"""The lab's own door: health, decisions, sessions."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from starlette.applications import Starlette

from certgate_broker.decision_log import DecisionLog
from certgate_broker.desk import Desk, Desks, OpenDesk
from certgate_broker.identity import Identity
from certgate_broker.sessions import LiveSession, LiveSessions
from certgate_broker.watch import Watch
from certgate_certs.registry import DecisionRecord, Registry
from certgate_controlplane.calls import CallLog
from certgate_controlplane.clock import LabClock, SharedClock
from certgate_controlplane.management import Management
from controlplane.harness import Driver, Reply


def record(number: int, *reasons: str) -> DecisionRecord:
    """Give a record that tells its number."""
    return DecisionRecord(
        at=number,
        instance_id="post-cn-test",
        client_id=f"client-{number}",
        remote_address="127.0.0.1:1",
        tls_version="TLSv1.3",
        resumed=False,
        subject="CN=lamp",
        ca_sn="01",
        device_sn="02",
        accepted=not reasons,
        reasons=reasons,
        detail="",
    )


class Door:
    """The lab's own door, and the broker whose desk it asks.

    Args:
        registry: holds the records.
        broker: where the broker runs: "here", "elsewhere" or "nowhere".
    """

    def __init__(self, registry: Registry, broker: str) -> None:
        self.sessions = LiveSessions()
        self.log = DecisionLog(registry.decisions)
        self.desk = OpenDesk(Desk({}, self.sessions, self.log, None), registry)
        desks = Desks(registry, self.desk if broker == "here" else None)
        about = {"pid": 1}
        now = LabClock()
        clock = SharedClock(now, registry, desks)
        management = Management(registry, desks, lambda: about, CallLog(now), now, clock)
        self._driver = Driver(Starlette(routes=management.routes()))

    def decide(self, *records: DecisionRecord) -> None:
        """Decide, and leave the records on their way."""
        for each in records:
            self.log.add(each)

    async def get(self, path: str, query: str = "") -> Reply:
        """Ask."""
        return await self._driver.send(path=path, query=query.encode())

    async def numbers(self, query: str) -> list[int]:
        """Ask for decisions; give their numbers."""
        reply = await self.get("/decisions", query)
        assert reply.status == 200
        return [item["number"] for item in reply.body["decisions"]]


@pytest.fixture(params=["here", "elsewhere"])
async def door(registry: Registry, request: pytest.FixtureRequest) -> AsyncIterator[Door]:
    """Give the door of the process that runs the broker, and of one that does not."""
    opened = Door(registry, request.param)
    opened.log.start()
    await opened.desk.open()
    watch = Watch(registry.standing, requests=opened.desk.look)
    watch.start()
    yield opened
    await watch.stop()
    await opened.desk.close()
    await opened.log.stop()


async def test_health(door: Door) -> None:
    """Health says ok and what the lab says of itself."""
    assert (await door.get("/health")).body == {"status": "ok", "pid": 1}


async def test_decisions_that_are_still_on_their_way(door: Door) -> None:
    """A decision made before the question is in the answer, its reasons in words."""
    door.decide(record(1), record(2, "ca_inactive", "reason_of_a_newer_certgate"))
    found = (await door.get("/decisions")).body["decisions"]
    assert [(item["client_id"], item["accepted"]) for item in found] == [
        ("client-1", True),
        ("client-2", False),
    ]
    assert found[0]["sentences"] == []
    assert found[1]["reasons"] == ["ca_inactive", "reason_of_a_newer_certgate"]
    assert "inactive" in found[1]["sentences"][0]
    assert found[1]["sentences"][1] == "reason_of_a_newer_certgate"


async def test_decisions_page_by_page(door: Door) -> None:
    """`since` passes over what was seen; `limit` ends the page."""
    door.decide(*(record(number) for number in range(1, 8)))
    assert await door.numbers("limit=3") == [1, 2, 3]
    assert await door.numbers("since=3&limit=3") == [4, 5, 6]
    assert await door.numbers("since=6&limit=3") == [7]
    assert await door.numbers("since=7") == []
    assert await door.numbers("limit=0") == []


async def test_page_has_an_end(door: Door) -> None:
    """No more than a thousand come at once, however many are asked for."""
    door.decide(*(record(number) for number in range(1, 1003)))
    assert await door.numbers("limit=999999") == list(range(1, 1001))
    assert await door.numbers("since=1000") == [1001, 1002]


@pytest.mark.parametrize("name", ["since", "limit"])
@pytest.mark.parametrize("value", ["-1", "1.5", "x", "", "\u0661", "1 ", "9" * 16, "+1", "0x1"])
async def test_bad_number(door: Door, name: str, value: str) -> None:
    """What is no whole number from 0 is refused with a sentence."""
    reply = await door.get("/decisions", f"{name}={value}")
    assert reply.status == 400
    assert reply.body["Message"] == "since and limit are whole numbers from 0"


async def test_largest_number(door: Door) -> None:
    """The largest number that is taken does not trouble the registry."""
    assert await door.numbers(f"since={'9' * 15}&limit={'9' * 15}") == []


async def test_sessions_oldest_first(door: Door) -> None:
    """Each live session is told with whose it is, from where and since when."""
    task = asyncio.current_task()
    assert task is not None
    for name, since in (("late", 9), ("early", 7)):
        identity = Identity("post-cn-test", name, 1, "01", 2, "02", 2)
        await door.sessions.enter(LiveSession(identity, "127.0.0.1:1", since, lambda: None, task))
    told = (await door.get("/sessions")).body["sessions"]
    assert [(item["client_id"], item["since"]) for item in told] == [("early", 7), ("late", 9)]
    assert told[0]["remote_address"] == "127.0.0.1:1"
    assert (told[0]["ca_sn"], told[0]["device_sn"]) == ("01", "02")


async def test_without_a_broker(registry: Registry) -> None:
    """Where no process runs a broker nobody is connected; what was decided before is told."""
    await registry.decisions.append([record(1)])
    door = Door(registry, "nowhere")
    assert (await door.get("/sessions")).body == {"sessions": []}
    assert await door.numbers("") == [1]
