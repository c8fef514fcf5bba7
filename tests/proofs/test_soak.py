"""The soak proof in short, and that it finds what it looks for.

The full proof has its own command, ``python tests/proofs/soak.py``.
"""

import sys
from pathlib import Path

import pytest

from proofs import soak, soak_load
from proofs.soak import Course, Outcome, Reading

THEN = Reading(resident=1000, files=10, threads=2)


@pytest.mark.proof
def test_steady_load(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """After a few seconds files and threads are as before, and memory has not run away."""
    outcome = soak.soak(tmp_path, 4, warm_up=1)
    with capsys.disabled():
        soak.report(outcome)
    assert outcome.faults == []
    (course,) = outcome.courses.values()
    assert len(course.every_second) == 4
    assert course.growth < 1.5  # The promise is 1.05 of a minute; this one is hardly warm.
    assert outcome.done["new device connected"] == 5 * 8
    assert outcome.done["refused"] == 5 * 6


def test_halves() -> None:
    """The medians of the two halves are compared."""
    readings = [Reading(kib, 10, 2) for kib in (1000, 1001, 9999, 1100, 1102, 1)]
    course = Course(THEN, THEN, readings)
    assert list(course.halves) == [1001, 1100]
    assert course.growth == pytest.approx(1100 / 1001)


def test_leftovers() -> None:
    """Files and threads that were not there before are named; fewer are no fault."""
    for after, told in (
        (THEN, []),
        (Reading(9000, 9, 1), []),
        (Reading(1, 12, 2), ["2 more files than before"]),
        (Reading(1, 10, 3), ["1 more threads than before"]),
        (None, ["the load did not reach its end"]),
    ):
        assert list(Course(THEN, after).leftovers()) == told


@pytest.mark.parametrize(("later", "code"), [(1000, 0), (1050, 0), (1051, 1)])
def test_growth_ends_the_command_with_1(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], later: int, code: int
) -> None:
    """The second half may be five per cent above the first one and no more."""
    course = Course(THEN, THEN, [Reading(kib, 10, 2) for kib in (1000, later)])
    outcome = Outcome({"whole": course})
    monkeypatch.setattr(soak, "soak", lambda *_, **__: outcome)
    monkeypatch.setattr(sys, "argv", ["soak.py"])
    assert soak.main() == code
    assert ("memory grows" in capsys.readouterr().out) is bool(code)


def test_wrong_answer_is_a_fault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A device that is admitted where it has to be refused ends the load, and is told."""
    monkeypatch.setattr(soak_load, "REFUSED", 0)
    outcome = soak.soak(tmp_path, 1, warm_up=0)
    assert any("is answered 5 and not 0" in fault for fault in outcome.faults)
    assert any("did not reach its end" in fault for fault in outcome.faults)
