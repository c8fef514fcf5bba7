"""The report: one HTML page that needs nothing else, neither script nor network."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from xml.etree.ElementTree import Element

from certgate_controlplane.report import marks, tables
from certgate_controlplane.report.cards import MOST_CARDS, cards
from certgate_controlplane.report.junit import Claim
from certgate_controlplane.report.marks import Mark
from certgate_controlplane.report.markup import Child, document, element, raw
from certgate_controlplane.report.picture import MOST_LANES, picture
from certgate_controlplane.report.style import STYLE
from certgate_controlplane.report.timeline import Timeline
from certgate_controlplane.report.verdict import verdict
from certgate_controlplane.report.words import count, moment, span

_POLICY = "default-src 'none'; style-src 'unsafe-inline'"
"""Should anything on the page ever ask for a script or an address, the browser says no."""
_LEGEND = {
    Mark.ADMITTED: "admitted",
    Mark.REFUSED: "refused",
    Mark.CLOSED: "session closed",
    Mark.WRONG: "admitted after the answer",
    Mark.CALL: "call of the API",
    Mark.FAILED: "call refused",
}


@dataclass(frozen=True, slots=True)
class About:
    """What the page says of itself.

    Attributes:
        version: certgate's version.
        made_at: when it was made, milliseconds since the epoch.
        title: its heading.
    """

    version: str
    made_at: int
    title: str = "Revocation timeline"


def page(timeline: Timeline, about: About, claims: Sequence[Claim] = ()) -> str:
    """Write the report.

    Args:
        timeline: the run.
        about: what the page says of itself.
        claims: what the run stated, where it did.

    Returns:
        HTML.
    """
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", http_equiv="Content-Security-Policy", content=_POLICY),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", name="color-scheme", content="light dark"),
        element("meta", name="generator", content=f"certgate {about.version}"),
        element("title", f"{about.title} · certgate"),
        raw("style", STYLE),
    )
    body = element(
        "body",
        marks.definitions(),
        _header(timeline, about),
        element("main", *_main(timeline, claims)),
        _footer(about),
    )
    return document(element("html", head, body, lang="en"))


def write_page(file: Path, timeline: Timeline, about: About, claims: Sequence[Claim] = ()) -> None:
    """Write the report to a file.

    Args:
        file: the file; one that is there is replaced.
        timeline: the run.
        about: what the page says of itself.
        claims: what the run stated, where it did.

    Raises:
        OSError: it cannot be written.
    """
    file.write_text(page(timeline, about, claims), encoding="utf-8")


def _header(timeline: Timeline, about: About) -> Element:
    times = timeline.times
    when = f"A run of {span(times[-1] - times[0])} from {moment(times[0])}." if times else "A run."
    made = f" Reported by certgate {about.version}, a local test double."
    return element("header", element("h1", about.title), element("p", when, made))


def _main(timeline: Timeline, claims: Sequence[Claim]) -> Iterator[Element]:
    yield verdict(timeline, claims)
    yield _tiles(timeline)
    if timeline.times:
        yield _section("The run", *_overview(timeline))
    if timeline.switches:
        yield _section("Switch by switch", *_more_cards(timeline), cards(timeline))
        yield _section("All switches", tables.switches_table(timeline))
    if timeline.wrong:
        yield _section("Admitted after the answer", _wrong_note(), tables.wrong_table(timeline))
    if timeline.closings:
        yield _section("Closed sessions", tables.closed_table(timeline))
    if any(record.reasons for record in timeline.decisions):
        yield _section("Refusals", tables.reasons_table(timeline))
    if timeline.calls:
        yield _section("Calls", tables.calls_table(timeline))
    if claims:
        yield _section("Claims", *_claims(claims))


def _section(title: str, *children: Child) -> Element:
    return element("section", element("h2", title), *children)


def _overview(timeline: Timeline) -> Iterator[Element]:
    drawn = picture(timeline)
    name = "The run as a picture"
    yield element("div", drawn, class_="scroll", tabindex=0, role="region", aria_label=name)
    yield element("ul", *(_sign(mark, name) for mark, name in _LEGEND.items()), class_="legend")
    if len(timeline.lanes) > MOST_LANES:
        left = len(timeline.lanes) - MOST_LANES
        yield element("p", f"{count(left, 'more CA')} with less to show.", class_="note")
    if timeline.went_back:
        text = "The lab's clock was moved back during this run: its records are out of order."
        yield element("p", text, class_="note alarm")


def _sign(mark: Mark, name: str) -> Element:
    shape = element("use", href=f"#mark-{mark}", class_=f"mark {mark}", x=10, y=9)
    return element("li", element("svg", shape, width=20, height=18, aria_hidden="true"), name)


def _tiles(timeline: Timeline) -> Element:
    admitted = sum(record.accepted for record in timeline.decisions)
    refused = len(timeline.decisions) - admitted
    failed = sum(bool(call.code) for call in timeline.calls)
    tiles = (
        ("Calls of the API", len(timeline.calls), f"{failed:,} refused"),
        ("Switches", len(timeline.switches), "inactivated, activated, deleted"),
        ("Connections", len(timeline.decisions), f"{admitted:,} admitted, {refused:,} refused"),
        ("Sessions closed", len(timeline.closings), "because a right was withdrawn"),
    )
    return element("dl", *(_tile(*tile) for tile in tiles), class_="tiles")


def _tile(name: str, number: int, more: str) -> Element:
    figure = element("dd", f"{number:,}", element("small", more))
    return element("div", element("dt", name), figure)


def _more_cards(timeline: Timeline) -> Iterator[Element]:
    left = len(timeline.switches) - MOST_CARDS
    if left > 0:
        text = f"{count(left, 'more switch', 'more switches')} only in the table below."
        yield element("p", text, class_="note")


def _wrong_note() -> Element:
    text = (
        "A record is dated when it is written. One that is a few milliseconds late may be of a"
        " device that was being registered when the call came; later ones were let in."
    )
    return element("p", text, class_="note")


def _claims(claims: Sequence[Claim]) -> Iterator[Element]:
    for chapter in dict.fromkeys(claim.chapter for claim in claims):
        if chapter:
            yield element("h3", chapter)
        own = (claim for claim in claims if claim.chapter == chapter)
        yield element("ul", *map(_claim, own), class_="claims")


def _claim(claim: Claim) -> Element:
    if claim.observed:
        return element("li", element("b", "✓", class_="good-text"), claim.text)
    mark = element("b", "✗", class_="alarm")
    return element("li", mark, element("span", "not observed: ", class_="alarm"), claim.text)


def _footer(about: About) -> Element:
    made = f"Made by certgate {about.version} on {moment(about.made_at)}."
    text = (
        " certgate is a local test double of ApsaraMQ for MQTT: times are those of this machine"
        " and say nothing about how fast the cloud is. Times of day are the lab's clock."
    )
    return element("footer", element("p", made, text))
