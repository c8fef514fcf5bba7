"""The stream as amqtt sees it, over a stream that is no network."""

import asyncio
from collections.abc import Iterable
from typing import cast

import pytest

from certgate_broker.adapters import StreamReader, StreamWriter
from certgate_broker.tls import TlsStream


class Pipe:
    """Stands in for a TLS stream: gives pieces, then silence or an end."""

    peer = ("192.0.2.1", 4711)

    def __init__(self, pieces: Iterable[bytes] = (), *, silent: bool = False) -> None:
        self.pieces, self._silent = list(pieces), silent
        self.sent: list[bytes] = []
        self.drained = self.closed = 0

    async def receive(self) -> bytes:
        """Give the next piece."""
        if self.pieces:
            return self.pieces.pop(0)
        if self._silent:
            await asyncio.Event().wait()
        return b""

    def send(self, data: bytes) -> None:
        """Keep what was sent."""
        self.sent.append(data)

    async def drain(self) -> None:
        """Count."""
        self.drained += 1

    def close(self) -> None:
        """Count."""
        self.closed += 1


def reader(
    pipe: Pipe, replayed: bytes = b"", limit: int = 100, keep_alive: int = 0
) -> StreamReader:
    """Make a reader."""
    return StreamReader(cast("TlsStream", pipe), replayed, limit, keep_alive)


class TestReader:
    """`StreamReader`."""

    async def test_replays_first(self) -> None:
        """What was read before comes first, then what the stream gives, cut as asked for."""
        made = reader(Pipe([b"def", b"g", b"hi"]), b"abc")
        assert [await made.read(count) for count in (2, 3, 4)] == [b"ab", b"cde", b"fghi"]

    async def test_nothing_asked(self) -> None:
        """No bytes asked for are no bytes read."""
        assert await reader(Pipe(silent=True)).read(0) == b""

    async def test_end_in_the_middle(self) -> None:
        """A stream that ends too soon is a connection that was reset."""
        made = reader(Pipe([b"ab"]))
        with pytest.raises(ConnectionResetError):
            await made.read(3)

    async def test_end_is_for_good(self) -> None:
        """After its end even what is left is not given: it would be taken for a packet."""
        made = reader(Pipe([b"ab"]))
        for count in (3, 1):
            with pytest.raises(ConnectionResetError):
                await made.read(count)

    async def test_limit(self) -> None:
        """As much as is allowed is read, one byte more ends the connection, and it stays ended."""
        made = reader(Pipe([b"x" * 100, b"y" * 200]))
        assert await made.read(100) == b"x" * 100
        for count in (101, 1):
            with pytest.raises(ConnectionResetError):
                await made.read(count)

    async def test_keep_alive(self) -> None:
        """A client that is silent for half as long again as it promised is gone (3.1.2.10)."""
        made = reader(Pipe([b"a"], silent=True), keep_alive=1)
        assert await made.read(1) == b"a"
        begin = asyncio.get_running_loop().time()
        with pytest.raises(ConnectionResetError):
            await made.read(1)
        assert 1.4 < asyncio.get_running_loop().time() - begin < 5

    async def test_no_keep_alive(self) -> None:
        """A client that promised nothing may be silent."""
        waiting = asyncio.create_task(reader(Pipe(silent=True)).read(1))
        done, _ = await asyncio.wait([waiting], timeout=0.05)
        assert not done
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)

    async def test_feed_eof(self) -> None:
        """To be told of an end changes nothing; the stream knows its own."""
        made = reader(Pipe(), b"ab")
        made.feed_eof()
        assert await made.read(2) == b"ab"


class TestWriter:
    """`StreamWriter`."""

    async def test_passes_on(self) -> None:
        """Everything is the stream's to do."""
        pipe = Pipe()
        writer = StreamWriter(cast("TlsStream", pipe))
        writer.write(b"ab")
        await writer.drain()
        await writer.close()
        assert (pipe.sent, pipe.drained, pipe.closed) == ([b"ab"], 1, 1)
        assert writer.get_peer_info() == ("192.0.2.1", 4711)

    def test_tells_nothing_of_tls(self) -> None:
        """Who the client is stands in the context, not in a TLS object that may be stale."""
        assert StreamWriter(cast("TlsStream", Pipe())).get_ssl_info() is None
