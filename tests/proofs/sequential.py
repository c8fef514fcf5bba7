"""What one call after the other would be answered, and whether that explains a history.

A history of calls that overlap is *linearizable* if the calls can be put into an order, each at
one moment between its start and its end, in which a sequential model gives the same answers
(Herlihy and Wing 1990). Found by trying: Wing and Gong 1993, with the memory of states already
tried of Lowe 2017. CAs have nothing to do with each other, so each is looked at by itself (Horn
and Kroening 2015).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from proofs.history import ADMITTED, DONE, Call, Event, Kind

NO_CA = "FindCaBySnError"
NO_DEVICE = "FindDeviceBySnError"
TAKEN = "SnNotUnique"


@dataclass(frozen=True, slots=True)
class Registered:
    """A registered CA.

    Attributes:
        instance: the instance it is registered with; its serial number is taken in every other.
        active: its status.
        devices: numbers of the registered devices below it.
        inactive: those of them that are inactive.
    """

    instance: str
    active: bool = True
    devices: frozenset[int] = frozenset()
    inactive: frozenset[int] = frozenset()


State = Registered | None
"""What the registry knows of one CA; None where it is not registered."""

Outcome = tuple[str, State]


def follow(state: State, call: Call) -> Outcome:
    """Say what a call is answered and what it leaves behind.

    Args:
        state: before the call.
        call: any call about the same CA.
    """
    if call.kind is Kind.DISCONNECT:
        return DONE, state
    if call.kind is Kind.REGISTER:
        return (DONE, Registered(call.instance)) if state is None else (TAKEN, state)
    here = state if state is not None and state.instance == call.instance else None
    if call.kind is Kind.CONNECT:
        reasons, after = _connect(here, call)
    elif call.device is None:
        reasons, after = _on_ca(here, call)
    else:
        reasons, after = _on_device(here, call.device, call)
    return reasons, state if here is None else after


def _connect(ca: State, call: Call) -> Outcome:
    if ca is None:
        return "ca_not_registered", None
    device = -1 if call.device is None else call.device
    found = {"ca_inactive": not ca.active, "device_inactive": device in ca.inactive}
    reasons = "+".join(reason for reason, holds in found.items() if holds)
    return (reasons, ca) if reasons else (ADMITTED, replace(ca, devices=ca.devices | {device}))


def _on_ca(ca: State, call: Call) -> Outcome:
    if ca is None:
        return NO_CA, None
    rules: Mapping[Kind, Callable[[Registered], Outcome]] = {
        Kind.SHOW: lambda ca: (_status(ca.active), ca),
        Kind.ACTIVATE: lambda ca: (DONE, replace(ca, active=True)),
        Kind.INACTIVATE: lambda ca: (DONE, replace(ca, active=False)),
        Kind.DELETE: lambda _: (DONE, None),
    }
    return rules[call.kind](ca)


def _on_device(ca: State, device: int, call: Call) -> Outcome:
    if ca is None or device not in ca.devices:
        return NO_DEVICE, ca
    this = frozenset({device})
    active = replace(ca, inactive=ca.inactive - this)
    rules: Mapping[Kind, Outcome] = {
        Kind.SHOW: (_status(device not in ca.inactive), ca),
        Kind.ACTIVATE: (DONE, active),
        Kind.INACTIVATE: (DONE, replace(ca, inactive=ca.inactive | this)),
        Kind.DELETE: (DONE, replace(active, devices=ca.devices - this)),
    }
    return rules[call.kind]


def _status(active: bool) -> str:
    return "active" if active else "inactive"


class _Search:
    """Looks for an order, in which an unfinished call may stand or be missing."""

    def __init__(self, events: Sequence[Event]) -> None:
        self._events = sorted(events, key=lambda event: event.start)
        self._finished = sum(1 << n for n, e in enumerate(self._events) if e.end is not None)
        self._tried: set[tuple[int, State]] = set()

    def order(self, placed: int, state: State) -> list[Event] | None:
        """Give an order of the events that are not placed yet, or None.

        Args:
            placed: the events that are, one bit each.
            state: what they left behind.
        """
        if not self._finished & ~placed:
            return []
        if (placed, state) in self._tried:
            return None
        self._tried.add((placed, state))
        for number in self._next(placed):
            event = self._events[number]
            answer, after = follow(state, event.call)
            if event.answer in {None, answer}:
                rest = self.order(placed | 1 << number, after)
                if rest is not None:
                    return [event, *rest]
        return None

    def _next(self, placed: int) -> list[int]:
        """Say which events may come next: those before whose start none of the others ended."""
        left = [(n, e) for n, e in enumerate(self._events) if not placed >> n & 1]
        first_end = min(e.end for _, e in left if e.end is not None)
        return [n for n, e in left if e.start <= first_end]


def explain(events: Sequence[Event]) -> list[Event] | None:
    """Find an order that explains a history of one CA that begins unregistered.

    Args:
        events: what happened, in any order.

    Returns:
        The order, or None where there is none.
    """
    return _Search(events).order(0, None)


def first_unexplained(events: Sequence[Event]) -> Event | None:
    """Find the first call at whose end no order explained any more what had been answered.

    Args:
        events: calls that have ended, about one CA or several, in any order.

    Returns:
        The call, or None where everything is explained.
    """
    for ca in sorted({event.call.ca for event in events}):
        own = [event for event in events if event.call.ca == ca]
        if explain(own) is None:
            return next(
                last
                for last in sorted(own, key=lambda event: event.ended)
                if explain(_until(own, last)) is None
            )
    return None


def _until(events: Sequence[Event], last: Event) -> list[Event]:
    """Give what was known of a history at the end of one of its calls."""
    now = last.ended
    begun = [event for event in events if event.start <= now]
    return [event if event.ended <= now else event.unfinished() for event in begun]
