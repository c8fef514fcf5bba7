"""A switch from near: the call, its answer, and what the connections around it came to."""

from collections.abc import Iterator
from xml.etree.ElementTree import Element

from certgate_controlplane.report import marks
from certgate_controlplane.report.axis import Axis
from certgate_controlplane.report.marks import Mark, Row
from certgate_controlplane.report.markup import element, percent
from certgate_controlplane.report.rule import state_after
from certgate_controlplane.report.scale import scale
from certgate_controlplane.report.switches import Switch
from certgate_controlplane.report.words import exact, span

_LEAST_MS = 10.0
_MOST_TICKS = 5
_EDGE = 2.0
_HEAD, _ROW, _CALL = 22.0, 20.0, 12.0
_WIDE = 22.0
"""A distance wider than this, percent, has its label in its middle."""


def closeup(switch: Switch) -> Element:
    """Draw a switch from near.

    Args:
        switch: the switch.
    """
    axis = _window(switch)
    rows = _rows(switch, axis)
    full = marks.tallest([times for _, times in rows], axis)
    below = _HEAD + _ROW * (1 + len(rows)) + 4
    drawn: list[Element] = []
    for place, (mark, times) in enumerate(rows, 1):
        drawn.extend(Row(mark, times, _HEAD + _ROW * place, _ROW).draw(axis, full))
    return element(
        "svg",
        element("title", "The call, its answer and the connections around it"),
        _band(switch, axis, below + _ROW),
        *scale(axis, _HEAD, below + _ROW, _MOST_TICKS),
        *_call(switch, axis, below + _ROW),
        *drawn,
        *_distance(switch, axis, below + _ROW / 2),
        class_="picture closeup",
        role="img",
        width="100%",
        height=below + _ROW + 22,
    )


def _window(switch: Switch) -> Axis:
    """Show as much after the answer as makes the first outcome stand in the middle of it."""
    first = 0.0 if switch.effect is None else switch.after(switch.effect.at)
    last_closed = switch.after(switch.closed[-1].at) * 1.2 if switch.closed else 0.0
    took = switch.call.milliseconds
    after = max(first * 2.2, last_closed, took, _LEAST_MS)
    if switch.until is not None:
        after = min(after, max(switch.until - switch.answered, _LEAST_MS))
    before = took * 1.4 + after * 0.4  # Leaves room for the call's label on its left.
    if switch.last_admitted is not None:
        gap = switch.answered - switch.last_admitted.at
        before = max(before, min(gap * 1.1, after))
    return Axis.around(switch.answered, before, after)


def _rows(switch: Switch, axis: Axis) -> list[tuple[Mark, list[float]]]:
    wrong = {id(record) for record in switch.wrong}
    seen = [record for record in switch.attempts if _is_inside(axis, record.at)]
    admitted = [record for record in seen if record.accepted]
    rows: list[tuple[Mark, list[float]]] = [
        (Mark.ADMITTED, [record.at for record in admitted if id(record) not in wrong]),
        (Mark.WRONG, [record.at for record in admitted if id(record) in wrong]),
        (Mark.REFUSED, [record.at for record in seen if not record.accepted]),
        (Mark.CLOSED, [closing.at for closing in switch.closed if _is_inside(axis, closing.at)]),
    ]
    return [row for row in rows if row[1]]


def _is_inside(axis: Axis, at: float) -> bool:
    """Tell whether a whole mark is seen."""
    return axis.shows(at) and _EDGE <= axis.x(at) <= 100 - _EDGE


def _band(switch: Switch, axis: Axis, bottom: float) -> Element:
    left = axis.x(switch.answered)
    return element(
        "rect",
        class_=f"band {state_after(switch)}",
        x=percent(left),
        y=_HEAD,
        width=percent(100 - left),
        height=bottom - _HEAD,
    )


def _call(switch: Switch, axis: Axis, bottom: float) -> Iterator[Element]:
    left, right = axis.x(switch.call.at), axis.x(switch.answered)
    took = exact(switch.call.milliseconds)
    yield element("text", f"call, {took}", class_="label end", x=percent(left), dx=-6, y=_HEAD + 14)
    yield element(
        "rect",
        class_="call-bar",
        x=percent(left),
        y=_HEAD + 4,
        width=percent(max(right - left, 0.3)),
        height=_CALL,
        rx=2,
    )
    x = percent(right)
    verb = switch.verb.lower()
    yield element("line", class_=f"answer {verb}", x1=x, x2=x, y1=_HEAD - 4, y2=bottom)
    yield element("text", "answered", class_="label middle strong", x=x, y=_HEAD - 8)


def _distance(switch: Switch, axis: Axis, y: float) -> Iterator[Element]:
    """Draw how long after the answer the first connection met with what the call is for."""
    left, following = axis.x(switch.answered), switch.effect
    if following is None or not axis.shows(following.at):
        yield element("text", "no connection", class_="label muted", x=percent(left), dx=8, y=y + 4)
        return
    right = axis.x(following.at)
    yield element(
        "line", class_="distance", x1=percent(left), x2=percent(right), y1=y + 7, y2=y + 7
    )
    for x in (left, right):
        yield element("line", class_="distance", x1=percent(x), x2=percent(x), y1=y + 3, y2=y + 11)
    label, is_wide = span(switch.after(following.at)), right - left > _WIDE
    at = percent((left + right) / 2 if is_wide else right)
    place = {"class_": "label strong middle"} if is_wide else {"class_": "label strong", "dx": "8"}
    yield element("text", label, x=at, y=y + (3 if is_wide else 6), **place)
