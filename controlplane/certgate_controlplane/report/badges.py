"""The numbers of switches, and the lines that lead from them down to the CA they concern."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from xml.etree.ElementTree import Element

from certgate_controlplane.report.axis import Axis
from certgate_controlplane.report.markup import element, percent
from certgate_controlplane.report.switches import Switch

MOST_BADGES = 40
"""More switches than this share one row, where the later number covers the earlier."""
_MOST_ROWS = 4
_HEIGHT = 22.0
_RADIUS = 9
_NEAR = 3.6
"""Badges nearer than this, percent of the width, go into different rows."""


@dataclass(frozen=True, slots=True)
class Badge:
    """Where a switch's number stands.

    Attributes:
        switch: the switch.
        x: where, percent of the width.
        y: its middle, pixels.
    """

    switch: Switch
    x: float
    y: float

    def draw(self) -> Element:
        """Draw it."""
        x = percent(self.x)
        return element(
            "g",
            element("title", f"{self.switch.number}: {self.switch.call.action}"),
            element("circle", cx=x, cy=self.y, r=_RADIUS),
            element("text", str(self.switch.number), x=x, y=self.y + 4),
            class_=f"badge {self.switch.verb.lower()}",
        )


def badges(switches: Sequence[Switch], axis: Axis, top: float) -> list[Badge]:
    """Give each switch a place in which its number does not cover another's.

    Args:
        switches: the switches, oldest first.
        axis: where moments are.
        top: where the first row begins, pixels.
    """
    rows = 1 if len(switches) > MOST_BADGES else _MOST_ROWS
    latest: list[float] = []
    placed = []
    for switch in switches:
        x = axis.x(switch.answered)
        row = min(_free(latest, x), rows - 1)
        latest[row : row + 1] = [x]
        placed.append(Badge(switch, x, top + _HEIGHT * (row + 0.5)))
    return placed


def lower_edge(placed: Iterable[Badge], top: float) -> float:
    """Tell where the lowest row ends.

    Args:
        placed: the badges.
        top: where the first row begins, pixels.
    """
    return max((badge.y + _HEIGHT / 2 for badge in placed), default=top)


def lines(placed: Iterable[Badge], switches: Sequence[Switch], bottom: float) -> Iterator[Element]:
    """Draw the lines of some switches.

    Args:
        placed: the badges of the run.
        switches: whose lines.
        bottom: where the lines end.
    """
    wanted = {switch.number for switch in switches}
    for badge in placed:
        if badge.switch.number in wanted:
            x = percent(badge.x)
            kind = f"answer {badge.switch.verb.lower()}"
            yield element("line", class_=kind, x1=x, x2=x, y1=badge.y + _RADIUS, y2=bottom)


def _free(latest: Sequence[float], x: float) -> int:
    free = (row for row, before in enumerate(latest) if x - before >= _NEAR)
    return next(free, len(latest))
