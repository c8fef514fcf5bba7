"""A client's packets, taken out of a stream that is no network."""

import asyncio

import pytest

from broker.pipe import Pipe, others
from broker.wire import GOODBYE, PING, publish
from certgate_broker.packets import Kind, Publish, Received
from certgate_broker.receiver import Receiver

PINGREQ = Received(Kind.PINGREQ)


def receiver(pipe: Pipe, rest: bytes = b"", limit: int = 100, keep_alive: int = 0) -> Receiver:
    """Make a receiver for what comes after a CONNECT."""
    return Receiver(pipe, rest, limit, keep_alive)


def message(payload: bytes, topic: str = "t") -> Publish:
    """Give a message with QoS 0 as it is to be read."""
    return Publish(Kind.PUBLISH, 0, topic, payload)


async def all_of(made: Receiver) -> list[Received]:
    """Read to the end."""
    found = []
    while (packet := await made.next()) is not None:
        found.append(packet)
    return found


async def test_in_any_pieces() -> None:
    """What came with CONNECT comes first, then what the stream gives, however it is cut."""
    pipe = Pipe([b"cd\x30", b"\x04\x00\x01", b"ae\xc0\x00"])
    made = receiver(pipe, b"\x30\x05\x00\x01a")
    assert await all_of(made) == [message(b"cd", "a"), message(b"e", "a"), PINGREQ]


async def test_end_in_the_middle() -> None:
    """A packet that is cut short is none, and what has ended stays so."""
    made = receiver(Pipe([b"\x30\x05\x00\x01a"]))
    assert [await made.next() for _ in range(2)] == [None, None]


async def test_limit() -> None:
    """As much as is allowed is read, one byte more ends the connection."""
    allowed, more = publish("t", b"x" * 97), publish("t", b"x" * 98)
    made = receiver(Pipe([allowed, more[:2], PING]))
    assert await all_of(made) == [message(b"x" * 97)]


async def test_broken_rule(caplog: pytest.LogCaptureFixture) -> None:
    """A packet that breaks a rule ends the connection, and the log says whose and which."""
    made = receiver(Pipe([PING + publish("a/#", b"") + PING]))
    assert await made.next() == PINGREQ
    assert await made.next() is None
    (record,) = caplog.records
    assert record.getMessage().startswith("192.0.2.1:4711 broke the protocol: a topic name")
    assert record.levelname == "WARNING"


async def test_nothing_after_we_have_hung_up() -> None:
    """Of what had come before, too, nothing is given any more."""
    pipe = Pipe([PING + PING])
    made = receiver(pipe)
    assert await made.next() == PINGREQ
    pipe.close()
    assert await made.next() is None


async def test_hung_up_while_others_had_their_turn() -> None:
    """Whoever hangs up between two packets that came at once is not late."""
    pipe = Pipe([PING + PING])
    made = receiver(pipe)
    await made.next()
    asyncio.get_running_loop().call_soon(pipe.close)
    assert await made.next() is None


async def test_others_have_their_turn() -> None:
    """However many packets come at once, everybody else goes on between two of them."""
    made = receiver(Pipe([PING * 100]))
    async with others() as turns:
        for _ in range(100):
            assert await made.next() == PINGREQ
        assert turns() >= 99


async def test_interrupted() -> None:
    """A wait that is given up loses nothing of what has come."""
    pipe = Pipe([b"\xc0"], silent=True)
    made = receiver(pipe)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(made.next(), 0.01)
    pipe.pieces.append(b"\x00")
    assert await made.next() == PINGREQ


async def test_keep_alive() -> None:
    """A client that is silent for half as long again as it promised is gone (3.1.2.10)."""
    made = receiver(Pipe([PING], silent=True), keep_alive=1)
    assert await made.next() == PINGREQ
    begin = asyncio.get_running_loop().time()
    assert await made.next() is None
    assert 1.4 < asyncio.get_running_loop().time() - begin < 5


class Busy(Pipe):
    """A stream that lets others have their turn before it gives what has come."""

    async def receive(self) -> bytes:
        """Give the next piece."""
        await asyncio.sleep(0)
        return await super().receive()


async def test_not_our_own_slowness() -> None:
    """A client that was not listened to in time was not silent: what has come is read first."""
    made = receiver(Busy([PING], silent=True), keep_alive=1)
    made._heard -= 10  # noqa: SLF001  so long others kept us busy
    assert await made.next() == PINGREQ


async def test_no_keep_alive() -> None:
    """A client that promised nothing may be silent."""
    waiting = asyncio.create_task(receiver(Pipe(silent=True)).next())
    done, _ = await asyncio.wait([waiting], timeout=0.05)
    assert not done
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)


async def test_goodbye() -> None:
    """DISCONNECT is a packet like others; whoever reads on is told what follows."""
    made = receiver(Pipe([GOODBYE + PING]))
    assert await all_of(made) == [Received(Kind.DISCONNECT), PINGREQ]
