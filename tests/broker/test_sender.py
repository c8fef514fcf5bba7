"""Packets on their way to one client."""

import asyncio
from collections.abc import AsyncIterator, Callable

import pytest
from amqtt.mqtt.pingresp import PingRespPacket
from amqtt.mqtt.publish import PublishPacket

from broker.conftest import eventually
from broker.pipe import Pipe
from certgate_broker import sender as module
from certgate_broker.sender import ANSWER, Sender


@pytest.fixture
async def sink() -> Pipe:
    """Give a connection."""
    return Pipe()


@pytest.fixture
def words() -> list[str]:
    """Collect why clients were given up."""
    return []


Make = Callable[[int], Sender]


@pytest.fixture
async def make(sink: Pipe, words: list[str]) -> AsyncIterator[Make]:
    """Make senders with a limit, and stop them."""
    made: list[Sender] = []

    def sender(limit: int) -> Sender:
        made.append(Sender(sink, limit, words.append))
        return made[-1]

    yield sender
    for item in made:
        item.stop()


def message(number: int) -> PublishPacket:
    """Make a packet."""
    return PublishPacket.build("t", b"%d" % number, None, dup_flag=False, qos=0, retain=False)


def expected(*numbers: int) -> list[bytes]:
    """Give the bytes of packets."""
    return [message(number).to_bytes() for number in numbers]


async def test_in_order(make: Make, sink: Pipe) -> None:
    """Packets are written in the order they were sent in."""
    sender = make(10_000)
    for number in range(50):
        sender.send(message(number), 10)
    await eventually(lambda: sink.sent == expected(*range(50)))


async def test_no_more_than_it_takes(make: Make, sink: Pipe, words: list[str]) -> None:
    """While a client takes nothing nothing more is written; then the rest is, in order."""
    sender = make(10_000)
    sender.send(message(0), 10)
    sink.open.clear()
    for number in range(1, 5):
        sender.send(message(number), 10)
    await asyncio.sleep(0.01)
    assert sink.sent == expected(0)
    sink.open.set()
    await eventually(lambda: sink.sent == expected(*range(5)))
    assert words == []


async def test_limit(make: Make, sink: Pipe, words: list[str]) -> None:
    """As much as is allowed waits; who is sent more is given up, and has no more waiting."""
    sender = make(100)
    sink.open.clear()
    for number in range(10):
        sender.send(message(number), 10)
    assert words == []
    sender.send(message(10), 1)
    assert words == ["more than 100 bytes wait for it"]
    sink.open.set()
    await eventually(lambda: sink.sent == expected(*range(10)))


async def test_room_comes_back(make: Make, sink: Pipe, words: list[str]) -> None:
    """What was taken counts no longer."""
    sender = make(100)
    for number in range(20):
        sink.open.clear()
        sender.send(message(number), 60)
        assert len(sink.sent) == number
        sink.open.set()
        await eventually(lambda number=number: len(sink.sent) > number)  # type: ignore[misc]
    assert words == []


async def test_one_packet_always_fits(make: Make, sink: Pipe, words: list[str]) -> None:
    """Where nothing waits a packet above the limit may."""
    sink.open.clear()
    make(10).send(message(0), 1000)
    sink.open.set()
    await eventually(lambda: sink.sent == expected(0))
    assert words == []


async def test_answers_count(make: Make, sink: Pipe, words: list[str]) -> None:
    """Answers weigh enough for not too many of them to wait."""
    sender = make(1_000_000)
    sink.open.clear()
    for _ in range(1_000):
        sender.send(PingRespPacket.build(), ANSWER)
    assert words


async def test_patience(
    make: Make, sink: Pipe, words: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A client that takes nothing for too long is given up."""
    monkeypatch.setattr(module, "_PATIENCE", 0.05)
    sink.open.clear()
    make(100).send(message(0), 1)
    await eventually(lambda: words == ["it took nothing for 0 s"])


async def test_stopped(make: Make, sink: Pipe) -> None:
    """Once stopped nothing is written, and no task is left."""
    tasks = asyncio.all_tasks()
    sink.open.clear()
    sender = make(100)
    sender.send(message(0), 1)
    assert asyncio.all_tasks() != tasks
    sender.stop()
    sink.open.set()
    await eventually(lambda: asyncio.all_tasks() == tasks)
    assert sink.sent == []


async def test_no_task_while_nothing_waits(make: Make, sink: Pipe) -> None:
    """A client that takes what it is sent needs no task; one that has caught up neither."""
    tasks = asyncio.all_tasks()
    sender = make(100)
    sender.send(message(0), 1)
    assert (sink.sent, asyncio.all_tasks()) == (expected(0), tasks)
    sink.open.clear()
    sender.send(message(1), 1)
    sink.open.set()
    await eventually(lambda: asyncio.all_tasks() == tasks)
    sender.send(message(2), 1)
    assert (sink.sent, asyncio.all_tasks()) == (expected(0, 1, 2), tasks)


async def test_nothing_overtakes(make: Make, sink: Pipe) -> None:
    """What is sent after the client has caught up waits behind what waits already."""
    sender = make(100)
    sink.open.clear()
    sender.send(message(0), 1)
    sink.open.set()
    sender.send(message(1), 1)
    await eventually(lambda: len(sink.sent) == 2)
    assert sink.sent == expected(0, 1)


class Gone(Pipe):
    """A connection that was hung up while the client took nothing: there is nothing to wait for."""

    def __init__(self) -> None:
        super().__init__()
        self.open.clear()
        self.asked = 0

    async def drain(self) -> None:
        """Return at once, but not for ever."""
        self.asked += 1
        assert self.asked < 10, "it asks and asks, and nobody else has a turn"


async def test_hung_up_before_its_turn() -> None:
    """Where one burst fills the connection and goes beyond the limit, the task has an end."""
    sink, words = Gone(), list[str]()

    def give_up(why: str) -> None:
        words.append(why)
        sink.close()

    sender = Sender(sink, 2 * ANSWER, give_up)
    for number in range(4):
        sender.send(message(number), ANSWER)
    (task,) = {task for task in asyncio.all_tasks() if task is not asyncio.current_task()}
    async with asyncio.timeout(5):
        await task
    assert words == [f"more than {2 * ANSWER} bytes wait for it"] * 2
    assert sink.sent == []
