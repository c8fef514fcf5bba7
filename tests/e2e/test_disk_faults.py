"""A full disk, a read-only directory, a locked database: a clear error, and nobody is admitted.

The disk is full by ``RLIMIT_FSIZE``: the kernel refuses what a process writes behind a file's end.
That takes neither a mount nor root, it can begin and end while the process runs, and SQLite meets
it where it would meet a full disk. Directories are read-only by their mode; to bind root by it, a
capability is taken from the process.
"""

import contextlib
import itertools
import os
import shutil
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from e2e.disk_trouble import BOUND, DEVICES, House, answer, locked
from e2e.support import Lab, environment, wait_until
from proofs.asking import (
    ACTIVE,
    ADMITTED,
    INACTIVE,
    UNAVAILABLE,
    devices_total,
    own_door,
    statuses,
)
from proofs.servers import Arrangement

INTERNAL_ERROR = (500, "InternalError")
SIDES = ("both", "api", "broker")
SDK_PATIENCE = 10.0
"""Seconds for which the official SDK waits for an answer unless it is told otherwise."""


@contextlib.contextmanager
def lab_of(folder: Path, side: str) -> Iterator[House]:
    """Run a lab in one process, "whole", or in two, "api" and "broker"; it stops as it should."""
    state = folder / "state"
    with Arrangement(state) as processes:
        processes.suit(side)
        yield House.build(state, processes)


@pytest.fixture(scope="module", autouse=True)
def unmeasured() -> Iterator[None]:
    """Ask nobody who cannot write to write down which lines have run."""
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("COVERAGE")]:
            patch.delenv(name)
        yield


@pytest.fixture(scope="module", params=["whole", "broker"], ids=["one process", "two processes"])
def processes(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Arrangement]:
    """Run a lab in one process and in two; each trouble has to leave it well for the next."""
    with Arrangement(tmp_path_factory.mktemp("lab") / "state") as arranged:
        arranged.suit(request.param)
        yield arranged


@pytest.fixture
def house(processes: Arrangement) -> House:
    """Empty the lab and build a house in it."""
    empty(processes.lab)
    processes.complaints()
    return House.build(processes.lab.folder / "state", processes)


def empty(lab: Lab) -> None:
    """Let a lab forget everything."""
    asked = urllib.request.Request(f"{lab.ready['api_url']}/_certgate/reset", method="POST")
    with urllib.request.urlopen(asked) as reply:
        assert reply.status == 200


def assert_well(house: House) -> None:
    """Admit devices, known and new, and make a change, all in the processes that were started."""
    wait_until(lambda: house.knock("known-0") == ADMITTED, "a known device to be admitted")
    assert house.knock("new-0") == ADMITTED
    assert devices_total(house.lab, house.sn) == DEVICES + 1
    house.lab.inactivate(house.sn)
    assert statuses(house.lab) == {house.sn: INACTIVE}


def test_full_disk_is_told(house: House) -> None:
    """Every call that changes anything is InternalError and changes nothing; others go on."""
    with house.full_disk():
        answers = {name: answer(call) for name, call in house.changes().items()}
        assert answers == dict.fromkeys(answers, INTERNAL_ERROR)
        assert statuses(house.lab) == {house.sn: ACTIVE}
        assert devices_total(house.lab, house.sn) == DEVICES
        assert own_door(house.lab, "health")[0] == 200
    assert_well(house)


def test_full_disk_admits_nobody(house: House) -> None:
    """Not even the first device, known or new: its decision could not be recorded."""
    with house.full_disk():
        codes = {name: house.knock(name) for name in house.devices}
        assert codes == dict.fromkeys(codes, UNAVAILABLE)
        assert devices_total(house.lab, house.sn) == DEVICES
    assert_well(house)
    told = [r for r in house.lab.decisions() if r["reasons"] == ["registry_unavailable"]]
    assert {record["client_id"] for record in told} == set(house.devices)


def test_full_disk_and_the_labs_own_door(house: House) -> None:
    """Records that cannot be complete are refused, with a sentence in the log and no traceback."""
    with house.full_disk():
        house.knock("known-0")
        status, body = own_door(house.lab, "decisions")
        assert (status, body["Code"]) == (503, "RegistryUnavailable")
        assert "cannot be" in body["Message"]
    assert_well(house)
    said = "\n".join(house.processes.complaints())
    assert "cannot be used" in said
    assert "Traceback" not in said


def test_stop_while_the_disk_is_full(tmp_path: Path) -> None:
    """It stops as ever, and what was answered is there."""
    with lab_of(tmp_path, "whole") as house:
        with house.full_disk():
            answer(lambda: house.lab.inactivate(house.sn))
            house.processes.stop()
        assert "Traceback" not in "\n".join(house.processes.complaints())
        house.processes.start("whole")
        assert_well(house)


def refusal(state: Path, *options: str, prefix: Sequence[str] = ()) -> str:
    """Start a serve that has to give up; give the one sentence it says."""
    serve = [sys.executable, "-m", "certgate_controlplane", "serve", "--state-dir", str(state)]
    ended = subprocess.run(
        [*prefix, *serve, "--api-port", "0", "--mqtts-port", "0", *options],
        env=environment(),
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )
    assert (ended.returncode, ended.stdout) == (1, "")
    assert ended.stderr.startswith("certgate: ")
    assert ended.stderr.count("\n") == 1, ended.stderr
    assert str(state) in ended.stderr
    return ended.stderr


def limited(size: int) -> Sequence[str]:
    """Run a program that can make no file longer than this."""
    source = "import os, resource, sys; resource.setrlimit(resource.RLIMIT_FSIZE, ({0}, {0}))"
    return (sys.executable, "-c", f"{source.format(size)}; os.execv(sys.argv[1], sys.argv[1:])")


def test_start_on_a_full_disk(tmp_path: Path) -> None:
    """Without room for the registry, or for anything, it says so; with room it starts whole."""
    state = tmp_path / "state"
    for size in (0, 100, 16_384):
        refusal(state, prefix=limited(size))
    with lab_of(tmp_path, "whole") as house:
        assert_well(house)
    assert (state / ".gitignore").read_text() == "*\n"


@pytest.fixture(scope="module")
def stopped(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make the state directory of a lab that has stopped."""
    folder = tmp_path_factory.mktemp("stopped")
    with lab_of(folder, "whole"):
        pass
    return folder / "state"


@pytest.fixture
def state(stopped: Path, tmp_path: Path) -> Path:
    """Make a copy of it."""
    return Path(shutil.copytree(stopped, tmp_path / "state"))


def refusals(state: Path, *prefixes: Sequence[str], sides: Sequence[str] = SIDES) -> set[str]:
    """Start every side with every prefix, all at once; give the sentences they say."""
    given = list(itertools.product(prefixes, sides))
    with ThreadPoolExecutor(len(given)) as several:
        return set(several.map(lambda one: refusal(state, "--only", one[1], prefix=one[0]), given))


def test_start_again_on_a_full_disk(state: Path) -> None:
    """A registry that cannot be written is left as it is, whichever side would start."""
    before = (state / "registry.db").read_bytes()
    refusals(state, limited(0), limited(16_384))
    assert (state / "registry.db").read_bytes() == before
    with Arrangement(state) as processes:
        processes.suit("api")
        assert devices_total(processes.lab) == DEVICES


@contextlib.contextmanager
def read_only(*paths: Path) -> Iterator[None]:
    """Let nobody write for the length of the block."""
    modes = [path.stat().st_mode for path in paths]
    try:
        for path, mode in zip(paths, modes, strict=True):
            path.chmod(mode & ~0o222)
        yield
    finally:
        for path, mode in zip(paths, modes, strict=True):
            path.chmod(mode)


def test_start_in_a_read_only_directory(tmp_path: Path) -> None:
    """A directory in which nothing can be made is named, and so is one that cannot be made."""
    state = tmp_path / "state"
    state.mkdir()
    with read_only(state):
        refusal(state, prefix=BOUND)
        refusal(state / "inner", prefix=BOUND)
    assert list(state.iterdir()) == []


@pytest.mark.parametrize("what", ["directory", "file", "both"])
def test_start_over_a_read_only_registry(state: Path, what: str) -> None:
    """A registry that can be read and not written is refused, whichever side would start."""
    file = state / "registry.db"
    with read_only(*{"directory": [state], "file": [file], "both": [state, file]}[what]):
        assert all("readonly" in said for said in refusals(state, BOUND))


def test_directory_that_becomes_read_only(tmp_path: Path) -> None:
    """A lab that runs has its files open: it goes on, and what it answers is there after a kill."""
    with lab_of(tmp_path, "whole") as house:
        with read_only(house.state, house.state / "registry.db"):
            assert_well(house)
            house.processes.kill("whole")
        house.processes.start("whole")
        assert statuses(house.lab) == {house.sn: INACTIVE}


def test_locked_database_is_told(house: House) -> None:
    """Calls that change anything are answered in time, and nobody comes in, all asking at once.

    Neither a known device nor a new one is admitted while its decision cannot be recorded.
    """
    calls = house.changes()
    with house.locked(), ThreadPoolExecutor(len(calls) + len(house.devices)) as several:
        began = time.monotonic()
        codes = several.map(house.knock, house.devices)
        answers = dict(zip(calls, several.map(answer, calls.values()), strict=True))
        took = time.monotonic() - began
        knocked = dict(zip(house.devices, codes, strict=True))
    assert answers == dict.fromkeys(answers, INTERNAL_ERROR)
    assert knocked == dict.fromkeys(knocked, UNAVAILABLE)
    assert took < SDK_PATIENCE
    assert statuses(house.lab) == {house.sn: ACTIVE}
    assert devices_total(house.lab, house.sn) == DEVICES
    assert_well(house)


def test_locked_database_can_be_read(house: House) -> None:
    """Calls that only read do not wait behind those that cannot write."""
    change = house.changes()["GetRegisterCode"]
    with ThreadPoolExecutor() as several, house.locked():
        waiting = [several.submit(answer, change) for _ in range(DEVICES)]
        began = time.monotonic()
        assert statuses(house.lab) == {house.sn: ACTIVE}
        assert time.monotonic() - began < 2
        assert not any(future.done() for future in waiting)
    assert {future.result() for future in waiting} == {(200, "")}


def test_start_over_a_locked_database(state: Path) -> None:
    """Somebody who never lets go is waited for, and then named."""
    with locked(state / "registry.db"):
        assert all("locked" in said for said in refusals(state, ()))
