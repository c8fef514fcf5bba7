"""The checker of histories: what some order explains passes, what none explains is found."""

import itertools
import re
from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proofs.history import ADMITTED, DONE, Call, Event, Kind, overlaps, timeline
from proofs.sequential import NO_CA, NO_DEVICE, TAKEN, explain, first_unexplained, follow

HERE, THERE = "post-cn-a", "post-cn-b"


def happened(kind: str, times: tuple[int, int | None], answer: str, where: str = HERE) -> Event:
    """Write an event down: ``connect``, ``inactivate``, or with ``device`` behind it."""
    verb, _, of_device = kind.partition(" ")
    device = 0 if of_device or verb == Kind.CONNECT else None
    call = Call(Kind(verb), where, 0, device)
    return Event("somebody", call, times[0], times[1], answer)


REGISTERED = happened("register", (0, 1), DONE)
PRESENT = happened("connect", (2, 3), ADMITTED)
INACTIVATED = happened("inactivate", (4, 5), DONE)
DELETED = happened("delete", (4, 5), DONE)
LONG = happened("inactivate", (4, 9), DONE)
NOT_HERE = "ca_not_registered"

EXPLAINED: dict[str, list[Event]] = {
    "one after the other": [
        REGISTERED,
        PRESENT,
        INACTIVATED,
        happened("connect", (6, 7), "ca_inactive"),
        happened("show", (8, 9), "inactive"),
        happened("activate", (10, 11), DONE),
        happened("connect", (12, 13), ADMITTED),
        happened("disconnect", (14, 15), DONE),
        happened("delete", (16, 17), DONE),
        happened("connect", (18, 19), NOT_HERE),
        happened("inactivate", (20, 21), NO_CA),
    ],
    "admitted while it is inactivated": [REGISTERED, LONG, happened("connect", (5, 8), ADMITTED)],
    "refused while it is inactivated": [
        REGISTERED,
        LONG,
        happened("connect", (5, 8), "ca_inactive"),
    ],
    "two register, one is too late": [
        happened("register", (0, 5), TAKEN),
        happened("register", (1, 4), DONE, THERE),
        happened("connect", (6, 7), ADMITTED, THERE),
    ],
    "the device and the CA": [
        REGISTERED,
        happened("inactivate device", (1, 2), NO_DEVICE),
        PRESENT,
        happened("inactivate device", (4, 5), DONE),
        happened("connect", (6, 7), "device_inactive"),
        happened("inactivate", (8, 9), DONE),
        happened("connect", (10, 11), "ca_inactive+device_inactive"),
        happened("activate device", (12, 13), DONE),
        happened("show device", (14, 15), "active"),
        happened("connect", (16, 17), "ca_inactive"),
    ],
    "a record is deleted and comes back": [
        REGISTERED,
        PRESENT,
        happened("inactivate device", (4, 5), DONE),
        happened("delete device", (6, 9), DONE),
        happened("connect", (7, 8), ADMITTED),
        happened("show device", (10, 11), "active"),
    ],
    "an unfinished call has taken effect": [
        REGISTERED,
        INACTIVATED.unfinished(),
        happened("connect", (6, 7), "ca_inactive"),
    ],
    "an unfinished call has not": [
        REGISTERED,
        INACTIVATED.unfinished(),
        happened("connect", (6, 7), ADMITTED),
    ],
    "nothing": [],
}
UNEXPLAINED: dict[str, list[Event]] = {
    "admitted after the inactivation": [
        REGISTERED,
        INACTIVATED,
        happened("connect", (6, 7), ADMITTED),
    ],
    "admitted after the deletion": [REGISTERED, DELETED, happened("connect", (6, 7), ADMITTED)],
    "refused for nothing": [REGISTERED, happened("connect", (2, 3), NOT_HERE)],
    "refused for another reason": [REGISTERED, INACTIVATED, happened("connect", (6, 7), NOT_HERE)],
    "refused, then admitted by one inactivation": [
        REGISTERED,
        LONG,
        happened("connect", (5, 6), "ca_inactive"),
        happened("connect", (7, 8), ADMITTED),
    ],
    "admitted elsewhere": [REGISTERED, happened("connect", (2, 3), ADMITTED, THERE)],
    "registered twice": [
        happened("register", (1, 4), DONE, THERE),
        happened("register", (0, 5), DONE),
    ],
    "a lost record": [REGISTERED, PRESENT, happened("show device", (4, 5), NO_DEVICE)],
    "a record of a deleted CA": [
        REGISTERED,
        PRESENT,
        DELETED,
        happened("register", (6, 7), DONE),
        happened("show device", (8, 9), "active"),
    ],
    "an inactivation that was lost": [
        REGISTERED,
        INACTIVATED,
        happened("show", (6, 7), "active"),
    ],
    "no answer": [REGISTERED, happened("connect", (2, 3), "no answer, TimeoutError()")],
}


@pytest.mark.parametrize("story", EXPLAINED)
def test_history_is_explained(story: str) -> None:
    """A history that some order explains is passed, with an order that the model follows."""
    order = explain(EXPLAINED[story])
    assert order is not None
    state = None
    for event in order:
        answer, state = follow(state, event.call)
        assert event.answer in {answer, None}


@pytest.mark.parametrize("story", UNEXPLAINED)
def test_history_is_not_explained(story: str) -> None:
    """A history that no order explains is found, and the last call of each of these is to blame."""
    events = UNEXPLAINED[story]
    assert explain(events) is None
    assert first_unexplained(events) is events[-1]


def test_blame_falls_on_the_first() -> None:
    """What is answered after the first unexplained call, however rightly, is not to blame."""
    wrong = happened("connect", (6, 7), ADMITTED)
    later = [happened("activate", (8, 9), DONE), happened("connect", (10, 11), NOT_HERE)]
    assert first_unexplained([REGISTERED, INACTIVATED, wrong, *later]) is wrong


def test_what_has_not_ended_may_explain() -> None:
    """A call is not to blame where one that ends later may have taken effect before it."""
    admitted = happened("connect", (6, 7), ADMITTED)
    activated = happened("activate", (6, 12), DONE)
    lost = happened("show", (13, 14), "inactive")
    assert first_unexplained([REGISTERED, INACTIVATED, admitted, activated]) is None
    assert first_unexplained([REGISTERED, INACTIVATED, admitted, activated, lost]) is lost


def test_cas_are_looked_at_one_by_one() -> None:
    """What is done to one CA explains nothing about another."""
    other = replace(INACTIVATED, call=replace(INACTIVATED.call, ca=1))
    refused = happened("connect", (6, 7), "ca_inactive")
    assert first_unexplained([REGISTERED, other]) is other
    assert first_unexplained([REGISTERED, replace(other, answer=NO_CA), refused]) is refused


_ANSWERS = {
    "register": (DONE, TAKEN),
    "activate": (DONE, NO_CA),
    "inactivate": (DONE, NO_CA),
    "delete": (DONE, NO_CA),
    "delete device": (DONE, NO_DEVICE),
    "inactivate device": (DONE, NO_DEVICE),
    "connect": (ADMITTED, "ca_inactive", NOT_HERE, "device_inactive"),
}


@st.composite
def small_histories(draw: st.DrawFn) -> list[Event]:
    """Make up a few calls, some of them unfinished, with answers that are at least possible."""
    events = []
    for kind in draw(st.lists(st.sampled_from(sorted(_ANSWERS)), max_size=5)):
        start = draw(st.integers(0, 8))
        times = (start, start + draw(st.integers(0, 4)))
        event = happened(kind, times, draw(st.sampled_from(_ANSWERS[kind])))
        events.append(draw(st.sampled_from((event, event, event, event.unfinished()))))
    return events


@given(small_histories())
def test_checker_agrees_with_trying_everything(events: list[Event]) -> None:
    """The search explains exactly what one of all the orders there are explains."""
    assert (explain(events) is not None) is explained_by_any_order(events)


def explained_by_any_order(events: list[Event]) -> bool:
    """Try every order of what has ended with any part of what has not."""
    ended = [event for event in events if event.end is not None]
    others = [event for event in events if event.end is None]
    return any(
        is_in_time(order) and is_answered_rightly(order)
        for size in range(len(others) + 1)
        for some in itertools.combinations(others, size)
        for order in itertools.permutations([*ended, *some])
    )


def is_in_time(order: Sequence[Event]) -> bool:
    """Tell whether nothing stands behind what began after its end."""
    pairs = itertools.combinations(order, 2)
    return all(later.end is None or later.end >= earlier.start for earlier, later in pairs)


def is_answered_rightly(order: Sequence[Event]) -> bool:
    """Tell whether the model gives the same answers in this order."""
    state = None
    for event in order:
        answer, state = follow(state, event.call)
        if event.answer not in {answer, None}:
            return False
    return True


def test_overlaps_are_counted() -> None:
    """Pairs of calls overlap whose times have a moment in common."""
    times = [(0, 4), (1, 2), (2, 3), (5, 6)]
    events = [happened("connect", each, ADMITTED) for each in times]
    assert overlaps(events) == 3
    assert overlaps([]) == 0


def test_timeline_is_readable() -> None:
    """A history is drawn with one line a call, in the order of their beginning."""
    events = [happened("connect", (2_000_000, 4_000_000), ADMITTED), REGISTERED]
    first, second = timeline(events, events[0]).splitlines()
    assert re.match(r" +0\.0 +0\.0 ms \|= +\| somebody +register CA 0 at post-cn-a: done", first)
    assert re.match(
        r"> +2\.0 +4\.0 ms \| +=+\| somebody +connect device 0\.0 at .*admitted", second
    )
    with pytest.raises(ValueError, match="has not ended"):
        timeline([REGISTERED.unfinished()], REGISTERED)
