"""A client's connection that is no network."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Iterable


@contextlib.asynccontextmanager
async def others() -> AsyncIterator[Callable[[], int]]:
    """Let somebody else go on all the while; give what tells how many turns they have had."""
    turns = 0

    async def go_on() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    task = asyncio.create_task(go_on())
    yield lambda: turns
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


class Pipe:
    """A stream that gives pieces, then silence or an end, and keeps what it is sent."""

    peer = ("192.0.2.1", 4711)

    def __init__(self, pieces: Iterable[bytes] = (), *, silent: bool = False) -> None:
        self.pieces, self._silent = list(pieces), silent
        self.noise, self.open = asyncio.Event(), asyncio.Event()
        self.open.set()
        self.sent: list[bytes] = []
        self.closed = False

    @property
    def full(self) -> bool:
        """Tell whether the client takes nothing."""
        return not self.open.is_set()

    async def receive(self) -> bytes:
        """Give the next piece."""
        if self._silent and not self.pieces:
            await self.noise.wait()
        return self.pieces.pop(0) if self.pieces else b""

    def send(self, data: bytes) -> None:
        """Keep what was sent."""
        self.sent.append(data)

    async def drain(self) -> None:
        """Wait until the client takes something."""
        await self.open.wait()

    def close(self) -> None:
        """Note it."""
        self.closed = True
