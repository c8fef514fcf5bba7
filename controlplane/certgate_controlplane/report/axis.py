"""The time axis: long silences are cut out, and ticks stand on round numbers. Pure."""

import math
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from certgate_controlplane.report.words import span

_LEAST_CUT_MS = 1000
_MOST_CUTS = 6
_BREAK = 4.0
_LEAST_SHARE = 8.0
_MARGIN = 0.03
_LEAST_MARGIN_MS = 2.0
_STEPS = (
    *(digit * 10**power for power in range(4) for digit in (1, 2, 5)),
    *(seconds * 1000 for seconds in (10, 30, 60, 120, 300, 600, 1800)),
    *(hours * 3_600_000 for hours in (1, 2, 6, 12, 24, 48, 120, 240, 480, 1200, 2400, 4800)),
)
"""Round distances between ticks, milliseconds."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """A part of the axis on which time runs evenly.

    Attributes:
        begin: its first moment, milliseconds since the epoch.
        end: its last moment.
        zero: the moment its ticks are counted from.
        left: where it begins, percent of the width.
        right: where it ends, likewise.
        skipped: how long a silence was cut out before it, milliseconds; 0 for none.
    """

    begin: float
    end: float
    zero: float
    left: float = 0.0
    right: float = 100.0
    skipped: float = 0.0

    def x(self, at: float) -> float:
        """Tell where a moment is, percent of the width; never outside.

        Args:
            at: milliseconds since the epoch.
        """
        share = (at - self.begin) / (self.end - self.begin)
        return self.left + (self.right - self.left) * min(max(share, 0.0), 1.0)


@dataclass(frozen=True, slots=True)
class Tick:
    """A mark on the axis.

    Attributes:
        x: where, percent of the width.
        label: what is written at it.
    """

    x: float
    label: str


@dataclass(frozen=True, slots=True)
class Axis:
    """Where moments are.

    Attributes:
        stretches: its parts, in order.
        signed: ticks say on which side of zero they are.
    """

    stretches: tuple[Stretch, ...]
    signed: bool = False

    @classmethod
    def of(cls, times: Sequence[float]) -> "Axis":
        """Make an axis for a run.

        A silence longer than everything else together is cut out, so that a clock that was moved
        by 400 days does not squeeze the rest into one point.

        Args:
            times: when something happened, sorted.
        """
        parts = _parts(times or [0.0])
        visible = sum(end - begin for begin, end in parts)
        margin = max(visible * _MARGIN, _LEAST_MARGIN_MS)
        stretches = [Stretch(begin - margin, end + margin, begin) for begin, end in parts]
        return cls(tuple(_placed(stretches)))

    @classmethod
    def around(cls, zero: float, before: float, after: float) -> "Axis":
        """Make an axis that counts from a moment, both ways.

        Args:
            zero: the moment.
            before: how far it reaches back, milliseconds.
            after: how far it reaches on.
        """
        return cls((Stretch(zero - before, zero + after, zero),), signed=True)

    @property
    def begin(self) -> float:
        """The first moment it shows."""
        return self.stretches[0].begin

    @property
    def end(self) -> float:
        """The last moment it shows."""
        return self.stretches[-1].end

    def shows(self, at: float) -> bool:
        """Tell whether a moment is between its ends.

        Args:
            at: milliseconds since the epoch.
        """
        return self.begin <= at <= self.end

    def x(self, at: float) -> float:
        """Tell where a moment is, percent of the width.

        Args:
            at: milliseconds since the epoch.
        """
        begins = [stretch.begin for stretch in self.stretches]
        return self.stretches[max(bisect_right(begins, at) - 1, 0)].x(at)

    def ticks(self, most: int) -> list[Tick]:
        """Give the ticks.

        Args:
            most: about how many there is room for.
        """
        return [tick for stretch in self.stretches for tick in self._ticks_of(stretch, most)]

    def _ticks_of(self, stretch: Stretch, most: int) -> Iterator[Tick]:
        room = max(most * (stretch.right - stretch.left) / 100, 1.0)
        step = _step((stretch.end - stretch.begin) / room)
        first = math.ceil((stretch.begin - stretch.zero) / step)
        last = math.floor((stretch.end - stretch.zero) / step)
        for number in range(first, last + 1):
            is_later = stretch.skipped > 0 or (self.signed and number > 0)
            label = span(number * step) if number else "0"
            yield Tick(stretch.x(stretch.zero + number * step), f"+{label}" if is_later else label)


def _parts(times: Sequence[float]) -> list[tuple[float, float]]:
    """Cut a run where it is silent for longer than everything else takes."""
    rest = times[-1] - times[0]
    silences = sorted(
        ((late - early, place) for place, (early, late) in enumerate(pairwise(times), 1)),
        reverse=True,
    )
    cuts = [0, len(times)]
    for silence, place in silences[:_MOST_CUTS]:
        rest -= silence
        if silence <= max(rest, _LEAST_CUT_MS):
            break
        cuts.append(place)
    return [(times[first], times[last - 1]) for first, last in pairwise(sorted(cuts))]


def _placed(stretches: Sequence[Stretch]) -> Iterator[Stretch]:
    free = 100.0 - _BREAK * (len(stretches) - 1) - _LEAST_SHARE * len(stretches)
    visible = sum(stretch.end - stretch.begin for stretch in stretches)
    left, before = 0.0, stretches[0]
    for stretch in stretches:
        right = left + _LEAST_SHARE + free * (stretch.end - stretch.begin) / visible
        skipped = max(stretch.begin - before.end, 0.0) if stretch is not before else 0.0
        yield replace(stretch, left=left, right=right, skipped=skipped)
        left, before = right + _BREAK, stretch


def _step(least: float) -> float:
    return next((step for step in _STEPS if step >= least), math.ceil(least))
