"""How long a revocation takes: from the call to its answer, from there to the first refusal."""

import contextlib
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from bench.clients import Device, devices_of
from bench.identities import Identities
from bench.peers import Certgate, certgate, mosquitto, reload_crl
from bench.revocation_lists import RevocationList
from bench.scope import Scope

PART = "revocation"
ANSWER = "from the call, or the change of the CRL, to its answer"
REFUSAL = "from the answer, or the signal, to the first refusal"
BOTH = "from the call, or the change of the CRL, to the first refusal"
ADMITTED = "connections admitted after the answer, or the signal"
_TIMES = 20
_FURTHER = 3
"""Connections tried after the first that was refused."""
_PATIENCE = 60.0
_NOT_AUTHORIZED = 5
_NOTHING = -1

Revoke = Callable[[], None]


@dataclass(frozen=True)
class Case:
    """A right that is taken away, again and again.

    Attributes:
        times: how often.
        turn: gives a device that is admitted, and what takes its right away.
        restore: gives it back, where anybody wants it back.
        refused: the return code that it is told then.
    """

    times: int
    turn: Callable[[], tuple[Device, Revoke]]
    restore: Callable[[], None]
    refused: int


def measure(scope: Scope) -> None:
    """Revoke again and again, and see when the first device is refused."""
    found: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    with contextlib.ExitStack() as stack:
        cases = {**_ours(scope, stack), **_theirs(scope, stack)}
        for who, case in scope.turns(cases, _TIMES):
            if len(found[ANSWER][who]) < case.times:
                for what, value in _revoke(who, case).items():
                    found[what][who].append(value)
    for what, values in found.items():
        unit = "" if what == ADMITTED else "ms"
        scope.book.add(PART, what, unit, {who: values[who] for who in cases})
    _claim(scope)


def _revoke(who: str, case: Case) -> dict[str, float]:
    """Take a right away once, and see what comes of it."""
    device, revoke = case.turn()
    device.visit()
    began = time.perf_counter()
    revoke()
    answered = time.perf_counter()
    admitted = 0
    while (code := device.ask()) == 0:
        admitted += 1
        assert time.perf_counter() < answered + _PATIENCE, f"{who}: nobody is refused"
    refused = time.perf_counter()
    assert code == case.refused, f"{who}: return code {code}"
    admitted += sum(device.ask() == 0 for _ in range(_FURTHER))
    case.restore()
    spans = {ANSWER: answered - began, REFUSAL: refused - answered, BOTH: refused - began}
    return {what: seconds * 1000 for what, seconds in spans.items()} | {ADMITTED: admitted}


def _ours(scope: Scope, stack: contextlib.ExitStack) -> dict[str, Case]:
    ours = stack.enter_context(certgate(scope.folder, registry=scope.registry(scope.most)))
    mass, fleet = scope.mass, scope.fleet
    pair = {"CaSn": fleet.ca.issued.view.sn, "DeviceSn": fleet.devices[0].view.sn}
    ca = _switched(ours, mass, "CaCertificate", Sn=mass.ca.issued.view.sn)
    device = _switched(ours, fleet, "DeviceCertificate", **pair)
    return {f"certgate, a CA with {scope.most:,} devices": ca, "certgate, a device": device}


def _switched(ours: Certgate, whose: Identities, what: str, **which: str) -> Case:
    device = devices_of(whose, ours.process)[0]

    def switch(how: str) -> None:
        ours.api.call(f"{how}{what}", **which)

    turn = device, partial(switch, "Inactivate")
    return Case(_TIMES, lambda: turn, partial(switch, "Active"), _NOT_AUTHORIZED)


def _theirs(scope: Scope, stack: contextlib.ExitStack) -> dict[str, Case]:
    sizes = scope.sizes[0], scope.most
    return {f"Mosquitto, a CRL of {size:,}": _listed(scope, stack, size) for size in sizes}


def _listed(scope: Scope, stack: contextlib.ExitStack, size: int) -> Case:
    fleet, crl = scope.fleet, RevocationList.of(scope.fleet, size)
    server = stack.enter_context(mosquitto(scope.folder, fleet, scope.server, crl.file))
    devices = enumerate(devices_of(fleet, server))

    def revoke(number: int) -> None:
        crl.revoke(fleet.devices[number].view.sn)
        crl.write()
        reload_crl(server)

    def turn() -> tuple[Device, Revoke]:
        number, device = next(devices)
        return device, partial(revoke, number)

    return Case(scope.few, turn, lambda: None, _NOTHING)


def _claim(scope: Scope) -> None:
    book, ca = scope.book, f"a CA with {scope.most:,} devices"
    who = f"certgate, {ca}"
    median = book.find(PART, ANSWER, who).median
    book.claim(f"inactivating {ca}, to the answer", median, 20, "ms")
    admitted = max(book.find(PART, ADMITTED, who).rounds)
    book.claim(f"connections of {ca} admitted after its inactivation was answered", admitted, 0)
