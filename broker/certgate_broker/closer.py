"""Close live connections whose right was withdrawn, where the operator wants that."""

import asyncio
from collections.abc import Sequence

from certgate_broker.admission import Clock
from certgate_broker.sessions import LiveSession, LiveSessions
from certgate_certs.registry import Registry
from certgate_certs.rows import Cause, Closing

_AT_ONCE = 50
"""Closing so many takes two milliseconds."""


class Closer:
    """Closes the connections that an inactivation or deletion covers.

    What amqtt stores for a closed session stays with the device that owns it.

    Args:
        registry: says who has lost a right, and keeps a record of each closing.
        sessions: who is connected.
        clock: the lab's clock.
    """

    def __init__(self, registry: Registry, sessions: LiveSessions, clock: Clock) -> None:
        self._registry = registry
        self._sessions = sessions
        self._clock = clock
        self._at_work = asyncio.Lock()

    async def close(self, sessions: Sequence[LiveSession]) -> None:
        """Close those of some connections that have lost their right.

        Args:
            sessions: the connections.

        Raises:
            RegistryUnavailable: the registry cannot be asked, or a closing not recorded; who was
                found is closed all the same.
        """
        if self._withdrawn(sessions):  # Whoever has lost nothing waits for no closing of others.
            async with self._at_work:
                await self._close(sessions)

    async def settled(self) -> None:
        """Wait until every closing that has begun is recorded, or cannot be."""
        async with self._at_work:
            pass

    async def _close(self, sessions: Sequence[LiveSession]) -> None:
        await self._end(self._withdrawn(sessions))

    def _withdrawn(self, sessions: Sequence[LiveSession]) -> list[tuple[LiveSession, Cause]]:
        rights = {item.identity.device_id: item.identity.ca_id for item in sessions}
        causes = self._registry.standing.withdrawn(rights)
        found = [(item, causes.get(item.identity.device_id)) for item in sessions]
        return [(item, cause) for item, cause in found if cause is not None and not item.closing]

    async def _end(self, found: Sequence[tuple[LiveSession, Cause]]) -> None:
        closings = []
        for number, (session, cause) in enumerate(found):
            if number % _AT_ONCE == 0:
                await asyncio.sleep(0)  # Goodbyes are sent, and others have their turn.
            if session.ended.is_set():
                continue  # Its client was faster.
            session.closing = True
            session.hang_up()
            identity = session.identity
            named = (identity.instance_id, identity.client_id)
            serials = (identity.ca_sn, identity.device_sn)
            closings.append(Closing(self._clock(), *named, *serials, cause))
        if closings:
            await self._registry.closings.append(closings)
