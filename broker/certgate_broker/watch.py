"""Watch the registry for what other processes, or the API in this one, have changed."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

from certgate_certs.registry import News, RegistryUnavailable, StandingReader

_LOGGER = logging.getLogger(__name__)
LOOK_SECONDS = 0.02
"""How often the file is asked for its version, some five microseconds each time."""


class Watch:
    """Calls those concerned soon after the registry has changed in what concerns them.

    Args:
        standing: tells what there is to follow.
        concerned: called one after the other, each when the member of `News` it is given for has
            changed, and at first; again while the registry is unavailable.
    """

    def __init__(
        self, standing: StandingReader, **concerned: Callable[[], Awaitable[None]]
    ) -> None:
        self._standing = standing
        self._concerned = concerned
        self._known: dict[str, object] = {}
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to watch."""
        self._task = asyncio.create_task(self._watch(), name="certgate watch")

    async def stop(self) -> None:
        """Watch no more."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _watch(self) -> None:
        version = None
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            try:
                newest = self._standing.version()
                if newest != version:
                    await self._tell(self._standing.news())
                version = newest
            except RegistryUnavailable as error:
                _LOGGER.warning("changes of the registry wait: %s", error)

    async def _tell(self, news: News) -> None:
        for name, call in self._concerned.items():
            newest = getattr(news, name)
            if name not in self._known or self._known[name] != newest:
                await call()
            self._known[name] = newest
