"""How long a start takes, and a lab fixture's whole life."""

import json
import subprocess
import sys
from collections import defaultdict
from collections.abc import Callable
from contextlib import AbstractContextManager

from bench.peers import Certgate, certgate, mosquitto, moto, plain_amqtt
from bench.processes import Process
from bench.revocation_lists import RevocationList
from bench.scope import Scope
from e2e.support import environment

PART = "start"
READY = "from the start of the process until it serves"
LIFE = "a fixture's whole life, in a process that runs"
_LIVES = {
    "certgate": "from certgate import Lab\ndef live():\n    with Lab():\n        pass\n",
    "moto": (
        "from moto.server import ThreadedMotoServer\n"
        "def live():\n"
        "    server = ThreadedMotoServer(ip_address='127.0.0.1', port=0, verbose=False)\n"
        "    server.start()\n    server.stop()\n"
    ),
}
_TIMING = """
import json, sys, time
times = []
for _ in range(int(sys.argv[1]) + 1):
    began = time.perf_counter()
    live()
    times.append((time.perf_counter() - began) * 1000)
print(json.dumps(times[1:]))
"""


def measure(scope: Scope) -> None:
    """Start each in turn."""
    files = scope.folder, scope.fleet, scope.server
    empty = RevocationList.of(scope.fleet, 0).file
    starts: dict[str, Callable[[], AbstractContextManager[Certgate | Process]]] = {
        "certgate": lambda: certgate(scope.folder),
        "amqtt": lambda: plain_amqtt(*files),
        "Mosquitto": lambda: mosquitto(*files, empty),
        "moto": moto,
    }
    ready: dict[str, list[float]] = {name: [] for name in starts}
    for name, start in scope.turns(starts):
        with start() as server:
            ready[name].append((server.process if isinstance(server, Certgate) else server).took)
    scope.book.add(PART, READY, "s", ready)
    lives: dict[str, list[float]] = defaultdict(list)
    for _ in range(scope.few):
        for name in _LIVES:
            lives[name] += _lives(name, scope.rounds)
    scope.book.add(PART, LIFE, "ms", lives)
    book = scope.book
    book.claim("start of certgate", book.find(PART, READY, "certgate").median, 0.8, "s")
    book.claim("a lab fixture's whole life", book.find(PART, LIFE, "certgate").median, 150, "ms")


def _lives(name: str, count: int) -> list[float]:
    """Let fixtures live in a process of their own; the first one, which imports, does not count."""
    command = [sys.executable, "-c", _LIVES[name] + _TIMING, str(count)]
    ended = subprocess.run(
        command, env=environment(), capture_output=True, text=True, timeout=120, check=True
    )
    return list(json.loads(ended.stdout.splitlines()[-1]))
