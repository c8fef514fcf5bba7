"""How long a revocation takes: from the call to its answer, from there to the first refusal."""

import contextlib
import time
from collections import defaultdict
from collections.abc import Callable

from bench.api import Api
from bench.clients import Device
from bench.filling import client_id
from bench.identities import Identities
from bench.peers import certgate, mosquitto, reload_crl
from bench.processes import Process
from bench.revocation_lists import RevocationList
from bench.scope import Scope

PART = "revocation"
ANSWER = "from the call, or the change of the CRL, to its answer"
REFUSAL = "from the answer, or the signal, to the first refusal"
ADMITTED = "connections admitted after the answer, or the signal"
_TIMES = 20
_PATIENCE = 60.0


def measure(scope: Scope) -> None:
    """Revoke again and again, and see when the first device is refused."""
    answers, refusals, admitted = defaultdict(list), defaultdict(list), defaultdict(list)
    most = f"{scope.most:,}"

    def note(who: str, change: Callable[[], None], device: Device) -> None:
        began = time.perf_counter()
        change()
        answered = time.perf_counter()
        answers[who].append((answered - began) * 1000)
        deadline = answered + _PATIENCE
        times = 0
        while not device.is_refused():
            times += 1
            assert time.perf_counter() < deadline, f"{who}: nobody is refused"
        refusals[who].append((time.perf_counter() - answered) * 1000)
        admitted[who].append(times)

    with certgate(scope.folder, registry=scope.registry(scope.most)) as ours:
        witness, other = (_device(ours.process, each) for each in (scope.mass, scope.fleet))
        for switch, device, who in (
            (_ca_switch(ours.api, scope.mass), witness, f"certgate, a CA with {most} devices"),
            (_device_switch(ours.api, scope.fleet), other, "certgate, a device"),
        ):
            device.visit()
            for _ in range(_TIMES):
                note(who, lambda switch=switch: switch("Inactivate"), device)  # type: ignore[misc]
                switch("Active")
                device.visit()
    for size in (scope.sizes[0], scope.most):
        _measure_mosquitto(scope, size, note)
    scope.book.add(PART, ANSWER, "ms", answers)
    scope.book.add(PART, REFUSAL, "ms", refusals)
    scope.book.add(PART, ADMITTED, "", admitted)
    who = f"certgate, a CA with {most} devices"
    text = f"inactivating a CA with {most} devices, to the answer"
    scope.book.claim(text, scope.book.find(PART, ANSWER, who).median, 20, "ms")
    text = f"connections of a CA with {most} devices admitted after its inactivation was answered"
    scope.book.claim(text, max(scope.book.find(PART, ADMITTED, who).rounds), 0)


def _device(server: Process, identities: Identities, number: int = 0) -> Device:
    context = identities.contexts(server.trusted)[number]
    return Device(server.port, context, client_id(identities, number))


def _ca_switch(api: Api, mass: Identities) -> Callable[[str], None]:
    sn = mass.ca.issued.view.sn

    def switch(how: str) -> None:
        api.call(f"{how}CaCertificate", Sn=sn)

    return switch


def _device_switch(api: Api, fleet: Identities) -> Callable[[str], None]:
    ca_sn, sn = fleet.ca.issued.view.sn, fleet.devices[0].view.sn

    def switch(how: str) -> None:
        api.call(f"{how}DeviceCertificate", CaSn=ca_sn, DeviceSn=sn)

    return switch


def _measure_mosquitto(
    scope: Scope, size: int, note: Callable[[str, Callable[[], None], Device], None]
) -> None:
    """Write the CRL with one more entry, send the signal, and try the device that is on it."""
    crl = RevocationList.of(scope.fleet, size)
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(mosquitto(scope.folder, scope.fleet, scope.server, crl.file))
        for number in range(scope.few):
            device = _device(server, scope.fleet, number)
            device.visit()
            sn = scope.fleet.devices[number].view.sn

            def change(sn: str = sn) -> None:
                crl.revoke(sn)
                crl.write()
                reload_crl(server)

            note(f"Mosquitto, a CRL of {size:,}", change, device)
