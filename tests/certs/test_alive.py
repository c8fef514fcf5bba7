"""Who shares the registry and is alive."""

import contextlib
import errno
import fcntl
import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from certgate_certs.registry import RegistryUnavailable
from certgate_certs.registry.alive import Lives


@pytest.fixture
def here(registry_file: Path) -> Iterator[Lives]:
    """Give the lives of one process; afterwards no descriptor of them is left."""
    before = open_files()
    lives = Lives(registry_file)
    yield lives
    lives.end_all()
    assert open_files() == before


@pytest.fixture
def there(registry_file: Path) -> Iterator[Lives]:
    """Give those of another, which shares nothing with the first but the folder."""
    lives = Lives(registry_file)
    yield lives
    lives.end_all()


def open_files() -> int:
    """Count the files of this kind that the process has open; others come and go."""
    found = 0
    for descriptor in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(OSError):
            found += "-alive-" in descriptor.readlink().name
    return found


def names(registry_file: Path) -> set[str]:
    """Name what lies beside the registry."""
    return {file.name for file in registry_file.parent.iterdir()}


def die(lives: Lives) -> None:
    """End as the kernel ends a process: its descriptors are closed, and nothing else is done."""
    while lives._held:  # noqa: SLF001  nobody ends so in one process
        os.close(lives._held.popitem()[1])  # noqa: SLF001  likewise


def test_alive_until_the_end(here: Lives, there: Lives, registry_file: Path) -> None:
    """A life is seen from both sides, ends once, and leaves no file."""
    first, second = here.begin(), here.begin()
    assert [lives.is_alive(first) for lives in (here, there)] == [True, True]
    assert names(registry_file) == {f"registry.db-alive-{n}" for n in (first, second)}
    here.end(first)
    here.end(first)
    assert [lives.is_alive(first) for lives in (here, there)] == [False, False]
    assert there.is_alive(second)
    here.end_all()
    assert names(registry_file) == set()


def test_nobody_ever_lived_under_a_number(here: Lives) -> None:
    """A number that was never given is nobody's."""
    assert not here.is_alive(1)


def test_file_is_its_owners(here: Lives, registry_file: Path) -> None:
    """Nobody else can lock the file, and so hold up the next who begins."""
    here.begin()
    (file,) = registry_file.parent.iterdir()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_death_is_seen(here: Lives, there: Lives, registry_file: Path) -> None:
    """Who has died is not alive, and whoever looks removes what is left."""
    number = there.begin()
    die(there)
    assert names(registry_file) != set()
    assert not here.is_alive(number)
    assert names(registry_file) == set()


def test_beginning_clears_away(here: Lives, there: Lives, registry_file: Path) -> None:
    """Who begins removes the files of the dead, those of the living and others stay."""
    registry_file.touch()
    there.begin()
    die(there)
    living = there.begin()
    number = here.begin()
    files = {f"registry.db-alive-{each}" for each in (living, number)}
    assert names(registry_file) == {"registry.db", *files}
    assert there.is_alive(number)
    assert here.is_alive(living)


def test_several_look_at_once(here: Lives, there: Lives, registry_file: Path) -> None:
    """One who is looking is not taken for one who is alive."""
    number = there.begin()
    die(there)
    with (registry_file.parent / f"registry.db-alive-{number}").open() as file:
        fcntl.flock(file, fcntl.LOCK_SH)
        assert not here.is_alive(number)


def test_cleared_away_too_soon(
    here: Lives, there: Lives, registry_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file that is removed between its making and its lock is made anew."""
    lock = fcntl.flock

    def be_slow(descriptor: int, kind: int) -> None:
        monkeypatch.setattr(fcntl, "flock", lock)
        for file in registry_file.parent.iterdir():
            file.unlink()
        lock(descriptor, kind)

    monkeypatch.setattr(fcntl, "flock", be_slow)
    assert there.is_alive(here.begin())


def test_cannot_be_looked_at(here: Lives, there: Lives, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where it cannot be told, nobody is taken for dead."""

    def fail(*_: object) -> int:
        raise PermissionError(errno.EACCES, "Permission denied")

    number = there.begin()
    die(there)
    with monkeypatch.context() as patched:
        patched.setattr(os, "open", fail)
        assert here.is_alive(number)
    assert not here.is_alive(number)


@pytest.mark.parametrize(("module", "function"), [(os, "open"), (fcntl, "flock")])
def test_cannot_begin(
    here: Lives, module: object, function: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A disk that takes no further file is a sentence that names it."""

    def fail(*_: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(module, function, fail)
        with pytest.raises(RegistryUnavailable, match=r"registry\.db-alive-\d+ .*: No space left"):
            here.begin()


def test_file_cannot_be_removed(
    here: Lives, there: Lives, registry_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a folder that has become read-only the lock tells, whatever lies there."""

    def fail(_: Path) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    number = there.begin()
    with monkeypatch.context() as patched:
        patched.setattr(Path, "unlink", fail)
        there.end(number)
        assert not here.is_alive(number)
        assert names(registry_file) == {f"registry.db-alive-{number}"}
