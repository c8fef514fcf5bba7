"""A TCP connection as bytes that come and go, no more of them than are wanted."""

import asyncio
from collections.abc import Callable
from typing import cast

_MOST_UNREAD = 65_536
"""The client is not listened to while more than this waits to be read, bytes."""
_CLOSE_SECONDS = 2.0
"""A client that does not read our last bytes within this time is cut off."""


class Wire(asyncio.Protocol):
    """One TCP connection, read and drained by one task each at a time.

    It takes the place of asyncio's stream reader and writer, which cost more.

    Args:
        opened: called once there is a connection.

    Attributes:
        peer: address and port of the client, ("", 0) where they are not known: uvloop asks for them
            late, and who has reset the connection by then has none.
        full: the client has not taken enough of what was written for more to be written.
    """

    def __init__(self, opened: Callable[["Wire"], None]) -> None:
        self._opened = opened
        self.peer: tuple[str, int] = ("", 0)
        self.full = False
        self._unread = b""
        self._deaf = self._over = False
        self._news: asyncio.Future[None] | None = None
        self._room: asyncio.Future[None] | None = None

    async def read(self) -> bytes:
        """Wait for bytes, as they came; b"" once no more will come."""
        while not self._unread and not self._over:
            self._news = asyncio.get_running_loop().create_future()
            await self._news
        data, self._unread = self._unread, b""
        if self._deaf:
            self._deaf = False
            self._transport.resume_reading()
        return data

    def write(self, data: bytes) -> None:
        """Send bytes; what cannot be sent any more is dropped.

        Args:
            data: the bytes.
        """
        if not self._transport.is_closing():
            self._transport.write(data)

    async def drain(self) -> None:
        """Wait until the client has taken enough of what was written, or has gone."""
        while self.full:
            self._room = asyncio.get_running_loop().create_future()
            await self._room

    def close(self) -> None:
        """Hang up once everything is sent; a client that does not take it is cut off."""
        self._over = True
        self._transport.close()
        if self._transport.get_write_buffer_size():
            asyncio.get_running_loop().call_later(_CLOSE_SECONDS, self._transport.abort)
        _wake(self._news)

    def abort(self) -> None:
        """Hang up at once."""
        self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take note of the connection."""
        self._transport = cast("asyncio.Transport", transport)
        host, port, *_ = transport.get_extra_info("peername") or self.peer
        self.peer = host, port
        self._opened(self)

    def data_received(self, data: bytes) -> None:
        """Keep bytes until they are read."""
        self._unread += data
        if len(self._unread) > _MOST_UNREAD and not self._deaf:
            self._deaf = True
            self._transport.pause_reading()
        _wake(self._news)

    def eof_received(self) -> bool:
        """Take note of the end; what was asked before it is still answered."""
        self._over = True
        _wake(self._news)
        return True

    def connection_lost(self, _: Exception | None) -> None:
        """Let nobody wait any longer."""
        self._over = True
        _wake(self._news)
        self.resume_writing()

    def pause_writing(self) -> None:
        """Take note that the client is slow."""
        self.full = True

    def resume_writing(self) -> None:
        """Take note that it has caught up."""
        self.full = False
        _wake(self._room)


def _wake(waiter: asyncio.Future[None] | None) -> None:
    if waiter is not None and not waiter.done():
        waiter.set_result(None)
