"""What a lab hands out besides devices, for callers without an event loop."""

from collections.abc import Callable, Coroutine
from datetime import datetime
from typing import Any, Protocol, Self, TypeVar

from certgate_broker.faults.values import Fault
from certgate_controlplane.faults.service import Faults
from certgate_controlplane.fleet import Counts, Fleet
from certgate_controlplane.toolkit.async_lab import AsyncLab

_Answer = TypeVar("_Answer")


class Runs(Protocol):
    """A lab whose event loop runs elsewhere."""

    inner: AsyncLab

    def run(self, work: Coroutine[Any, Any, _Answer], /) -> _Answer:
        """Run something there and wait for what comes of it."""
        ...


class BlockingClock:
    """The lab's clock, as `Clock` moves it.

    Args:
        lab: whose clock it is.
    """

    def __init__(self, lab: Runs) -> None:
        self._lab = lab

    @property
    def now(self) -> datetime:
        """The lab's time."""
        return self._lab.inner.clock.now

    def advance(self, **by: float) -> None:
        """Move the clock on, as `Clock.advance` does."""
        self._lab.run(self._lab.inner.clock.advance(**by))

    def reset(self) -> None:
        """Go by the machine's clock again."""
        self._lab.run(self._lab.inner.clock.reset())


class BlockingFaults:
    """The lab's faults, as `Faults` sets them.

    Args:
        lab: whose faults they are.
    """

    def __init__(self, lab: Runs) -> None:
        self._lab = lab

    @property
    def _faults(self) -> Faults:
        return self._lab.inner.faults

    def set(self, fault: Fault | str, /, **given: object) -> Fault:
        """Set a fault, as `Faults.set` does."""
        return self._lab.run(self._faults.set(fault, **given))

    def clear(self, name: str | None = None) -> None:
        """Clear the faults of a name, or all, as `Faults.clear` does."""
        self._lab.run(self._faults.clear(name))

    def list(self) -> list[dict[str, object]]:
        """List what is set, as `Faults.list` does."""
        return self._lab.run(self._faults.list())


class BlockingFleet:
    """A fleet of the lab; ``with lab.fleet(ca, devices=50) as fleet: …``.

    Args:
        lab: whose devices they are.
        fleet: the devices.
    """

    def __init__(self, lab: Runs, fleet: Fleet) -> None:
        self._lab = lab
        self._fleet = fleet

    def __enter__(self) -> Self:
        self._lab.run(self._fleet.start())
        return self

    def __exit__(self, *_: object) -> None:
        self._lab.run(self._fleet.stop())

    def counts(self) -> Counts:
        """Give what the fleet has seen so far, and how it stands now."""
        return self._fleet.counts()

    def wait_until(self, condition: Callable[[Counts], bool], seconds: float = 30.0) -> Counts:
        """Wait until the counts are as they should be, as `Fleet.wait_until` does."""
        return self._lab.run(self._fleet.wait_until(condition, seconds))
