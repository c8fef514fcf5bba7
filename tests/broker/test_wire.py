"""A TCP connection as bytes, over a transport that is no network and over a real one."""

import asyncio
import contextlib
from collections.abc import Callable
from typing import cast

import pytest

from broker.conftest import HOST, eventually
from certgate_broker import wire as module
from certgate_broker.wire import Wire


class Nowhere(asyncio.Transport):
    """A transport that leads nowhere, and remembers what was asked of it."""

    def __init__(self, waiting: int = 0) -> None:
        super().__init__()
        self.written, self.asked = b"", list[str]()
        self.waiting = waiting

    def write(self, data: object) -> None:
        """Keep the data."""
        self.written += cast("bytes", data)

    def get_write_buffer_size(self) -> int:
        """Tell how much the client has not taken."""
        return self.waiting

    def pause_reading(self) -> None:
        """Note it."""
        self.asked.append("pause")

    def resume_reading(self) -> None:
        """Note it."""
        self.asked.append("resume")

    def close(self) -> None:
        """Note it."""
        self.asked.append("close")

    def abort(self) -> None:
        """Note it."""
        self.asked.append("abort")

    def is_closing(self) -> bool:
        return "close" in self.asked


@pytest.fixture
def transport() -> Nowhere:
    """Give a transport."""
    return Nowhere()


@pytest.fixture
async def wire(transport: Nowhere) -> Wire:
    """Give a connection over it."""
    made = Wire(lambda _: None)
    made.connection_made(transport)
    return made


class TestRead:
    """`Wire.read`."""

    async def test_what_has_come(self, wire: Wire) -> None:
        """Everything that has come is read at once."""
        wire.data_received(b"ab")
        wire.data_received(b"c")
        assert await wire.read() == b"abc"

    async def test_waits(self, wire: Wire) -> None:
        """Whoever reads before anything has come waits for it."""
        reading = asyncio.create_task(wire.read())
        done, _ = await asyncio.wait([reading], timeout=0.01)
        assert not done
        wire.data_received(b"a")
        wire.data_received(b"b")
        assert await reading == b"ab"

    async def test_interrupted(self, wire: Wire) -> None:
        """A wait that is given up loses nothing."""
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(wire.read(), 0.01)
        wire.data_received(b"a")
        assert await wire.read() == b"a"

    async def test_what_came_before_the_end(self, wire: Wire) -> None:
        """It is read, and then there is nothing, however often one asks."""
        wire.data_received(b"a")
        assert wire.eof_received(), "the other direction stays open, for an answer"
        assert [await wire.read() for _ in range(3)] == [b"a", b"", b""]

    @pytest.mark.parametrize("how", ["eof", "lost", "closed"])
    async def test_end_while_waiting(self, wire: Wire, how: str) -> None:
        """However a connection ends, whoever waits for bytes is told."""
        reading = asyncio.create_task(wire.read())
        await asyncio.sleep(0)
        ends: dict[str, Callable[[], object]] = {
            "eof": wire.eof_received,
            "lost": lambda: wire.connection_lost(ConnectionResetError()),
            "closed": wire.close,
        }
        ends[how]()
        assert await reading == b""

    async def test_no_more_than_is_wanted(self, wire: Wire, transport: Nowhere) -> None:
        """A client that sends faster than it is read is not listened to until it was read."""
        for _ in range(3):
            wire.data_received(bytes(65_536))
        assert transport.asked == ["pause"]
        assert len(await wire.read()) == 3 * 65_536
        assert transport.asked == ["pause", "resume"]
        wire.data_received(b"a")
        assert await wire.read() == b"a"
        assert transport.asked == ["pause", "resume"]


class TestWrite:
    """`Wire.write`, `drain` and `close`."""

    async def test_dropped_when_too_late(self, wire: Wire, transport: Nowhere) -> None:
        """What is written after the end goes nowhere, and is no error."""
        wire.write(b"a")
        wire.close()
        wire.write(b"b")
        assert transport.written == b"a"

    @pytest.mark.parametrize("how", ["caught up", "lost"])
    async def test_drain(self, wire: Wire, how: str) -> None:
        """Whoever wants to send more waits while the client is slow, and not when it has gone."""
        await wire.drain()
        wire.pause_writing()
        assert wire.full
        draining = asyncio.create_task(wire.drain())
        done, _ = await asyncio.wait([draining], timeout=0.01)
        assert not done
        ends: dict[str, Callable[[], None]] = {
            "caught up": wire.resume_writing,
            "lost": lambda: wire.connection_lost(None),
        }
        ends[how]()
        await draining
        assert not wire.full

    @pytest.mark.parametrize("waiting", [0, 1])
    async def test_client_that_takes_nothing(
        self, monkeypatch: pytest.MonkeyPatch, waiting: int
    ) -> None:
        """Who does not take our last bytes is cut off; nobody else costs a timer."""
        monkeypatch.setattr(module, "_CLOSE_SECONDS", 0.01)
        made, transport = Wire(lambda _: None), Nowhere(waiting)
        made.connection_made(transport)
        made.close()
        await asyncio.sleep(0.05)
        assert transport.asked == ["close"] + ["abort"] * waiting


async def test_over_tcp() -> None:
    """Over TCP: who it is, what is said, a client that reads late, and the end of it."""
    wires: list[Wire] = []
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Wire(wires.append), HOST, 0)
    reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
    writer.write(b"hello")
    await eventually(lambda: bool(wires))
    (wire,) = wires
    assert wire.peer == writer.get_extra_info("sockname")
    assert await wire.read() == b"hello"
    wire.write(bytes(20_000_000))
    assert wire.full
    draining = asyncio.create_task(wire.drain())
    assert len(await reader.readexactly(20_000_000)) == 20_000_000
    await draining
    wire.close()
    assert await reader.read() == b""
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()
    server.close()
    await server.wait_closed()


def test_nobody_knows_where_it_comes_from() -> None:
    """A connection that is lost before it was accepted has no address."""
    wires: list[Wire] = []
    made = Wire(wires.append)
    made.connection_made(Nowhere())
    assert (wires, made.peer) == ([made], ("", 0))
