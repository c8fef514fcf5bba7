"""Several brokers on one registry: what sharing it costs, and what it brings."""

import contextlib
from collections import defaultdict

from bench.part_connections import load
from bench.peers import brokers
from bench.scope import Scope

PART = "brokers"
CPU = "CPU of all brokers for a full handshake"
RATE = "full handshakes in a second, clients on the same machine"
IDLE = "CPU of all brokers in a second without connections"


def measure(scope: Scope) -> None:
    """Let the same devices connect to one broker, and to several in turn."""
    with contextlib.ExitStack() as stack:
        loads = {}
        for count in scope.brokers:
            running = brokers(scope.folder, scope.registry(0), count)
            loads[f"certgate, {count}"] = load(scope.fleet, *stack.enter_context(running))
        cpu, rate, idle = defaultdict(list), defaultdict(list), defaultdict(list)
        for each in loads.values():
            each.round()
        for name, each in scope.turns(loads):
            milliseconds, a_second = each.round()
            cpu[name].append(milliseconds)
            rate[name].append(a_second)
            idle[name].append(each.idle())
    for what, unit, found in ((CPU, "ms", cpu), (RATE, "/s", rate), (IDLE, "ms", idle)):
        scope.book.add(PART, what, unit, {name: found[name] for name in loads})
