"""What a reader wants to know first: was anybody let in who should not have been?"""

from collections.abc import Sequence
from xml.etree.ElementTree import Element

from certgate_controlplane.report.junit import Claim
from certgate_controlplane.report.markup import element
from certgate_controlplane.report.switches import Switch
from certgate_controlplane.report.timeline import Timeline
from certgate_controlplane.report.words import between, count, span

_SIGNS = {"good": "✓", "wrong": "✗", "open": "?"}


def verdict(timeline: Timeline, claims: Sequence[Claim] = ()) -> Element:
    """Sum a run up in one or two sentences.

    Args:
        timeline: the run.
        claims: what the run stated, where it did.
    """
    tried = [switch for switch in _off(timeline) if switch.refused or switch.admitted]
    kind, said = _judged(timeline, claims)
    more = [element("p", text) for text in (_figures(tried), _unmeasured(timeline)) if text]
    text = element("div", element("p", said, class_="big"), *more)
    sign = element("span", _SIGNS[kind], class_="sign", aria_hidden="true")
    return element("div", sign, text, class_=f"verdict {kind}")


def _judged(timeline: Timeline, claims: Sequence[Claim]) -> tuple[str, str]:
    missed = sum(not claim.observed for claim in claims)
    if timeline.wrong:
        return "wrong", _wrong(timeline)
    if missed:
        return "wrong", f"{missed} of {count(len(claims), 'claim')} not observed."
    if timeline.went_back:
        return "open", "The clock was moved back, so nobody can tell before from after."
    if any(switch.refused for switch in _off(timeline)):
        return "good", "Nobody was admitted after a switch-off was answered."
    return "open", _nothing(timeline)


def _off(timeline: Timeline) -> list[Switch]:
    return [switch for switch in timeline.switches if switch.admits is False]


def _unmeasured(timeline: Timeline) -> str:
    number = sum(switch.is_ambiguous for switch in timeline.switches)
    return f"{count(number, 'switch', 'switches')} could not be measured." if number else ""


def _wrong(timeline: Timeline) -> str:
    last = max(switch.after(record.at) for switch, record in timeline.wrong)
    number = len(timeline.wrong)
    were = "connection was" if number == 1 else "connections were"
    return f"{number:,} {were} admitted after a switch-off was answered, up to {span(last)} after."


def _nothing(timeline: Timeline) -> str:
    if not _off(timeline):
        return "No CA or device was switched off in this run."
    return "No device that was switched off tried to connect again."


def _figures(tried: Sequence[Switch]) -> str:
    refused = sum(len(switch.refused) for switch in tried)
    firsts = [switch.after(switch.refused[0].at) for switch in tried if switch.refused]
    if not firsts:
        return "No connection was refused." if tried else ""
    were = "connection was" if refused == 1 else "connections were"
    return (
        f"{refused:,} {were} refused, the first of each switch {between(firsts)} after its answer."
    )
