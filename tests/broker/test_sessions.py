"""The table of live sessions."""

import asyncio
import gc

import pytest

from certgate_broker import sessions as module
from certgate_broker.identity import Identity
from certgate_broker.sessions import LiveSession, LiveSessions


def identity(client_id: str = "m", instance_id: str = "one") -> Identity:
    """Give somebody's identity."""
    return Identity(instance_id, client_id, 1, "0a", 2, "0b", 3)


class Served:
    """A session served by a task that ends when it is hung up on, unless it is deaf."""

    def __init__(
        self, table: LiveSessions, who: Identity, since: int = 0, *, deaf: bool = False
    ) -> None:
        self.hung_up = asyncio.Event()
        self._table, self._deaf = table, deaf
        task = asyncio.create_task(self._serve())
        self.session = LiveSession(who, "127.0.0.1:1", since, self.hung_up.set, task)

    async def _serve(self) -> None:
        try:
            await (asyncio.Event() if self._deaf else self.hung_up).wait()
        finally:
            self._table.leave(self.session)


class TestLiveSessions:
    """`LiveSessions`."""

    async def test_enter_find_leave(self) -> None:
        """A session is found from the moment it enters until it leaves."""
        table = LiveSessions()
        served = Served(table, identity())
        assert (len(table), table.find("one", "m")) == (0, None)
        await table.enter(served.session)
        assert (len(table), table.find("one", "m")) == (1, served.session)
        await served.session.close()
        assert (len(table), table.find("one", "m")) == (0, None)

    async def test_all_is_sorted(self) -> None:
        """The oldest session comes first, in whatever order they entered."""
        table = LiveSessions()
        made = [Served(table, identity(str(since)), since) for since in (3, 1, 2)]
        for served in made:
            await table.enter(served.session)
        assert [session.since for session in table.all()] == [1, 2, 3]
        for session in table.all():
            await session.close()

    async def test_the_earlier_one_ends_first(self) -> None:
        """A session with the same identifier is over before the new one is in the table."""
        table = LiveSessions()
        first, second = Served(table, identity()), Served(table, identity())
        await table.enter(first.session)
        await table.enter(second.session)
        assert first.hung_up.is_set()
        assert first.session.ended.is_set()
        assert table.all() == [second.session]
        await second.session.close()

    async def test_other_identifiers_and_instances_stay(self) -> None:
        """An identifier is one instance's own."""
        table = LiveSessions()
        whose = [identity(), identity("n"), identity(instance_id="two")]
        made = [Served(table, who) for who in whose]
        for served in made:
            await table.enter(served.session)
        assert len(table) == 3
        assert not any(served.hung_up.is_set() for served in made)
        for served in made:
            await served.session.close()

    async def test_leaving_late_does_not_push_out(self) -> None:
        """A session that leaves when another has taken its place takes only itself out."""
        table = LiveSessions()
        first, second = Served(table, identity()), Served(table, identity())
        await table.enter(first.session)
        await table.enter(second.session)
        table.leave(first.session)
        assert table.find("one", "m") is second.session
        await second.session.close()

    async def test_the_deaf_one_is_cancelled(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """A session that does not end by itself is cancelled after a while."""
        monkeypatch.setattr(module, "_CLOSE_SECONDS", 0.01)
        table = LiveSessions()
        served = Served(table, identity(), deaf=True)
        await table.enter(served.session)
        await served.session.close()
        assert served.session.ended.is_set()
        await asyncio.gather(served.session.task, return_exceptions=True)
        assert served.session.task.cancelled()


class TestTurn:
    """The lock of one client identifier."""

    async def test_one_at_a_time(self) -> None:
        """Two connections of one identifier have the same turn, others have their own."""
        table = LiveSessions()
        turn = table.turn("one", "m")
        assert table.turn("one", "m") is turn
        assert table.turn("two", "m") is not turn
        assert table.turn("one", "n") is not turn

    async def test_nothing_is_kept(self) -> None:
        """Turns of identifiers that nobody waits for cost no memory."""
        table = LiveSessions()
        for number in range(100):
            async with table.turn("one", str(number)):
                pass
        gc.collect()
        assert len(table._turns) == 0  # noqa: SLF001  there is no other sign of it
