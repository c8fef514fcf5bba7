"""What admitting a device costs: CPU time of the server, and connections a second."""

import contextlib
from collections import defaultdict
from collections.abc import Iterator

from bench.clients import WARM, Load, devices_of
from bench.figures import ratio
from bench.identities import Identities
from bench.peers import SUITE, certgate, mosquitto, plain_amqtt
from bench.processes import Process
from bench.revocation_lists import RevocationList
from bench.scope import Scope

PART = "connections"
CPU = {
    False: "CPU of the server for a full handshake",
    True: "CPU of the server for a resumed one",
}
RATE = {
    False: "full handshakes in a second, clients on the same machine",
    True: "resumed ones in a second, clients on the same machine",
}


def measure(scope: Scope) -> None:
    """Let the same devices connect to each server in turn."""
    with contextlib.ExitStack() as stack:
        loads = {server.name: load(scope.fleet, server) for server in _servers(scope, stack)}
        assert {loads[name].suite() for name in ("certgate", "Mosquitto")} == {SUITE}
        for each in loads.values():
            each.round()  # Devices register themselves, and whatever is warm later gets so.
            each.round(resume=True)
        cpu, rate = defaultdict(list), defaultdict(list)
        kinds = {(resume, name): each for resume in (False, True) for name, each in loads.items()}
        for (resume, name), each in scope.turns(kinds):
            each.round(resume=resume, count=WARM)
            milliseconds, a_second = each.round(resume=resume, count=2 * each.count)
            cpu[resume, name].append(milliseconds)
            rate[resume, name].append(a_second)
    for resume in (False, True):
        scope.book.add(PART, CPU[resume], "ms", {name: cpu[resume, name] for name in loads})
        scope.book.add(PART, RATE[resume], "/s", {name: rate[resume, name] for name in loads})
    _claim(scope)


def _servers(scope: Scope, stack: contextlib.ExitStack) -> Iterator[Process]:
    for fast in (True, False):
        ours = stack.enter_context(certgate(scope.folder, fast=fast))
        ours.api.register(scope.fleet.ca, "fleet")
        yield ours.process
    files = scope.folder, scope.fleet, scope.server
    for fast in (False, True):
        yield stack.enter_context(plain_amqtt(*files, fast=fast))
    yield stack.enter_context(mosquitto(*files, RevocationList.of(scope.fleet, 0).file))


def load(fleet: Identities, *servers: Process) -> Load:
    """Give the devices that connect to a server, or to several in turn."""
    anywhere = [devices_of(fleet, server) for server in servers]
    chosen = zip(*anywhere, strict=True)
    return Load(servers, [each[number % len(each)] for number, each in enumerate(chosen)])


def _claim(scope: Scope) -> None:
    book = scope.book
    for other, limit in (("amqtt", 0.85), ("Mosquitto", 1.6)):
        text = f"CPU for a full handshake, certgate by {other}"
        book.claim(text, book.ratio(PART, CPU[False], "certgate", other), limit)
    resumed, full = (book.find(PART, CPU[resume], "certgate") for resume in (True, False))
    book.claim("CPU of certgate, resumed by full handshake", ratio(resumed, full), 0.8)
