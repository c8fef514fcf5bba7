"""The lab's clock: the machine's, moved as far as a test wants; one for every process."""

import time
from collections.abc import Mapping

from certgate_broker.desk import Desks
from certgate_certs.registry import Registry

_CENTURY_MS = 100 * 366 * 86_400_000
_TOO_FAR = "the clock can be moved by up to a century"
_UNITS = {"days": 86_400_000, "hours": 3_600_000, "minutes": 60_000, "seconds": 1000}


class LabClock:
    """Gives the lab's time; call it.

    Attributes:
        offset_ms: how far it is ahead of the machine's clock, milliseconds; negative: behind.
    """

    def __init__(self) -> None:
        self.offset_ms = 0

    def __call__(self) -> int:
        """Give the time, milliseconds since the epoch."""
        return time.time_ns() // 1_000_000 + self.offset_ms

    def set_offset(self, offset_ms: int) -> None:
        """Move it.

        Args:
            offset_ms: how far it shall be ahead of the machine's clock, milliseconds.
        """
        self.offset_ms = offset_ms


class ClockError(ValueError):
    """The clock cannot be moved that far; the text says how far it can."""


def advance_of(given: Mapping[str, object]) -> int:
    """Add up how far a clock shall be moved.

    Args:
        given: ``days``, ``hours``, ``minutes``, ``seconds``; numbers, negative ones move back.

    Returns:
        Milliseconds.

    Raises:
        ClockError: there is something else, or what is no number.
    """
    total = 0.0
    for name, value in given.items():
        if name not in _UNITS:
            raise ClockError(f"a clock is moved by {', '.join(_UNITS)}, not by {name!r}")
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise ClockError(f"{name} is a number")
        if abs(value) > _CENTURY_MS:  # A whole number can be too large to be multiplied.
            raise ClockError(_TOO_FAR)
        total += value * _UNITS[name]
    if not abs(total) <= _CENTURY_MS:  # This way round it catches what is no number at all, too.
        raise ClockError(_TOO_FAR)
    return round(total)


class SharedClock:
    """Moves the lab's clock, here and in every other process.

    Args:
        clock: this process's.
        registry: keeps the offset for processes that start later.
        desks: reach the doors; devices are judged by the new time once `set` has returned.
    """

    def __init__(self, clock: LabClock, registry: Registry, desks: Desks) -> None:
        self._clock = clock
        self._offset = registry.clock
        self._desks = desks

    async def set(self, offset_ms: int) -> None:
        """Move the clock.

        Args:
            offset_ms: how far it shall be ahead of the machine's clock, milliseconds.

        Raises:
            ClockError: that is more than a century.
            RegistryUnavailable: a process cannot be told.
        """
        if abs(offset_ms) > _CENTURY_MS:
            raise ClockError(_TOO_FAR)
        await self._offset.set(offset_ms)
        self._clock.set_offset(offset_ms)
        await self._desks.ask(kind="clock", offset_ms=offset_ms)

    async def advance(self, milliseconds: int) -> None:
        """Move the clock on from where it is.

        Args:
            milliseconds: how far; negative: back.

        Raises:
            ClockError: it would be more than a century away from the machine's.
            RegistryUnavailable: a process cannot be told.
        """
        await self.set(self._clock.offset_ms + milliseconds)

    async def follow(self) -> None:
        """Take over what another process has set.

        Raises:
            RegistryUnavailable: the registry cannot be read.
        """
        self._clock.set_offset(await self._offset.get())
