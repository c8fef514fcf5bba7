"""The run in words: tables, for those who cannot or will not look at a picture."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from xml.etree.ElementTree import Element

from certgate_broker.reasons import Reason
from certgate_controlplane.calls import CallRecord
from certgate_controlplane.report.markup import Child, element
from certgate_controlplane.report.switches import Switch
from certgate_controlplane.report.timeline import Timeline
from certgate_controlplane.report.words import count, exact, moment, short, span

MOST_ROWS = 500
"""Longer tables are cut, and say so."""
_MOST_TEXT = 96
_READING = ("Get", "List", "Query", "BatchQuery")


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table.

    Attributes:
        title: what its head says.
        kind: ``figure`` for numbers, ``word`` for long single words, else ``wide``.
    """

    title: str
    kind: str = "wide"


def figure(title: str) -> Column:
    """Give a column of numbers.

    Args:
        title: what its head says.
    """
    return Column(title, "figure")


def word(title: str) -> Column:
    """Give a column of long single words, such as names of operations.

    Args:
        title: what its head says.
    """
    return Column(title, "word")


def named(text: str, most: int = _MOST_TEXT) -> Element:
    """Show a text that a stranger chose, kept from turning the text around it.

    Args:
        text: the text.
        most: how many characters are shown.
    """
    return element("bdi", short(text, most))


def table(title: str, columns: Sequence[Column], rows: Iterable[Sequence[Child]]) -> Element:
    """Make a table that scrolls by itself where it is too wide.

    Args:
        title: what it shows.
        columns: its columns; the first one names the row.
        rows: its cells, row by row.
    """
    found = list(rows)
    left_out = len(found) - MOST_ROWS
    note = f" The first {MOST_ROWS} of {len(found):,}." if left_out > 0 else ""
    head = (element("th", column.title, scope="col", class_=column.kind) for column in columns)
    made = element(
        "table",
        element("caption", f"{title}{note}"),
        element("thead", element("tr", *head)),
        element("tbody", *(_row(columns, row) for row in found[:MOST_ROWS])),
    )
    return element("div", made, class_="scroll", tabindex=0, role="region", aria_label=title)


def _row(columns: Sequence[Column], cells: Sequence[Child]) -> Element:
    pairs = list(zip(columns, cells, strict=True))
    first = element("th", pairs[0][1], scope="row", class_=pairs[0][0].kind)
    rest = (element("td", cell, class_=column.kind) for column, cell in pairs[1:])
    return element("tr", first, *rest)


def switches_table(timeline: Timeline) -> Element:
    """Tell of each switch what came of it.

    Args:
        timeline: the run.
    """
    columns = [
        figure("#"),
        word("Call"),
        Column("Of"),
        Column("Answered (UTC)"),
        figure("Call took"),
        Column("Next connection"),
        figure("Refused"),
        figure("Admitted"),
        figure("Closed"),
    ]
    rows = (_switch_row(timeline, switch) for switch in timeline.switches)
    return table("What each switch brought about, until the next one", columns, rows)


def _switch_row(timeline: Timeline, switch: Switch) -> list[Child]:
    admitted = f"{len(switch.admitted):,}"
    return [
        str(switch.number),
        switch.call.action,
        named(timeline.subject_of(switch.call), 40),
        moment(switch.answered).removesuffix(" UTC"),
        exact(switch.call.milliseconds),
        _next(switch),
        f"{len(switch.refused):,}",
        element("span", admitted, class_="alarm") if switch.wrong else admitted,
        f"{len(switch.closed):,}",
    ]


def _next(switch: Switch) -> str:
    if switch.next is None:
        return "not measured" if switch.is_ambiguous else "none"
    outcome = "admitted" if switch.next.accepted else "refused"
    return f"{outcome} after {span(switch.after(switch.next.at))}"


def wrong_table(timeline: Timeline) -> Element:
    """List who was admitted after the answer and should not have been.

    Args:
        timeline: the run.
    """
    columns = [
        figure("Switch"),
        figure("After the answer"),
        Column("Client identifier"),
        Column("Subject"),
        Column("Serial number"),
    ]
    rows: Iterable[Sequence[Child]] = (
        [
            str(switch.number),
            element("span", span(switch.after(record.at)), class_="alarm"),
            named(record.client_id),
            named(record.subject),
            named(record.device_sn),
        ]
        for switch, record in timeline.wrong
    )
    return table("Each connection, and the switch that should have kept it out", columns, rows)


def closed_table(timeline: Timeline) -> Element:
    """List the connections that were closed.

    Args:
        timeline: the run.
    """
    by = {id(closing): switch for switch in timeline.switches for closing in switch.closed}
    columns = [
        Column("Client identifier"),
        Column("CA"),
        Column("Cause"),
        figure("Switch"),
        figure("After the answer"),
    ]
    rows: Iterable[Sequence[Child]] = (
        [
            named(closing.client_id),
            named(timeline.ca_name(closing.ca_sn), 40),
            str(closing.cause),
            *_because(by.get(id(closing)), closing.at),
        ]
        for closing in timeline.closings
    )
    return table("Connections closed because a right was withdrawn", columns, rows)


def _because(switch: Switch | None, at: int) -> tuple[str, str]:
    return ("–", "–") if switch is None else (str(switch.number), span(switch.after(at)))  # noqa: RUF001  a dash where there is none


def reasons_table(timeline: Timeline) -> Element:
    """Count refusals by reason.

    Args:
        timeline: the run.
    """
    known = {reason.value: reason.sentence for reason in Reason}
    counted = Counter(reason for record in timeline.decisions for reason in record.reasons)
    rows: Iterable[Sequence[Child]] = (
        [named(reason), known.get(reason, ""), f"{number:,}"]
        for reason, number in counted.most_common()
    )
    columns = [word("Reason"), Column("What it means"), figure("Connections")]
    return table("Why connections were refused; one may have several reasons", columns, rows)


def _answer(call: CallRecord) -> Child:
    if not call.code:
        return "good"
    return element("span", f"{call.status} ", named(call.code, 60), class_="alarm")


def calls_table(timeline: Timeline) -> Element:
    """List the calls that change something or failed; count the others.

    Args:
        timeline: the run.
    """
    shown = [call for call in timeline.calls if call.code or not call.action.startswith(_READING)]
    others = len(timeline.calls) - len(shown)
    begin = timeline.times[0] if timeline.times else 0
    columns = [
        figure("From the start"),
        word("Call"),
        Column("Of"),
        Column("Answer"),
        figure("Took"),
    ]
    rows: Iterable[Sequence[Child]] = (
        [
            span(call.at - begin),
            named(call.action or "no operation", 60),
            named(timeline.subject_of(call), 40),
            _answer(call),
            exact(call.milliseconds),
        ]
        for call in shown
    )
    title = "Calls that change something, and those that were refused"
    left = f"; {count(others, 'call')} that only looked left out" if others else ""
    return table(f"{title}{left}.", columns, rows)
