"""What a fleet has seen, as a value, and the tally it is read from."""

import asyncio
import bisect
import collections
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

UNEXPLAINED = "unexplained"
UNREACHABLE = "unreachable"
_REMEMBERED = 10_000


class State(StrEnum):
    """What a device is doing."""

    WAITING = "waiting"
    CONNECTING = "connecting"
    CONNECTED = "connected"


@dataclass(frozen=True, slots=True)
class Latency:
    """Milliseconds from the start of a TCP connection to its CONNACK.

    Attributes:
        median: of the last 10,000 connections that were admitted, as what follows.
        p95: 95 of 100 took no longer.
        maximum: the slowest.
    """

    median: float = 0.0
    p95: float = 0.0
    maximum: float = 0.0


@dataclass(frozen=True, slots=True)
class Counts:
    """What a fleet has seen so far, and how it stands now.

    Attributes:
        devices: how many there are.
        connected: devices that are connected now.
        connecting: devices between TCP and CONNACK now.
        waiting: devices in back-off now, or not switched on yet.
        kept_out: devices that have been refused and not admitted since, by the reason of the last
            refusal that is explained. A device with two reasons stands under each.
        admitted_full: connections admitted after a full handshake.
        admitted_resumed: connections admitted on a resumed TLS session.
        refused: connections refused, by the lab's reason; a connection with two reasons counts
            under each. ``unreachable``: there was no TCP connection; ``unexplained``: the lab's
            decision records do not tell, or not yet.
        reconnects: admissions of devices that had been admitted before.
        dropped: connections that the devices dropped.
        lost: connections that ended otherwise.
        published: messages that the broker has acknowledged.
        received: messages that came back to the device that had sent them.
        latency: how long admissions took.
    """

    devices: int
    connected: int = 0
    connecting: int = 0
    waiting: int = 0
    kept_out: Mapping[str, int] = field(default_factory=dict)
    admitted_full: int = 0
    admitted_resumed: int = 0
    refused: Mapping[str, int] = field(default_factory=dict)
    reconnects: int = 0
    dropped: int = 0
    lost: int = 0
    published: int = 0
    received: int = 0
    latency: Latency = field(default_factory=Latency)

    @property
    def admitted(self) -> int:
        """Connections that were admitted."""
        return self.admitted_full + self.admitted_resumed


class Latencies:
    """The latencies of the last connections, always sorted."""

    def __init__(self) -> None:
        self._in_order: collections.deque[float] = collections.deque()
        self._sorted: list[float] = []

    def add(self, milliseconds: float) -> None:
        """Take note of one, and forget the oldest where there are too many."""
        if len(self._in_order) == _REMEMBERED:
            del self._sorted[bisect.bisect_left(self._sorted, self._in_order.popleft())]
        self._in_order.append(milliseconds)
        bisect.insort(self._sorted, milliseconds)

    def summary(self) -> Latency:
        """Sum up."""
        found = self._sorted
        if not found:
            return Latency()
        return Latency(found[len(found) // 2], found[(len(found) - 1) * 95 // 100], found[-1])


class Tally:
    """Counts what the devices report.

    Args:
        client_ids: the devices.

    Attributes:
        changed: set at each report; whoever waits for it clears it first.
    """

    def __init__(self, client_ids: Iterable[str]) -> None:
        self._states = dict.fromkeys(client_ids, State.WAITING)
        self._kept_out: dict[str, tuple[str, ...]] = {}
        self._known: set[str] = set()
        self._counted: collections.Counter[str] = collections.Counter()
        self._refused: collections.Counter[str] = collections.Counter()
        self._latencies = Latencies()
        self.changed = asyncio.Event()

    def moved(self, client_id: str, state: State) -> None:
        """Note what a device is doing now."""
        self._states[client_id] = state
        self.changed.set()

    def counted(self, member: str) -> None:
        """Count one more for a member of `Counts`."""
        self._counted[member] += 1
        self.changed.set()

    def admitted(self, client_id: str, milliseconds: float, *, resumed: bool) -> None:
        """Note an admission."""
        self._kept_out.pop(client_id, None)
        self._counted["reconnects"] += client_id in self._known
        self._known.add(client_id)
        self._latencies.add(milliseconds)
        self.counted("admitted_resumed" if resumed else "admitted_full")

    def refused(self, client_id: str, reason: str = UNEXPLAINED) -> None:
        """Note a refusal."""
        if reason != UNEXPLAINED or client_id not in self._kept_out:
            self._kept_out[client_id] = (reason,)
        self._refused[reason] += 1
        self.changed.set()

    def explained(self, client_id: str, reasons: tuple[str, ...]) -> None:
        """Say why a device was refused whose refusal was unexplained until now."""
        self._refused[UNEXPLAINED] -= 1
        self._refused.update(reasons)
        if client_id in self._kept_out:
            self._kept_out[client_id] = reasons
        self.changed.set()

    def counts(self) -> Counts:
        """Give everything that was counted."""
        now = collections.Counter(self._states.values())
        out = collections.Counter(reason for held in self._kept_out.values() for reason in held)
        return Counts(
            devices=len(self._states),
            **{state.value: now[state] for state in State},
            kept_out=dict(out),
            refused=dict(+self._refused),
            latency=self._latencies.summary(),
            **self._counted,
        )
