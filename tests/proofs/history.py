"""A history: which calls were made, when each began and ended, and what it was answered.

Moments are `time.monotonic_ns` of the one process that makes all the calls, so they can be
compared, whatever process answers.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

DONE = "done"
"""What a change is answered where it is no error code."""
ADMITTED = "admitted"
"""What a connection is answered where it is no reason for a refusal."""

_BAR = 40


class Kind(StrEnum):
    """What is asked for."""

    REGISTER = "register"
    ACTIVATE = "activate"
    INACTIVATE = "inactivate"
    DELETE = "delete"
    SHOW = "show"
    CONNECT = "connect"
    DISCONNECT = "disconnect"


@dataclass(frozen=True, slots=True)
class Call:
    """What is asked for, of whom.

    Attributes:
        kind: what is asked for.
        instance: the instance that is asked.
        ca: number of the CA that it is about.
        device: number of the device below it, None for the CA itself.
    """

    kind: Kind
    instance: str
    ca: int
    device: int | None = None

    def __str__(self) -> str:
        what = f"CA {self.ca}" if self.device is None else f"device {self.ca}.{self.device}"
        return f"{self.kind} {what} at {self.instance}"


@dataclass(frozen=True, slots=True)
class Event:
    """A call that was made.

    Attributes:
        client: who made it.
        call: what was asked for.
        start: nanoseconds; it took effect no earlier.
        end: nanoseconds; it took effect no later. None: it has not ended.
        answer: `DONE`, `ADMITTED`, a status, an error code, or the reasons of a refusal; None
            where none came yet.
        resumed: a connection that resumed a TLS session.
        address: a connection's own ``address:port``, by which its decision record is found.
    """

    client: str
    call: Call
    start: int
    end: int | None
    answer: str | None
    resumed: bool = False
    address: str = ""

    @property
    def kind(self) -> str:
        """What was asked for, in one word."""
        return "resume" if self.resumed else str(self.call.kind)

    @property
    def ended(self) -> int:
        """When it ended.

        Raises:
            ValueError: it has not.
        """
        if self.end is None:
            raise ValueError(f"{self.call} has not ended")
        return self.end

    def unfinished(self) -> "Event":
        """Give the same call before anything was known of its end."""
        return replace(self, end=None, answer=None)


def overlaps(events: Sequence[Event]) -> int:
    """Count the pairs of calls that were under way at the same time.

    Args:
        events: calls that have ended.
    """
    pairs, begun = 0, sorted(events, key=lambda event: event.start)
    for number, event in enumerate(begun):
        end = event.ended
        pairs += sum(1 for later in begun[number + 1 :] if later.start <= end)
    return pairs


def timeline(events: Sequence[Event], marked: Event) -> str:
    """Draw a history, one line a call.

    Args:
        events: calls that have ended, in any order.
        marked: one of them, to be pointed at.
    """
    begun = sorted(events, key=lambda event: event.start)
    zero, last = begun[0].start, max(event.ended for event in begun)
    return "\n".join(_line(event, zero, last, is_marked=event is marked) for event in begun)


def _line(event: Event, zero: int, last: int, *, is_marked: bool) -> str:
    start, end = event.start - zero, event.ended - zero
    left, right = (moment * (_BAR - 1) // max(last - zero, 1) for moment in (start, end))
    bar = (" " * left + "=" * (right - left + 1)).ljust(_BAR)
    arrow = ">" if is_marked else " "
    times = f"{start / 1e6:7.1f} {end / 1e6:7.1f} ms"
    resumed = " (resumed)" if event.resumed else ""
    return f"{arrow} {times} |{bar}| {event.client:8}  {event.call}{resumed}: {event.answer}"
