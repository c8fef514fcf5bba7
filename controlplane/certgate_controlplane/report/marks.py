"""Rows of marks: a shape of its own for each thing that happened, bars where there are too many."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from xml.etree.ElementTree import Element

from certgate_controlplane.report.axis import Axis
from certgate_controlplane.report.markup import element, percent
from certgate_controlplane.report.words import count

MOST_MARKS = 90
"""More than this in a row of the narrowest picture run into each other."""
_BINS = 160


class Mark(StrEnum):
    """What happened; the value names shape and colour."""

    ADMITTED = "admitted"
    REFUSED = "refused"
    CLOSED = "closed"
    WRONG = "wrong"
    CALL = "call"
    FAILED = "failed"


_SHAPES = {
    Mark.ADMITTED: element("circle", r=5),
    Mark.REFUSED: element("path", d="M0-6.2 6.2 0 0 6.2-6.2 0Z"),
    Mark.CLOSED: element("path", d="M-4.6-4.6 4.6 4.6M4.6-4.6-4.6 4.6"),
    Mark.WRONG: element("path", d="M0-8.5 9 7H-9ZM0-3V2.4M0 4.4V5"),
    Mark.CALL: element("path", d="M0-6V6"),
    Mark.FAILED: element("path", d="M-5-5H5V5H-5Z"),
}


def definitions() -> Element:
    """Give the shapes that every picture on the page uses."""
    return element(
        "svg",
        element(
            "defs",
            *(element("g", shape, id=f"mark-{mark}") for mark, shape in _SHAPES.items()),
            element(
                "pattern",
                element("path", d="M-2 10 10-2M-2 2 2-2M6 10 10 6", class_="hatching"),
                id="hatch",
                width=8,
                height=8,
                patternUnits="userSpaceOnUse",
            ),
        ),
        class_="definitions",
        aria_hidden="true",
        width=0,
        height=0,
    )


def one(mark: Mark, x: float, y: float, title: str = "") -> Element:
    """Draw one mark.

    Args:
        mark: what happened.
        x: where, percent of the width.
        y: where, pixels from the top.
        title: what a pointer at rest shows.
    """
    shown = [element("title", title)] if title else []
    return element("use", *shown, href=f"#mark-{mark}", class_=f"mark {mark}", x=percent(x), y=y)


def tallest(rows: Iterable[Sequence[float]], axis: Axis) -> int:
    """Tell the greatest number of events that share a bar in any of some rows.

    Args:
        rows: when things happened, row by row.
        axis: where moments are.
    """
    bars = [_bars(times, axis) for times in rows if len(times) > MOST_MARKS]
    return max((max(bar.values()) for bar in bars), default=0)


@dataclass(frozen=True, slots=True)
class Row:
    """What happened, in one row: marks, or bars where they would run into each other.

    Attributes:
        mark: what happened.
        times: when, sorted; all of them on the axis.
        top: the row's upper edge, pixels.
        height: its height.
    """

    mark: Mark
    times: Sequence[float]
    top: float
    height: float

    def draw(self, axis: Axis, full: int) -> Iterator[Element]:
        """Draw it.

        Args:
            axis: where moments are.
            full: how many events a bar of the whole height stands for.
        """
        if len(self.times) <= MOST_MARKS:
            middle = self.top + self.height / 2
            yield from (one(self.mark, axis.x(at), middle) for at in self.times)
            return
        for place, number in sorted(_bars(self.times, axis).items()):
            yield self._bar(place, number, self.height * number / max(full, 1))

    def _bar(self, place: int, number: int, length: float) -> Element:
        shown = max(length, 1.5)
        return element(
            "rect",
            element("title", f"{count(number, 'event')}: {self.mark}"),
            class_=f"bar {self.mark}",
            x=percent(place * 100 / _BINS),
            y=self.top + self.height - shown,
            width=percent(92 / _BINS),
            height=shown,
        )


def _bars(times: Iterable[float], axis: Axis) -> Counter[int]:
    return Counter(min(int(axis.x(at) * _BINS / 100), _BINS - 1) for at in times)
