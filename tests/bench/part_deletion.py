"""Deleting a CA with very many devices while devices of other CAs connect."""

import threading
import time
from collections import defaultdict
from collections.abc import Iterator

from bench.clients import Device
from bench.figures import hundredth
from bench.filling import client_id
from bench.identities import Identities, make_identities
from bench.peers import Certgate, certgate
from bench.scope import Scope

PART = "deletion"
ANSWER = "from the call to its answer"
SLOWEST = "slowest hundredth of the connections"
USUAL = "median of the connections"
_PAUSE = 0.02
"""Seconds between two connections of a worker: a steady load, not all that the machine can do."""
_FIRST_IN_A_SECOND = 30


def measure(scope: Scope) -> None:
    """Delete the CA of everybody, again and again from the same registry."""
    answers: list[float] = []
    took: dict[str, dict[str, list[float]]] = {what: defaultdict(list) for what in (SLOWEST, USUAL)}
    for number in range(scope.few):
        first = int(_FIRST_IN_A_SECOND * scope.seconds * 3)
        newcomers = make_identities(scope.folder, f"newcomers-{number}", first)
        with certgate(scope.folder, registry=scope.registry(scope.most)) as ours:
            ours.api.register(newcomers.ca, "newcomers")
            traffic = Traffic(ours, scope.fleet, newcomers)
            windows = _observe(scope, ours, traffic, answers)
        for when, kinds in windows.items():
            for kind, seconds in kinds.items():
                took[SLOWEST][f"{kind}, {when}"].append(hundredth(seconds) * 1000)
                took[USUAL][f"{kind}, {when}"].append(sorted(seconds)[len(seconds) // 2] * 1000)
    scope.book.add(PART, ANSWER, "ms", {"certgate": answers})
    for what, found in took.items():
        scope.book.add(PART, what, "ms", found)
    _claim(scope)


Windows = dict[str, dict[str, list[float]]]


def _observe(scope: Scope, ours: Certgate, traffic: "Traffic", answers: list[float]) -> Windows:
    """Watch the connections before the deletion and while the rows are removed."""
    with traffic:
        time.sleep(scope.seconds / 6)
        traffic.take()
        time.sleep(scope.seconds)
        windows = {"before": traffic.take()}
        cas, devices = ours.api.totals()
        began = time.perf_counter()
        ours.api.call("DeleteCaCertificate", Sn=scope.mass.ca.issued.view.sn)
        answers.append((time.perf_counter() - began) * 1000)
        left_cas, left_devices = ours.api.totals()
        assert left_cas == cas - 1
        assert left_devices < devices - scope.most + _FIRST_IN_A_SECOND * scope.seconds
        traffic.take()
        time.sleep(scope.seconds)
        windows["meanwhile"] = traffic.take()
    return windows


class Traffic:
    """Devices that connect steadily: known ones, and others for the first time.

    Args:
        ours: where they connect to.
        known: devices that are registered.
        newcomers: devices that are not, yet.
    """

    def __init__(self, ours: Certgate, known: Identities, newcomers: Identities) -> None:
        self._ours = ours
        self._took: dict[str, list[float]] = {"known devices": [], "first connections": []}
        self._over = threading.Event()
        again = self._devices(known, forever=True)
        once = self._devices(newcomers, forever=False)
        self._threads = [
            threading.Thread(target=self._connect, args=("known devices", again, _PAUSE)),
            threading.Thread(
                target=self._connect, args=("first connections", once, 1 / _FIRST_IN_A_SECOND)
            ),
        ]

    def __enter__(self) -> None:
        for thread in self._threads:
            thread.start()

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()

    def take(self) -> dict[str, list[float]]:
        """Give how long connections took since the last time, seconds."""
        found, self._took = self._took, {name: [] for name in self._took}
        return found

    def _devices(self, identities: Identities, *, forever: bool) -> Iterator[Device]:
        server = self._ours.process
        made = [
            Device(server.port, context, client_id(identities, number))
            for number, context in enumerate(identities.contexts(server.trusted))
        ]
        yield from made
        while forever:
            yield from made

    def _connect(self, kind: str, devices: Iterator[Device], pause: float) -> None:
        for device in devices:
            if self._over.is_set():
                return
            began = time.perf_counter()
            device.visit()
            self._took[kind].append(time.perf_counter() - began)
            time.sleep(pause)
        raise AssertionError(f"no more {kind}")


def _claim(scope: Scope) -> None:
    book, most = scope.book, f"{scope.most:,}"
    median = book.find(PART, ANSWER, "certgate").median
    book.claim(f"deleting a CA with {most} devices, to the answer", median, 100, "ms")
    for kind in ("known devices", "first connections"):
        value = book.ratio(PART, SLOWEST, f"{kind}, meanwhile", f"{kind}, before")
        book.claim(f"slowest hundredth of {kind}, while rows are removed by before", value, 2.0)
