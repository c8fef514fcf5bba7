"""A card for each switch: one sentence, a close-up, the figures."""

from collections.abc import Iterator
from xml.etree.ElementTree import Element

from certgate_controlplane.report.closeup import closeup
from certgate_controlplane.report.markup import Child, element
from certgate_controlplane.report.switches import Switch
from certgate_controlplane.report.tables import named
from certgate_controlplane.report.timeline import Timeline
from certgate_controlplane.report.words import between, count, exact, span

MOST_CARDS = 24
"""More switches than this are in the table only."""
_MOST_NAME = 48


def cards(timeline: Timeline) -> Element:
    """Give the cards of a run, those with something wrong first among what is left out last.

    Args:
        timeline: the run.
    """
    chosen = {switch.number for switch in _by_weight(timeline)[:MOST_CARDS]}
    shown = [switch for switch in timeline.switches if switch.number in chosen]
    return element("div", *(_card(timeline, switch) for switch in shown), class_="cards")


def _by_weight(timeline: Timeline) -> list[Switch]:
    return sorted(timeline.switches, key=lambda switch: not switch.wrong)


def _card(timeline: Timeline, switch: Switch) -> Element:
    number = element("span", str(switch.number), class_=f"number {switch.verb.lower()}")
    name = named(timeline.subject_of(switch.call), _MOST_NAME)
    return element(
        "article",
        element("h3", number, switch.call.action, element("span", name, class_="muted")),
        element("p", headline(switch), class_="big alarm" if switch.wrong else "big"),
        element(
            "div",
            closeup(switch),
            class_="scroll",
            tabindex=0,
            role="region",
            aria_label=f"Close-up of switch {switch.number}",
        ),
        element("dl", *_facts(switch), class_="facts"),
        class_="card bad" if switch.wrong else "card",
    )


def headline(switch: Switch) -> str:
    """Say in a sentence what came of a switch.

    Args:
        switch: the switch.
    """
    following, wrong = switch.next, switch.wrong
    if switch.is_ambiguous:
        return "Not measured: several CAs of this run gave out this serial number."
    if wrong:
        last = span(switch.after(wrong[-1].at))
        return f"{count(len(wrong), 'connection')} admitted after the answer, until {last} after it"
    if following is None:
        return f"Nobody connected before {_end(switch)}"
    outcome = "admitted" if following.accepted else "refused"
    return f"Next connection {outcome} after {span(switch.after(following.at))}"


def _end(switch: Switch) -> str:
    return "the run ended" if switch.until is None else "it was switched again"


def _facts(switch: Switch) -> Iterator[Element]:
    yield from _fact("Answered", f"{exact(switch.call.milliseconds)} after the call came")
    if not switch.is_ambiguous:
        yield from _fact("From then on", _tally(switch))
    if switch.refused:
        first = switch.refused[0]
        yield from _fact("First refusal", span(switch.after(first.at)), " after, ", _who(switch))
        reasons = ", ".join(
            dict.fromkeys(reason for record in switch.refused for reason in record.reasons)
        )
        yield from _fact("Reasons", named(reasons))
    if switch.last_admitted is not None:
        gap = span(switch.answered - switch.last_admitted.at)
        yield from _fact("Last admitted", f"{gap} before the answer")
    if switch.closed:
        yield from _fact("Sessions closed", _closed(switch))


def _fact(name: str, *said: Child) -> tuple[Element, Element]:
    return element("dt", name), element("dd", *said)


def _tally(switch: Switch) -> str:
    return f"{len(switch.refused):,} refused, {len(switch.admitted):,} admitted"


def _who(switch: Switch) -> Element:
    first = switch.refused[0]
    return named(first.client_id or first.subject or first.device_sn, _MOST_NAME)


def _closed(switch: Switch) -> str:
    when = between([switch.after(closing.at) for closing in switch.closed])
    return f"{len(switch.closed):,}, {when} after the answer"
