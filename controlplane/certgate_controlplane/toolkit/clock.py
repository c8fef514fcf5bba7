"""The lab's clock, as a test moves it."""

from datetime import UTC, datetime

from certgate_controlplane.clock import advance_of
from certgate_controlplane.lab import LabServer


class Clock:
    """Moves the clock by which certificates are judged and signatures are checked.

    Args:
        server: the running lab.
    """

    def __init__(self, server: LabServer) -> None:
        self._server = server

    @property
    def now(self) -> datetime:
        """The lab's time."""
        return datetime.fromtimestamp(self._server.now() / 1000, UTC)

    async def advance(self, **by: float) -> None:
        """Move the clock on; the next connection is judged by the new time.

        Args:
            by: ``days``, ``hours``, ``minutes``, ``seconds``; negative numbers move it back.

        Raises:
            ClockError: it cannot be moved so.
        """
        await self._server.clock.advance(advance_of(by))

    async def reset(self) -> None:
        """Go by the machine's clock again."""
        await self._server.clock.set(0)
