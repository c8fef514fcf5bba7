"""The run as a picture: the API's calls on top, a lane for each CA below, one axis of time."""

from collections.abc import Iterator
from xml.etree.ElementTree import Element

from certgate_controlplane.report import marks
from certgate_controlplane.report.axis import Axis
from certgate_controlplane.report.badges import badges, lines, lower_edge
from certgate_controlplane.report.lanes import DrawnLane, rows_of
from certgate_controlplane.report.marks import Mark, Row
from certgate_controlplane.report.markup import element
from certgate_controlplane.report.scale import scale
from certgate_controlplane.report.timeline import Lane, Timeline
from certgate_controlplane.report.words import count

MOST_LANES = 12
"""More CAs than this are counted, not drawn."""
_TOP, _ROW, _GAP, _LABELS = 24.0, 18.0, 12.0, 26.0
_CUT_LABELS = 16.0


def picture(timeline: Timeline) -> Element:
    """Draw a run.

    Args:
        timeline: the run.
    """
    axis = Axis.of(timeline.times)
    calls = _call_rows(timeline)
    top = _TOP + _ROW * len(calls) + 4
    placed = badges(timeline.switches, axis, top)
    lanes = _placed(timeline, axis, lower_edge(placed, top) + _GAP)
    bottom = lanes[-1].bottom if lanes else top
    return element(
        "svg",
        element("title", "The run as a picture; the tables below say the same in words"),
        *scale(axis, _TOP, bottom + _GAP),
        _title(timeline),
        *(shape for row in calls for shape in row.draw(axis, marks.tallest([row.times], axis))),
        *(shape for lane in lanes for shape in lane.draw(axis)),
        *(line for lane in lanes for line in lines(placed, lane.lane.switches, lane.bottom)),
        *(badge.draw() for badge in placed),
        class_="picture",
        role="img",
        width="100%",
        height=bottom + _GAP + _LABELS + (_CUT_LABELS if len(axis.stretches) > 1 else 0),
    )


def drawn_lanes(timeline: Timeline) -> list[Lane]:
    """Choose the lanes to draw: those with most to show, in their own order.

    Args:
        timeline: the run.
    """
    chosen = sorted(timeline.lanes, key=lambda lane: lane.busy, reverse=True)[:MOST_LANES]
    return [lane for lane in timeline.lanes if any(lane is each for each in chosen)]


def _placed(timeline: Timeline, axis: Axis, top: float) -> list[DrawnLane]:
    lanes = drawn_lanes(timeline)
    full = marks.tallest([times for lane in lanes for _, times in rows_of(lane)], axis)
    placed: list[DrawnLane] = []
    for lane in lanes:
        name = timeline.ca_name(lane.sn) if lane.home else "No CA that is known"
        placed.append(DrawnLane(lane, name, top, full))
        top = placed[-1].bottom + _GAP
    return placed


def _call_rows(timeline: Timeline) -> list[Row]:
    switched = {id(switch.call) for switch in timeline.switches}
    others = [call for call in timeline.calls if id(call) not in switched]
    good = Row(Mark.CALL, [call.at for call in others if not call.code], _TOP, _ROW)
    bad = Row(Mark.FAILED, [call.at for call in others if call.code], _TOP + _ROW, _ROW)
    return [good, bad] if bad.times else [good]


def _title(timeline: Timeline) -> Element:
    return element("text", *_said(timeline), x=8, y=16)


def _said(timeline: Timeline) -> Iterator[Element]:
    switches = count(len(timeline.switches), "switch", "switches")
    said = f"  {count(len(timeline.calls), 'call')} · {switches}"
    yield element("tspan", "API", class_="name")
    yield element("tspan", said, class_="muted")
