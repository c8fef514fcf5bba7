"""The same with many registered devices, and for Mosquitto with CRLs as long."""

import contextlib

from bench.clients import WARM, Load
from bench.part_connections import load
from bench.peers import certgate, mosquitto
from bench.processes import Process
from bench.revocation_lists import RevocationList
from bench.scope import Scope

PART = "scale"
CPU = "CPU of the server for a full handshake"
MEMORY = "memory of the server"
_ROUNDS = 2
"""Times as many rounds as elsewhere: what is looked for is small."""


def measure(scope: Scope) -> None:
    """Let devices connect to servers that know few others, or many."""
    with contextlib.ExitStack() as stack:
        loads: dict[tuple[str, int], Load] = {}
        servers: dict[tuple[str, int], Process] = {}
        for size in scope.sizes:
            crl = RevocationList.of(scope.fleet, size)
            ours = stack.enter_context(
                certgate(scope.folder, registry=scope.registry(size))
            ).process
            theirs = stack.enter_context(
                mosquitto(scope.folder, scope.fleet, scope.server, crl.file)
            )
            for server in (ours, theirs):
                loads[server.name, size] = load(scope.fleet, server)
                loads[server.name, size].round()  # Devices register themselves.
                servers[server.name, size] = server
        counts = {key: _count(each, scope.visits) for key, each in loads.items()}
        names = [f"{name}, {size:,}" for name, size in loads]
        cpu: dict[str, list[float]] = {name: [] for name in names}
        memory: dict[str, list[float]] = {name: [] for name in names}
        for (name, size), each in scope.turns(loads, _ROUNDS * scope.rounds):
            each.round(count=min(WARM, counts[name, size]))
            milliseconds, _ = each.round(count=counts[name, size])
            cpu[f"{name}, {size:,}"].append(milliseconds)
            memory[f"{name}, {size:,}"].append(servers[name, size].resident() / 1024)
    scope.book.add(PART, CPU, "ms", cpu)
    scope.book.add(PART, MEMORY, "MiB", memory)
    _claim(scope)


def _count(each: Load, seconds: float) -> int:
    """Find out how many visits there can be in some seconds: with a long CRL they are few."""
    _, a_second = each.round(count=4)
    return max(4, int(seconds * a_second))


def _claim(scope: Scope) -> None:
    book, most = scope.book, f"{scope.most:,}"
    ours = book.ratio(PART, CPU, f"certgate, {most}", "certgate, 0")
    book.claim(f"CPU of certgate, {most} registered devices by none", ours, 1.1)
    theirs = book.ratio(PART, CPU, f"certgate, {most}", f"Mosquitto, {most}")
    book.claim(f"CPU, certgate with {most} devices by Mosquitto with as long a CRL", theirs, 0.06)
