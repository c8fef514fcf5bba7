"""Deleting a CA with very many devices while devices of other CAs connect."""

import contextlib
import sqlite3
import statistics
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

from bench.figures import percentile_99
from bench.identities import Identities, make_identities
from bench.peers import Certgate, certgate
from bench.scope import Scope
from bench.traffic import A_SECOND, FIRST, KNOWN, Traffic

PART = "deletion"
ANSWER = "from the call to its answer"
SLOWEST = "99th percentile of the connections"
LONGEST = "longest of the connections"
USUAL = "median of the connections"
REMOVED = "rows removed in a second, meanwhile"
_OF: dict[str, Callable[[list[float]], float]] = {
    SLOWEST: percentile_99,
    LONGEST: max,
    USUAL: statistics.median,
}
_LEFT = "SELECT count(*) FROM device_certificate WHERE ca_id NOT IN (SELECT id FROM ca_certificate)"

Windows = dict[str, dict[str, list[float]]]


def measure(scope: Scope) -> None:
    """Delete the CA of everybody, again and again from the same registry."""
    answers, removed = [], []
    took: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for number in range(scope.few):
        newcomers = make_identities(
            scope.folder, f"newcomers-{number}", int(A_SECOND * scope.seconds * 4)
        )
        with certgate(scope.folder, registry=scope.registry(scope.most)) as ours:
            ours.api.register(newcomers.ca, "newcomers")
            answer, a_second, windows = _observe(scope, ours, newcomers)
        answers.append(answer)
        removed.append(a_second)
        for when, kinds in windows.items():
            for kind, seconds in kinds.items():
                assert len(seconds) > scope.seconds * A_SECOND / 2, f"hardly any {kind} {when}"
                for what, of in _OF.items():
                    took[what][f"{kind}, {when}"].append(of(seconds) * 1000)
    scope.book.add(PART, ANSWER, "ms", {"certgate": answers})
    scope.book.add(PART, REMOVED, "/s", {"certgate": removed})
    for what, found in took.items():
        scope.book.add(PART, what, "ms", found)
    _claim(scope)


def _observe(scope: Scope, ours: Certgate, newcomers: Identities) -> tuple[float, float, Windows]:
    """Watch the connections before the deletion, and from its call on while rows are removed.

    Returns:
        How long the answer took, milliseconds; rows removed in a second; the connections.
    """
    traffic = Traffic(ours.process, scope.fleet, newcomers)
    with traffic.going_on():
        time.sleep(scope.seconds / 6)
        traffic.take()
        time.sleep(scope.seconds)
        windows = {"before": traffic.take()}
        answer = _delete(scope, ours, scope.fleet.count + newcomers.count)
        before, began = _left(ours.registry), time.perf_counter()
        time.sleep(scope.seconds)
        windows["meanwhile"] = traffic.take()
        seconds, after = time.perf_counter() - began, _left(ours.registry)
    assert before > after > 0, f"rows are not removed meanwhile: {before:,}, then {after:,} left"
    return answer, (before - after) / seconds, windows


def _delete(scope: Scope, ours: Certgate, others: int) -> float:
    """Delete the CA; give the milliseconds. Then no list has it, nor more devices than others'."""
    cas, _ = ours.api.totals()
    sn = scope.mass.ca.issued.view.sn
    began = time.perf_counter()
    ours.api.call("DeleteCaCertificate", Sn=sn)
    took = (time.perf_counter() - began) * 1000
    left, devices = ours.api.totals()
    assert left == cas - 1
    assert scope.fleet.count <= devices <= others
    assert ours.api.refusal("ListDeviceCertificateByCaSn", CaSn=sn, PageNo=1, PageSize=1) == (
        "FindDeviceBySnError"
    )
    return took


def _left(registry: Path) -> int:
    """Count the rows that are still to be removed."""
    with contextlib.closing(sqlite3.connect(f"file:{registry}?mode=ro", uri=True)) as file:
        return int(file.execute(_LEFT).fetchone()[0])


def _claim(scope: Scope) -> None:
    book, most = scope.book, f"{scope.most:,}"
    median = book.find(PART, ANSWER, "certgate").median
    book.claim(f"deleting a CA with {most} devices, to the answer", median, 100, "ms")
    for kind in (KNOWN, FIRST):
        value = book.ratio(PART, SLOWEST, f"{kind}, meanwhile", f"{kind}, before")
        text = f"99th percentile of {kind}, while rows are removed by before"
        book.claim(text, value, 2.0)
