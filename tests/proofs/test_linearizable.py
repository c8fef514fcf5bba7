"""Linearizable revocation in short: a planted cache is found, and nothing else.

The full proof has its own command, ``python tests/proofs/linearizable.py``.
"""

import re
import socket
import ssl
from dataclasses import replace
from pathlib import Path

import pytest

from e2e.support import serving
from proofs import linearizable
from proofs.callers import Caller, Family, PlainHttp
from proofs.history import ADMITTED, DONE, Call, Event, Kind
from proofs.lamps import Lamp
from proofs.linearizable import BINDINGS, Opening, in_processes, prove, with_the_fault
from proofs.linearizable_figures import Figures
from proofs.sequential import first_unexplained
from proofs.stage import INSTANCES, Stage, settled

HERE, THERE = INSTANCES
NOT_HERE = "ca_not_registered"


def test_reasons_come_from_the_record() -> None:
    """A connection is judged by its decision record, which has to fit what the client saw."""
    event = Event("lamp", Call(Kind.CONNECT, HERE, 0, 0), 0, 1, "CONNACK 20 02 00 05", resumed=True)
    record = {
        "client_id": "lamp",
        "instance_id": HERE,
        "resumed": True,
        "accepted": False,
        "reasons": ["ca_inactive", "device_inactive"],
    }
    assert settled(event, record).answer == "ca_inactive+device_inactive"
    admitted = replace(event, answer="CONNACK 20 02 00 00")
    accepted = record | {"accepted": True, "reasons": []}
    assert settled(admitted, accepted).answer == ADMITTED
    other = replace(event, call=Call(Kind.REGISTER, HERE, 0))
    assert settled(other, None) is other
    for odd in (None, record, accepted | {"instance_id": THERE}, accepted | {"resumed": False}):
        assert "CONNACK 20 02 00 00, but" in str(settled(admitted, odd).answer)


def test_trouble_is_an_answer() -> None:
    """Where nobody answers, that is what the history says, and nothing explains it."""
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        port = silent.getsockname()[1]
        family = Family.create("maker", 1)
        caller = Caller("caller", PlainHttp(f"http://127.0.0.1:{port}"), [family])
        asked = caller.make(Call(Kind.SHOW, HERE, 0))
        lamp = Lamp("lamp", (0, 0), ssl.create_default_context(), port)
        knocked = lamp.connect(HERE, resumes=True, linger=0)
    for event in (asked, knocked):
        assert str(event.answer).startswith("no answer, ")
        assert first_unexplained([event]) is event
    assert not lamp.is_connected
    assert lamp.disconnect(HERE).answer == DONE


@pytest.mark.proof
@pytest.mark.parametrize("binding", BINDINGS)
@pytest.mark.parametrize("processes", [1, 2])
def test_revocation_is_linearizable(processes: int, binding: str) -> None:
    """Whatever overlaps, some order of the calls explains every answer and every admission."""
    figures = prove(in_processes(processes, binding), 20, "short")
    assert not figures.faults, "\n".join(figures.faults)
    assert figures.histories >= 20
    assert figures.overlapping > 20
    assert {answer for _, answer in figures.connections} > {ADMITTED, "ca_inactive", NOT_HERE}
    assert {str(kind) for kind in Kind} | {"resume"} == set(figures.calls)


def admits_wrongly(figures: Figures) -> bool:
    """Tell whether a wrong admission was found."""
    return figures.admitted_wrongly


@pytest.mark.proof
def test_planted_cache_is_caught() -> None:
    """A cache of 200 ms on the decision path admits wrongly, and without it nothing is found."""
    found = prove(with_the_fault, 60, "planted", admits_wrongly)
    assert found.admitted_wrongly
    assert re.search(r"^> .* (connect|resume) .*: admitted$", found.faults[-1], re.MULTILINE)

    def as_many(figures: Figures) -> bool:
        return figures.histories >= found.histories

    real = prove(in_processes(1, "none"), 60, "planted", as_many)
    assert not real.faults, "\n".join(real.faults)
    assert real.histories == found.histories


@pytest.mark.parametrize("lamp", [0, 1], ids=["TLS 1.3", "TLS 1.2"])
def test_session_is_of_one_instance(tmp_path: Path, lamp: int) -> None:
    """Who shows a session made for one instance to another is judged by the other."""
    figures = Figures("one by one", admits_wrongly)
    options = [word for each in INSTANCES for word in ("--instance", each)]
    with serving(tmp_path / "state", *options, processes=1) as lab:
        stage = Stage(lab, figures)
        device = stage.lamps[lamp]
        registered = stage.callers[0].make(Call(Kind.REGISTER, HERE, 0))
        ways = ((HERE, False), (THERE, True), (HERE, True), (HERE, True))
        knocks = [device.connect(where, resumes=resumes, linger=0) for where, resumes in ways]
        events = stage.settle([registered, *knocks])
        stage.close()
    answers = [event.answer for event in events]
    assert answers == [DONE, ADMITTED, NOT_HERE, ADMITTED, ADMITTED]
    assert events[-1].resumed


@pytest.mark.parametrize(
    ("arguments", "shares"),
    [
        ([], (4, 500)),
        (["--histories", "9", "--processes", "2"], (2, 5)),
        (["--planted"], (1, 2000)),
    ],
)
@pytest.mark.parametrize("fault", [[], ["a history, drawn"]], ids=["explained", "unexplained"])
def test_command(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    shares: tuple[int, int],
    fault: list[str],
) -> None:
    """The command shares the histories out, prints its figures, and its status says which."""

    def play(_: Opening, histories: int, name: str) -> Figures:
        return Figures(name, admits_wrongly, histories=histories, faults=list(fault))

    monkeypatch.setattr(linearizable, "prove", play)
    labs, share = shares
    assert linearizable.main([*arguments, "--seed", "7"]) == len(fault)
    said = capsys.readouterr().out
    assert len(re.findall(rf"^seed 7, .*: {share} histories, ", said, re.MULTILINE)) == labs
    assert said.count("a history, drawn") == labs * len(fault)
    total = said.splitlines()[-1]
    assert total.startswith(f"{labs * share} histories, ")
    assert f" {labs * len(fault)} faults, " in total
