"""A CA's part of the picture: its state as a band, what its devices met with as marks."""

from collections.abc import Iterator
from dataclasses import dataclass
from xml.etree.ElementTree import Element

from certgate_controlplane.report import marks
from certgate_controlplane.report.axis import Axis
from certgate_controlplane.report.marks import Mark, Row
from certgate_controlplane.report.markup import element, percent
from certgate_controlplane.report.rule import Rule, rules_of
from certgate_controlplane.report.timeline import Lane
from certgate_controlplane.report.words import short

_TITLE, _FOOT = 24.0, 6.0
_MARKS, _BARS = 18.0, 34.0
_WORD = 7.0
"""Percent of the width that the name of a state takes."""
_NAMES = 50.0
"""Percent of the width that the name of a CA may take."""
_MOST_NAME = 32


def rows_of(lane: Lane) -> list[tuple[Mark, list[float]]]:
    """Give what is shown of a lane, row by row.

    Args:
        lane: the CA's part of the run.
    """
    admitted: list[float] = [record.at for record in lane.decisions if record.accepted]
    refused: list[float] = [record.at for record in lane.decisions if not record.accepted]
    closed: list[float] = [closing.at for closing in lane.closings]
    rows = [(Mark.ADMITTED, admitted), (Mark.REFUSED, refused)]
    return [*rows, (Mark.CLOSED, closed)] if closed else rows


@dataclass(frozen=True, slots=True)
class DrawnLane:
    """A lane in its place.

    Attributes:
        lane: the CA's part of the run.
        name: what the CA is called.
        top: its upper edge, pixels.
        full: how many events the tallest bar of the picture stands for; 0 where all are marks.
    """

    lane: Lane
    name: str
    top: float
    full: int

    @property
    def bottom(self) -> float:
        """Its lower edge, pixels."""
        return self.top + _TITLE + len(rows_of(self.lane)) * self._row + _FOOT

    @property
    def _row(self) -> float:
        return _BARS if self.full else _MARKS

    def draw(self, axis: Axis) -> Iterator[Element]:
        """Draw it.

        Args:
            axis: where moments are.
        """
        height = self.bottom - self.top
        yield element("rect", class_="lane", x=0, y=self.top, width="100%", height=height, rx=6)
        for rule in rules_of(self.lane, axis.end):
            yield from self._band(rule, axis)
        yield self._title()
        for place, (mark, times) in enumerate(rows_of(self.lane)):
            row = Row(mark, times, self.top + _TITLE + place * self._row, self._row)
            yield from row.draw(axis, self.full)
        yield from self._wrong(axis)

    def _band(self, rule: Rule, axis: Axis) -> Iterator[Element]:
        left, right = axis.x(rule.begin), axis.x(rule.end)
        yield element(
            "rect",
            class_=f"band {rule.state}",
            x=percent(left),
            y=self.top,
            width=percent(right - left),
            height=self.bottom - self.top,
        )
        if right - left > _WORD and right > _NAMES:
            x, y = percent(right), self.top + 16
            yield element("text", str(rule.state), class_="state", x=x, dx=-6, y=y)

    def _title(self) -> Element:
        said = [f"{len(times):,} {mark}" for mark, times in rows_of(self.lane)]
        wrong = sum(len(switch.wrong) for switch in self.lane.switches)
        alarm = f" · {wrong:,} after the answer"
        return element(
            "text",
            element("tspan", short(self.name, _MOST_NAME), class_="name"),
            element("tspan", f"  {' · '.join(said)}", class_="muted"),
            *([element("tspan", alarm, class_="alarm")] if wrong else []),
            x=8,
            y=self.top + 16,
        )

    def _wrong(self, axis: Axis) -> Iterator[Element]:
        """Draw what should not have been on top of all, one mark where several would be one."""
        wrong = [record.at for switch in self.lane.switches for record in switch.wrong]
        seen = {round(axis.x(at)): at for at in wrong}
        y = self.top + _TITLE + self._row / 2
        for at in seen.values():
            yield marks.one(Mark.WRONG, axis.x(at), y, "admitted after the answer")
