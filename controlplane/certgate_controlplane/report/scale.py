"""Draw an axis: lines through the picture, labels below it."""

from collections.abc import Iterator
from xml.etree.ElementTree import Element

from certgate_controlplane.report.axis import Axis, Tick
from certgate_controlplane.report.markup import element, percent
from certgate_controlplane.report.words import span

MOST_TICKS = 7
_EDGE = 4.0


def scale(axis: Axis, top: float, bottom: float, most: int = MOST_TICKS) -> Iterator[Element]:
    """Draw an axis.

    Args:
        axis: where moments are.
        top: where its lines begin, pixels.
        bottom: where they end; labels take another 16 pixels, those of cuts 32.
        most: about how many ticks there is room for.
    """
    for stretch in axis.stretches:
        left, right = percent(stretch.left), percent(stretch.right)
        yield element("line", class_="axis", x1=left, x2=right, y1=bottom, y2=bottom)
        if stretch.skipped:
            yield from _cut(stretch.left, stretch.skipped, top, bottom)
    for tick in axis.ticks(most):
        x = percent(tick.x)
        yield element("line", class_="grid", x1=x, x2=x, y1=top, y2=bottom)
        yield element("text", tick.label, class_=f"tick {_side(tick)}", x=x, y=bottom + 15)


def _cut(left: float, skipped: float, top: float, bottom: float) -> Iterator[Element]:
    middle = left - 2
    x = percent(middle)
    yield element("line", class_="cut", x1=x, x2=x, y1=top, y2=bottom)
    side = _side(Tick(middle, ""))
    yield element(
        "text", f"{span(skipped)} later", class_=f"tick cut-label {side}", x=x, y=bottom + 31
    )


def _side(tick: Tick) -> str:
    """Keep a label inside the picture."""
    if tick.x < _EDGE:
        return "first"
    return "last" if tick.x > 100 - _EDGE else ""
