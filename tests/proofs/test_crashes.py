"""The crash proof in short, and that it finds what it looks for.

The full proof has its own command, ``python tests/proofs/crashes.py``.
"""

import contextlib
import os
import random
import shutil
import sqlite3
import sys
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from certgate_certs.authority import CertificateAuthority
from proofs import crashes
from proofs.asking import ACTIVE, GONE, INACTIVE, Wrong, activate, own_door
from proofs.crash_aftermath import Aftermath, withdrawn
from proofs.crash_cast import Cast
from proofs.crash_stories import CaStory
from proofs.crash_visitors import Claim
from proofs.servers import Arrangement

FORGET_AN_INDEX = "DELETE FROM sqlite_schema WHERE name = 'client_identifier_by_device'"


@pytest.mark.proof
def test_what_was_answered_survives_sigkill(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Six kills: nothing answered is lost, nothing is half done, and the withdrawn are refused."""
    figures = crashes.prove(tmp_path, 6, 0)
    with capsys.disabled():
        crashes.report(figures, 0)
    assert figures.faults == []
    assert figures.kills == Counter(api=2, broker=2, whole=2)
    assert figures.refused_for.total() == 6
    assert figures.counts["calls answered"] > 60
    assert figures.counts["calls cut off"] > 0
    assert figures.counts["visits: new device"] > 12


@dataclass(frozen=True)
class Remains:
    """What a lab that has stopped leaves, and who had to do with it."""

    state: Path
    cast: Cast


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Remains:
    """Let everybody be answered once by a lab, and stop it."""
    state = tmp_path_factory.mktemp("lab") / "state"
    with Arrangement(state) as processes:
        processes.suit("whole")
        cast = Cast.engage(processes.lab, "seed")
        for player in (*cast.stories, *cast.visitors):
            player.step(processes.lab)
    return Remains(state, cast)


@pytest.fixture
def remains(original: Remains, tmp_path: Path) -> Remains:
    """Make a copy that may be spoilt."""
    return replace(original, state=Path(shutil.copytree(original.state, tmp_path / "state")))


def faults(remains: Remains, sql: str = "") -> str:
    """Spoil the registry and look at it."""
    aftermath = Aftermath(remains.state)
    assert list(aftermath.recorded()) == []
    with contextlib.closing(sqlite3.connect(remains.state / "registry.db")) as file:
        file.executescript(sql)
    found = [*aftermath.whole(), *aftermath.kept(remains.cast.claims()), *aftermath.recorded()]
    return "\n".join(found)


def test_nothing_is_wrong(remains: Remains) -> None:
    """What a lab leaves is whole."""
    assert len(list(remains.cast.claims())) == len(remains.cast.visitors)
    assert faults(remains) == ""


@pytest.mark.parametrize(
    ("sql", "told"),
    [
        ("UPDATE registration_code SET used = 0", "whose code is not used up"),
        ("DELETE FROM ca_certificate", "device certificates without a CA"),
        ("DELETE FROM device_certificate", "rows that refer to nothing"),
        ("DELETE FROM client_identifier", "without the client identifier"),
        ("DELETE FROM device_certificate", "client identifiers without a device"),
        ("DELETE FROM device_certificate", "was admitted and is not registered"),
        ("DELETE FROM decision WHERE id = 1", "decision records"),
        (f"PRAGMA writable_schema = 1; {FORGET_AN_INDEX}", "breaks in the file"),
    ],
)
def test_damage_is_found(remains: Remains, sql: str, told: str) -> None:
    """Each kind of thing half done or lost is named."""
    assert told in faults(remains, sql)


def test_answers_that_are_lost(remains: Remains) -> None:
    """A withdrawal that was answered and is undone is found, by the first device and the list."""
    ca, aftermath = remains.cast.cas[0], Aftermath(remains.state)
    lost = CaStory(random.Random(0), ca=ca.ca, devices=ca.devices)
    with Arrangement(remains.state) as processes:
        processes.suit("whole")
        lab = processes.lab
        lost.take(INACTIVE, lambda: lab.inactivate(lost.sn))
        (whom,) = withdrawn([lost], [])
        assert list(aftermath.refuse(lab, whom)) == []
        other = replace(whom, reasons=frozenset({"device_inactive"}))
        assert "is refused for ['ca_inactive']" in str(list(aftermath.refuse(lab, other)))
        activate(lab, lost.sn)
        assert "is answered 0 first of all" in str(list(aftermath.refuse(lab, whom)))
    assert not lost.find(ACTIVE)
    assert processes.complaints() == []


def test_totals_are_compared(remains: Remains) -> None:
    """What the API lists is held against the rows, which are read past it."""
    other = Path(shutil.copytree(remains.state, remains.state.with_name("other")))
    with contextlib.closing(sqlite3.connect(other / "registry.db")) as file:
        file.executescript("DELETE FROM device_certificate; DELETE FROM ca_certificate")
    with Arrangement(remains.state) as processes:
        processes.suit("api")
        assert list(Aftermath(remains.state).listed(processes.lab)) == []
        assert len(list(Aftermath(other).listed(processes.lab))) == 2


def test_number_of_a_killed_process_lives_on(remains: Remains) -> None:
    """A process may get the number of one that was killed, in a container always does; all goes on.

    Nobody waits for answers of the dead, so the lab's own door answers.
    """
    with Arrangement(remains.state) as processes:
        processes.suit("whole")
        killed = processes.servers["whole"].running.pid
        processes.kill("whole")
        with contextlib.closing(sqlite3.connect(remains.state / "registry.db")) as file, file:
            renumbered = "UPDATE broker_process SET pid = ? WHERE pid = ?"
            assert file.execute(renumbered, (os.getpid(), killed)).rowcount == 1
        processes.start("whole")
        assert own_door(processes.lab, "decisions")[0] == 200


def story() -> CaStory:
    """Make a story that nobody has begun."""
    return CaStory(random.Random(0), ca=CertificateAuthority.create_root("maker"), devices=[])


def broken() -> None:
    """Cut a call off."""
    raise ConnectionError


def test_either_state_may_be_found_after_a_cut() -> None:
    """What was answered and what was asked for are right; anything else is not."""
    for found, is_right in ((ACTIVE, True), (GONE, True), (INACTIVE, False)):
        cut = story()
        cut.take(ACTIVE, lambda: None)
        with pytest.raises(ConnectionError):
            cut.take(GONE, broken)
        assert cut.settled is None
        assert cut.find(found) is is_right
        assert (cut.answered, cut.possible) == (found, found)


def test_claims_end_with_the_registration() -> None:
    """A device need not be registered any more once somebody has begun to delete its CA."""
    ca = story()
    ca.find(ACTIVE)
    assert ca.life is not None
    claim, forever = Claim("00", ca, ca.life), Claim("01", None, 0)
    assert claim.stands()
    ca.find(GONE)
    ca.find(ACTIVE)
    assert not claim.stands()
    assert forever.stands()


def test_faults_end_the_command_with_1(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The command prints what was wrong and says so by its exit status."""
    figures = crashes.Figures(ages=[0], restarts=[0])
    monkeypatch.setattr(crashes, "prove", lambda *_: figures)
    monkeypatch.setattr(sys, "argv", ["crashes.py", "--kills", "0"])
    assert crashes.main() == 0
    figures.faults.append("a registration is lost")
    assert crashes.main() == 1
    assert "a registration is lost" in capsys.readouterr().out


def test_trouble_is_told(original: Remains, monkeypatch: pytest.MonkeyPatch) -> None:
    """An answer that nothing explains is a fault, the end of a connection is none."""
    player = original.cast.visitors[0]
    for end, told in ((Wrong("odd"), ["Wrong: odd"]), (None, [])):
        monkeypatch.setattr(player, "end", end)
        assert list(original.cast.trouble()) == told
