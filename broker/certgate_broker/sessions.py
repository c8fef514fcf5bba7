"""The live sessions: who is connected at the moment."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from weakref import WeakValueDictionary

from certgate_broker.identity import Identity

_CLOSE_SECONDS = 5.0
"""A session that does not end by itself within this time after its connection was closed is
cancelled; one whose client takes nothing needs some seconds, until the connection is cut off."""


@dataclass(eq=False, slots=True)
class LiveSession:
    """One admitted connection.

    Attributes:
        identity: who it is.
        remote_address: ``address:port``.
        since: when it was admitted, milliseconds since the epoch.
        hang_up: closes its connection.
        ended: set when nothing of it is left.
        task: the task that serves it.
        closing: its connection was closed because a right was withdrawn.
    """

    identity: Identity
    remote_address: str
    since: int
    hang_up: Callable[[], None]
    task: asyncio.Task[None]
    closing: bool = False
    ended: asyncio.Event = field(default_factory=asyncio.Event)

    async def close(self) -> None:
        """Close the connection and wait until nothing of the session is left.

        Raises:
            TimeoutError: the engine does not let go of it.
        """
        self.hang_up()
        try:
            async with asyncio.timeout(_CLOSE_SECONDS):
                await self.ended.wait()
        except TimeoutError:
            self.task.cancel()
            async with asyncio.timeout(_CLOSE_SECONDS):
                await self.ended.wait()


_Key = tuple[str, str]


class LiveSessions:
    """The table of live sessions, at most one a client identifier and instance."""

    def __init__(self) -> None:
        self._sessions: dict[_Key, LiveSession] = {}
        # A lock lives as long as somebody holds it or waits for it.
        self._turns: WeakValueDictionary[_Key, asyncio.Lock] = WeakValueDictionary()

    def __len__(self) -> int:
        return len(self._sessions)

    def all(self) -> list[LiveSession]:
        """List the live sessions, oldest first."""
        return sorted(self._sessions.values(), key=lambda session: session.since)

    def find(self, instance_id: str, client_id: str) -> LiveSession | None:
        """Look a session up.

        Args:
            instance_id: the instance it is connected to.
            client_id: its client identifier.
        """
        return self._sessions.get((instance_id, client_id))

    def turn(self, instance_id: str, client_id: str) -> asyncio.Lock:
        """Give the lock under which connections of one client identifier are decided and entered.

        Deciding inside it keeps a connection that was admitted a moment ago, and has lost its
        right since, from pushing out the one that was admitted after it.

        Args:
            instance_id: the instance asked for.
            client_id: the client identifier.
        """
        key = (instance_id, client_id)
        lock = self._turns.get(key)
        if lock is None:
            lock = self._turns[key] = asyncio.Lock()
        return lock

    async def enter(self, session: LiveSession) -> None:
        """Take a session into the table; call it with the `turn` held.

        A session that holds the same client identifier is ended first (MQTT 3.1.1, 3.1.4), wholly,
        so that the engine never sees two connections of one client.

        Args:
            session: the new one.
        """
        key = (session.identity.instance_id, session.identity.client_id)
        earlier = self._sessions.get(key)
        if earlier is not None:
            await earlier.close()
        self._sessions[key] = session

    def leave(self, session: LiveSession) -> None:
        """Take a session out of the table: nothing of it is left.

        Args:
            session: one that was entered.
        """
        key = (session.identity.instance_id, session.identity.client_id)
        if self._sessions.get(key) is session:
            del self._sessions[key]
        session.ended.set()
