"""The stream as amqtt sees it, over a stream that is no network."""

import asyncio
import contextlib
from collections.abc import Iterable
from typing import cast

import pytest

from broker.wire import GOODBYE, PING, connect, publish
from certgate_broker.adapters import StreamReader, StreamWriter
from certgate_broker.tls import TlsStream


class Pipe:
    """Stands in for a TLS stream: gives pieces, then silence or an end."""

    peer = ("192.0.2.1", 4711)

    def __init__(self, pieces: Iterable[bytes] = (), *, silent: bool = False) -> None:
        self.pieces, self._silent = list(pieces), silent
        self.noise = asyncio.Event()
        self.sent: list[bytes] = []
        self.drained = self.closed = 0

    async def receive(self) -> bytes:
        """Give the next piece."""
        if self._silent and not self.pieces:
            await self.noise.wait()
        return self.pieces.pop(0) if self.pieces else b""

    def send(self, data: bytes) -> None:
        """Keep what was sent."""
        self.sent.append(data)

    async def drain(self) -> None:
        """Count."""
        self.drained += 1

    def close(self) -> None:
        """Count."""
        self.closed += 1


HELLO = connect("m")


def reader(pipe: Pipe, rest: bytes = b"", limit: int = 100, keep_alive: int = 0) -> StreamReader:
    """Make a reader that begins with a CONNECT and perhaps more."""
    return StreamReader(cast("TlsStream", pipe), HELLO + rest, limit, keep_alive)


async def past_connect(
    pipe: Pipe, rest: bytes = b"", limit: int = 100, keep_alive: int = 0
) -> StreamReader:
    """Make a reader whose CONNECT has been read."""
    made = reader(pipe, rest, limit, keep_alive)
    assert await made.read(len(HELLO)) == HELLO
    return made


class TestReader:
    """`StreamReader`."""

    async def test_replays_first(self) -> None:
        """CONNECT comes first, then what came with it, then what the stream gives, as asked."""
        made = reader(Pipe([b"cd\x30", b"\x04\x00\x01", b"ae\xc0\x00"]), b"\x30\x05\x00\x01a")
        assert await made.read(1) + await made.read(len(HELLO) - 1) == HELLO
        assert [await made.read(count) for count in (1, 1, 2, 3)] == [
            b"\x30",
            b"\x05",
            b"\x00\x01",
            b"acd",
        ]
        assert [await made.read(count) for count in (6, 2)] == [b"\x30\x04\x00\x01ae", b"\xc0\x00"]

    async def test_connect_has_its_own_limit(self) -> None:
        """CONNECT has been measured before, with another limit than later packets."""
        await past_connect(Pipe(), limit=1)

    async def test_nothing_asked(self) -> None:
        """No bytes asked for are no bytes read."""
        made = await past_connect(Pipe(silent=True))
        assert await made.read(0) == b""

    async def test_end_in_the_middle(self) -> None:
        """Of a packet that is cut short not one byte is given."""
        made = await past_connect(Pipe([b"\x30\x05\x00\x01a"]))
        for _ in range(2):
            with pytest.raises(ConnectionResetError):
                await made.read(1)

    async def test_more_than_a_packet(self) -> None:
        """Who asks for more than the packet has gets nothing, now and later."""
        made = await past_connect(Pipe([PING + PING]))
        for count in (3, 1):
            with pytest.raises(ConnectionResetError):
                await made.read(count)

    async def test_limit(self) -> None:
        """As much as is allowed is read, one byte more ends the connection, and it stays ended."""
        allowed, more = publish("t", b"x" * 97), publish("t", b"x" * 98)
        made = await past_connect(Pipe([allowed, more[:2], PING]))
        assert await made.read(len(allowed)) == allowed
        for _ in range(2):
            with pytest.raises(ConnectionResetError):
                await made.read(1)

    async def test_broken_rule(self, caplog: pytest.LogCaptureFixture) -> None:
        """A packet that breaks a rule ends the connection, and the log says whose and which."""
        made = await past_connect(Pipe([PING + publish("a/#", b"") + PING]))
        assert await made.read(2) == PING
        for _ in range(2):
            with pytest.raises(ConnectionResetError):
                await made.read(1)
        (record,) = caplog.records
        assert record.getMessage().startswith("192.0.2.1:4711 broke the protocol: a topic name")
        assert record.levelname == "WARNING"

    async def test_nothing_after_disconnect(self) -> None:
        """What comes after DISCONNECT is not given (3.14.4)."""
        made = await past_connect(Pipe([GOODBYE + publish("t", b"late")]))
        assert await made.read(2) == GOODBYE
        with pytest.raises(ConnectionResetError):
            await made.read(1)

    @pytest.mark.parametrize("what_follows", [[PING], []], ids=["a packet", "the end"])
    async def test_one_packet_after_the_other(self, what_follows: list[bytes]) -> None:
        """What a packet has set going has begun before the next is given, or the end is told."""
        made = await past_connect(Pipe([PING, *what_follows]))
        await made.read(2)
        begun = asyncio.Event()
        asyncio.get_running_loop().call_soon(begun.set)
        with contextlib.suppress(ConnectionResetError):
            await made.read(2)
        assert begun.is_set()

    async def test_interrupted(self) -> None:
        """A read that is given up loses nothing of what has come."""
        pipe = Pipe([b"\xc0"], silent=True)
        made = await past_connect(pipe)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(made.read(1), 0.01)
        pipe.pieces.append(b"\x00")
        assert await made.read(2) == PING

    async def test_keep_alive(self) -> None:
        """A client that is silent for half as long again as it promised is gone (3.1.2.10)."""
        made = await past_connect(Pipe([PING], silent=True), keep_alive=1)
        assert await made.read(2) == PING
        begin = asyncio.get_running_loop().time()
        with pytest.raises(ConnectionResetError):
            await made.read(1)
        assert 1.4 < asyncio.get_running_loop().time() - begin < 5

    async def test_no_keep_alive(self) -> None:
        """A client that promised nothing may be silent."""
        made = await past_connect(Pipe(silent=True))
        waiting = asyncio.create_task(made.read(1))
        done, _ = await asyncio.wait([waiting], timeout=0.05)
        assert not done
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)

    @pytest.mark.parametrize("pieces", [[PING + PING], [PING[:1], PING[1:] + PING]])
    async def test_feed_eof(self, pieces: list[bytes]) -> None:
        """Who is told of the end gives what is left of the packet at hand, and no other."""
        made = await past_connect(Pipe(pieces))
        assert await made.read(1) == PING[:1]
        made.feed_eof()
        assert await made.read(1) == PING[1:]
        with pytest.raises(ConnectionResetError):
            await made.read(1)

    async def test_feed_eof_while_waiting(self) -> None:
        """A packet that comes after the end was told is not given."""
        made = await past_connect(pipe := Pipe(silent=True))
        waiting = asyncio.create_task(made.read(1))
        await asyncio.wait([waiting], timeout=0.01)
        pipe.pieces.append(PING)
        made.feed_eof()
        pipe.noise.set()
        with pytest.raises(ConnectionResetError):
            await waiting


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
