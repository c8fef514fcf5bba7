"""Thousands of sessions at once: what each holds, and closing them all."""

import select
import ssl
import time
from collections import defaultdict
from collections.abc import Sequence

from bench.clients import Device, crowd
from bench.part_connections import load
from bench.peers import Certgate, certgate, mosquitto, plain_amqtt
from bench.processes import Process
from bench.revocation_lists import RevocationList
from bench.scope import Scope

PART = "sessions"
MEMORY = "memory of a session"
CLOSED = "from the call of one inactivation until all are closed"
_PATIENCE_MS = 10_000


def measure(scope: Scope) -> None:
    """Hold the sessions on each server, one server at a time, each time a new one."""
    memory: dict[str, list[float]] = defaultdict(list)
    closed: list[float] = []
    empty = RevocationList.of(scope.fleet, 0)
    options = ("--live-sessions", "close", "--limit", f"sessions={scope.sessions + 10}")
    for _ in range(scope.few):
        with certgate(scope.folder, *options) as ours:
            sn = ours.api.register(scope.fleet.ca, "fleet")
            sessions = _hold(scope, ours.process, memory)
            closed.append(_close_all(ours, sn, sessions))
        with plain_amqtt(scope.folder, scope.fleet, scope.server) as server:
            _leave(_hold(scope, server, memory))
        with mosquitto(scope.folder, scope.fleet, scope.server, empty.file) as server:
            _leave(_hold(scope, server, memory))
    scope.book.add(PART, MEMORY, "KiB", memory)
    scope.book.add(PART, CLOSED, "s", {"certgate": closed})
    book, count = scope.book, f"{scope.sessions:,}"
    held, took = (max(book.find(PART, what, "certgate").rounds) for what in (MEMORY, CLOSED))
    book.claim(f"memory of each of {count} sessions, at most", held, 150, "KiB")
    book.claim(f"closing {count} sessions by one inactivation, at most", took, 2, "s")


def _hold(scope: Scope, server: Process, memory: dict[str, list[float]]) -> list[ssl.SSLSocket]:
    """Connect everybody, and note what that takes above a server that is warm and empty."""
    load(scope.fleet, server).round()
    time.sleep(scope.settles)
    empty = server.resident()
    contexts = scope.fleet.contexts(server.trusted)
    devices = [
        Device(server.port, contexts[number % len(contexts)], f"crowd-{number}", keep_alive=0)
        for number in range(scope.sessions)
    ]
    sessions = crowd(devices)
    time.sleep(scope.settles)
    assert not _watch(sessions).poll(0), "not everybody has stayed"
    memory[server.name].append((server.resident() - empty) / scope.sessions)
    return sessions


def _close_all(ours: Certgate, sn: str, sessions: Sequence[ssl.SSLSocket]) -> float:
    """Inactivate the CA; give the seconds until the last connection has been ended."""
    waiting, left = _watch(sessions), len(sessions)
    assert not waiting.poll(0)
    began = time.perf_counter()
    ours.api.call("InactivateCaCertificate", Sn=sn)
    while left:
        ended = waiting.poll(_PATIENCE_MS)
        assert ended, f"{left} connections stay open"
        for descriptor, _ in ended:
            waiting.unregister(descriptor)
        left -= len(ended)
    took = time.perf_counter() - began
    _leave(sessions)
    return took


def _watch(sessions: Sequence[ssl.SSLSocket]) -> select.poll:
    """Give what tells which of some connections the other side has ended."""
    poll = select.poll()
    for session in sessions:
        poll.register(session, select.POLLRDHUP)
    return poll


def _leave(sessions: Sequence[ssl.SSLSocket]) -> None:
    for session in sessions:
        session.close()
