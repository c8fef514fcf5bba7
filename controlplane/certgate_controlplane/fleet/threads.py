"""A few threads for what blocks."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, TypeVar

_THREADS = 8
_P = ParamSpec("_P")
_T = TypeVar("_T")


class Threads:
    """A pool of threads whose calls may outlive their callers, but not the pool."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(_THREADS, "certgate-fleet")

    async def call(self, function: Callable[_P, _T], *args: _P.args, **kwargs: _P.kwargs) -> _T:
        """Call a function that blocks.

        A thread cannot be stopped: a caller that is cancelled waits for its end, so that whatever
        the function opens can be closed.

        Args:
            function: called in a thread.
            args: handed to it.
            kwargs: likewise.
        """
        work = self._pool.submit(function, *args, **kwargs)
        future = asyncio.wrap_future(work)
        try:
            return await asyncio.shield(future)
        except asyncio.CancelledError:
            await asyncio.wait([future])
            future.exception()  # Nobody else asks for it, and asyncio would complain.
            raise

    def close(self) -> None:
        """End the threads; nothing may be called any more."""
        self._pool.shutdown()
