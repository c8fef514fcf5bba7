"""The calls that switch a CA or a device, and what the next connections saw of each."""

import math
import re
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from certgate_certs.rows import Cause, Closing, DecisionRecord
from certgate_controlplane.calls import CallRecord
from certgate_controlplane.report.homes import Home, Homes, key_of

_SWITCH = re.compile(r"(Inactivate|Active|Delete)(Ca|Device)Certificate")
REGISTER = "RegisterCaCertificate"
"""The operation that brings a deleted CA back; its record names the CA, not its serial number."""
_GOOD = 200
_SERVER_ERROR = 500


class Verb(StrEnum):
    """What a switch does, as the operation's name begins."""

    INACTIVATE = "Inactivate"
    ACTIVE = "Active"
    DELETE = "Delete"


class Kind(StrEnum):
    """What it does it to, as the operation's name goes on."""

    CA = "Ca"
    DEVICE = "Device"


CAUSES = {
    (Verb.INACTIVATE, Kind.CA): Cause.CA_INACTIVE,
    (Verb.DELETE, Kind.CA): Cause.CA_DELETED,
    (Verb.INACTIVATE, Kind.DEVICE): Cause.DEVICE_INACTIVE,
    (Verb.DELETE, Kind.DEVICE): Cause.DEVICE_DELETED,
}
"""For which cause a switch closes connections."""


@dataclass(frozen=True, slots=True)
class Switch:
    """A call that was answered without an error, and what it brought about.

    Times are the lab's clock, which writes whole milliseconds. What speaks for the switch counts
    from the millisecond of the answer on; what speaks against it only from the next one on, when
    it surely came later.

    Attributes:
        number: which one of the run, from 1.
        call: the call.
        verb: what it did.
        kind: to what.
        home: the CA it concerns; None where a device's CA is not known or not the only one.
        is_ambiguous: several CAs of the run gave out the device's serial number, and the call's
            record does not say whose it was about: nothing is measured.
        until: when the call came that ended what this one did, or None.
        attempts: what the devices it covers tried, oldest first, from the previous switch on.
        refused: of those, what was refused after the answer.
        admitted: of those, what was admitted after the answer.
        closed: connections that were closed for its sake.
    """

    number: int
    call: CallRecord
    verb: Verb
    kind: Kind
    home: Home | None
    is_ambiguous: bool = False
    until: int | None = None
    attempts: Sequence[DecisionRecord] = ()
    refused: tuple[DecisionRecord, ...] = ()
    admitted: tuple[DecisionRecord, ...] = ()
    closed: tuple[Closing, ...] = ()

    @property
    def answered(self) -> float:
        """When it was answered."""
        return self.call.at + self.call.milliseconds

    @property
    def admits(self) -> bool | None:
        """Whether the next connection should be admitted; None where it may be either way.

        A deleted device is registered anew when it next connects, where its CA is active.
        """
        if self.verb is Verb.ACTIVE:
            return True
        return False if self.kind is Kind.CA or self.verb is Verb.INACTIVATE else None

    @property
    def next(self) -> DecisionRecord | None:
        """The first connection attempt after the answer."""
        firsts = [records[0] for records in (self.refused, self.admitted) if records]
        return min(firsts, key=lambda record: record.at, default=None)

    @property
    def effect(self) -> DecisionRecord | None:
        """The first connection attempt that shows what the switch is for; else the next one."""
        wanted = {True: self.admitted, False: self.refused, None: ()}[self.admits]
        return wanted[0] if wanted else self.next

    @property
    def last_admitted(self) -> DecisionRecord | None:
        """The last admission before the answer, not further back than the previous switch."""
        after = bisect_left(self.attempts, self.answered, key=_at)
        before = (record for record in reversed(self.attempts[:after]) if record.accepted)
        return next(before, None)

    @property
    def wrong(self) -> tuple[DecisionRecord, ...]:
        """What was admitted after the answer and should not have been."""
        return self.admitted if self.admits is False else ()

    def after(self, at: float) -> float:
        """Tell how many milliseconds after the answer something was, 0 where within its own.

        Args:
            at: when it was.
        """
        return at - self.answered if abs(at - self.answered) >= 1 else 0


def find_switches(
    calls: Sequence[CallRecord], homes: Homes, closings: Sequence[Closing]
) -> tuple[Switch, ...]:
    """Find the switches of a run and measure each.

    Args:
        calls: every call, oldest first.
        homes: whose attempts were whose.
        closings: every closed connection, oldest first.
    """
    ends: dict[tuple[object, ...], int] = {}
    found: list[Switch] = []
    for call in reversed(calls):
        matched = _SWITCH.fullmatch(call.action)
        if matched is not None and _is_good(call):
            found.append(_unmeasured(call, Verb(matched[1]), Kind(matched[2]), homes, ends))
        if _is_good(call) or call.status >= _SERVER_ERROR or not call.status:
            # Also a call that was answered with a server's error may have done its work.
            ends[_end_key(call)] = call.at
    return _measured(found[::-1], homes, closings)


def _is_good(call: CallRecord) -> bool:
    return call.status == _GOOD and not call.code


def _end_key(call: CallRecord) -> tuple[object, ...]:
    if call.action == REGISTER:
        return call.instance_id, REGISTER
    matched = _SWITCH.fullmatch(call.action)
    kind = matched[2] if matched else call.action
    return call.instance_id, kind, key_of(call.subject)


def _unmeasured(
    call: CallRecord, verb: Verb, kind: Kind, homes: Homes, ends: dict[tuple[object, ...], int]
) -> Switch:
    itself = call.instance_id, key_of(call.subject)
    cas = frozenset({itself}) if kind is Kind.CA else homes.cas_of_device(itself)
    home = next(iter(cas)) if len(cas) == 1 else None
    ending = [ends.get((call.instance_id, kind, itself[1]))]
    if kind is Kind.DEVICE and home is not None:
        ending.append(ends.get((home[0], Kind.CA, home[1], Verb.DELETE)))
    if kind is Kind.CA and verb is Verb.DELETE:
        ending.append(ends.get((call.instance_id, REGISTER)))
        ends[*itself[:1], Kind.CA, itself[1], Verb.DELETE] = call.at
    until = min((at for at in ending if at is not None), default=None)
    return Switch(0, call, verb, kind, home, is_ambiguous=len(cas) > 1, until=until)


def _measured(
    found: Sequence[Switch], homes: Homes, closings: Sequence[Closing]
) -> tuple[Switch, ...]:
    closed = _closed_by(found, closings)
    begins: dict[tuple[object, ...], float] = {}
    measured = []
    for number, switch in enumerate(found, 1):
        itself = _end_key(switch.call)
        begin = begins.get(itself, 0.0)
        begins[itself] = switch.answered
        counted = replace(switch, number=number, closed=tuple(closed[number - 1]))
        measured.append(counted if switch.is_ambiguous else _watched(counted, homes, begin))
    return tuple(measured)


def _watched(switch: Switch, homes: Homes, begin: float) -> Switch:
    itself = switch.call.instance_id, key_of(switch.call.subject)
    every = homes.of_ca(itself) if switch.kind is Kind.CA else homes.of_device(itself)
    first = bisect_left(every, begin, key=_at)
    last = len(every) if switch.until is None else bisect_left(every, switch.until, key=_at)
    attempts = every[first:last]
    after = [record for record in attempts if _is_after(switch, record)]
    return replace(
        switch,
        attempts=attempts,
        refused=tuple(record for record in after if not record.accepted),
        admitted=tuple(record for record in after if record.accepted),
    )


def _is_after(switch: Switch, record: DecisionRecord) -> bool:
    if switch.admits in {None, record.accepted}:
        return record.at >= math.floor(switch.answered)
    return record.at >= switch.answered + 1


def _closed_by(found: Sequence[Switch], closings: Sequence[Closing]) -> list[list[Closing]]:
    """Give to each switch the closings it caused: the latest of their cause before them."""
    places: dict[tuple[object, ...], list[int]] = defaultdict(list)
    for place, switch in enumerate(found):
        cause = CAUSES.get((switch.verb, switch.kind))
        places[switch.call.instance_id, cause, key_of(switch.call.subject)].append(place)
    closed: list[list[Closing]] = [[] for _ in found]
    for closing in closings:
        sn = closing.ca_sn if closing.cause.startswith("ca_") else closing.device_sn
        candidates = places.get((closing.instance_id, closing.cause, key_of(sn)), [])
        before = [place for place in candidates if found[place].call.at <= closing.at]
        if before:
            closed[before[-1]].append(closing)
    return closed


def _at(record: DecisionRecord) -> int:
    return record.at
