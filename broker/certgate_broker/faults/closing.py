"""Live connections that are closed some time after their right was withdrawn, or never."""

import contextlib
from collections.abc import Awaitable, Callable, Sequence

from certgate_broker.closer import Closer
from certgate_broker.sessions import LiveSession, LiveSessions
from certgate_certs.registry import Registry, RegistryUnavailable
from certgate_certs.rows import Cause


class RuledCloser(Closer):
    """Closes the connections that an inactivation or deletion covers, by a rule of its own.

    Args:
        registry: says who has lost a right, and keeps a record of each closing.
        sessions: who is connected.
        clock: the lab's clock.
        delay: how much later they are closed, milliseconds; None for never.
        count: called for each connection that the rule is for.
    """

    def __init__(
        self,
        registry: Registry,
        sessions: LiveSessions,
        clock: Callable[[], int],
        delay: int | None,
        count: Callable[[], Awaitable[None]],
    ) -> None:
        super().__init__(registry, sessions, clock)
        self._delay = delay
        self._count = count
        self._met: dict[LiveSession, int] = {}

    async def tick(self) -> None:
        """Close those whose time has come, unless they have their right back.

        Raises:
            RegistryUnavailable: the registry cannot be asked, or a closing not recorded.
        """
        if self._met:
            async with self._at_work:
                await self._look_again()

    async def _look_again(self) -> None:
        found = self._withdrawn([item for item in self._met if not item.ended.is_set()])
        self._met = {item: self._met[item] for item, _ in found}
        await self._end_due(found)

    async def _close(self, sessions: Sequence[LiveSession]) -> None:
        found = self._withdrawn(sessions)
        new = [session for session, _ in found if session not in self._met]
        self._met |= dict.fromkeys(new, self._clock())
        await self._end_due(found)
        with contextlib.suppress(RegistryUnavailable):
            for _ in new:
                await self._count()

    async def _end_due(self, found: Sequence[tuple[LiveSession, Cause]]) -> None:
        if self._delay is not None:
            now = self._clock()
            await self._end([item for item in found if self._met[item[0]] + self._delay <= now])
