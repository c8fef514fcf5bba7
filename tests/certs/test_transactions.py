"""Transactions: whole or absent, whoever fails or is cancelled."""

import asyncio
import contextlib
import sqlite3
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from certgate_certs.registry import RegistryUnavailable, connections
from certgate_certs.registry.database import Database

INSERT = "INSERT INTO registration_code (code, instance_id) VALUES (?, 'i')"


@pytest.fixture
async def opened(registry_file: Path) -> AsyncIterator[Database]:
    """Open the file of a new registry."""
    made = await Database.open(registry_file)
    yield made
    await made.close()


@pytest.fixture
async def impatient(
    registry_file: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Database]:
    """Open it so that it waits for other writers only a moment."""
    monkeypatch.setattr(connections, "_BUSY_SECONDS", 0.05)
    made = await Database.open(registry_file)
    yield made
    await made.close()


async def codes(opened: Database) -> list[str]:
    """Read what was committed."""
    return [row[0] for row in await opened.fetch("SELECT code FROM registration_code")]


async def write(opened: Database, code: str, inside: asyncio.Event | None = None) -> None:
    """Write a code in a transaction; where asked to, wait inside of it for ever."""
    async with opened.transaction() as connection:
        await connection.execute(INSERT, (code,))
        if inside is not None:
            inside.set()
            await asyncio.Event().wait()


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """Let somebody else write, for the length of the block."""
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield


async def steps(task: asyncio.Task[None], number: int) -> None:
    """Let the loop turn a number of times, or until the task is done."""
    for _ in range(number):
        if not task.done():
            await asyncio.sleep(0)


async def test_committed(opened: Database, registry_file: Path) -> None:
    """What the block wrote is there for everybody once it has ended."""
    await write(opened, "a")
    with contextlib.closing(sqlite3.connect(registry_file)) as other:
        assert other.execute("SELECT code FROM registration_code").fetchall() == [("a",)]


async def test_undone_by_an_exception(opened: Database) -> None:
    """An exception leaves nothing behind and comes out as it is."""

    async def failing() -> None:
        async with opened.transaction() as connection:
            await connection.execute(INSERT, ("a",))
            raise LookupError("mine")

    with pytest.raises(LookupError, match="mine"):
        await failing()
    await write(opened, "b")
    assert await codes(opened) == ["b"]


async def test_undone_by_the_database(opened: Database) -> None:
    """A statement that fails is named in a sentence with the file."""
    await write(opened, "a")

    async def twice() -> None:
        async with opened.transaction() as connection:
            await connection.execute(INSERT, ("b",))
            await connection.execute(INSERT, ("a",))

    with pytest.raises(RegistryUnavailable, match=f"{opened.path}.*UNIQUE"):
        await twice()
    assert await codes(opened) == ["a"]


async def test_undone_by_cancellation_inside(opened: Database) -> None:
    """A task that is cancelled in the middle leaves nothing behind."""
    inside = asyncio.Event()
    task = asyncio.create_task(write(opened, "a", inside))
    await inside.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await write(opened, "b")
    assert await codes(opened) == ["b"]


@pytest.mark.parametrize("turns", range(1, 40))
async def test_cancelled_at_any_moment(opened: Database, turns: int) -> None:
    """Wherever it is cancelled, BEGIN and COMMIT included, the next one can write."""
    task = asyncio.create_task(write(opened, "a"))
    await steps(task, turns)
    task.cancel()
    outcome = (await asyncio.gather(task, return_exceptions=True))[0]
    assert outcome is None or isinstance(outcome, asyncio.CancelledError)
    await asyncio.wait_for(write(opened, "b"), 10)
    assert await codes(opened) in (["a", "b"], ["b"])


async def test_cancelled_while_somebody_else_writes(opened: Database, registry_file: Path) -> None:
    """A task that is cancelled while it waits for another writer's end holds no lock later."""
    with contextlib.closing(sqlite3.connect(registry_file, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        task = asyncio.create_task(write(opened, "a"))
        await steps(task, 5)
        task.cancel()
        await steps(task, 5)
        other.execute("ROLLBACK")
        with pytest.raises(asyncio.CancelledError):
            await task
        other.execute(INSERT, ("b",))
    assert await codes(opened) == ["b"]


async def test_one_after_the_other(opened: Database) -> None:
    """Many writers at once in one process wait for each other."""
    await asyncio.gather(*(write(opened, f"{number:02}") for number in range(20)))
    assert sorted(await codes(opened)) == [f"{number:02}" for number in range(20)]


async def test_a_lock_that_is_never_released(impatient: Database) -> None:
    """A writer elsewhere that does not end is waited for, then the file is called unavailable."""
    with locked(impatient.path), pytest.raises(RegistryUnavailable, match="locked"):
        await write(impatient, "a")
    await write(impatient, "b")
    assert await codes(impatient) == ["b"]


async def test_who_waits_in_vain_does_so_for_all(impatient: Database) -> None:
    """However many want to write to a locked file, the first waits, and all give up with it."""
    asked: list[str] = []
    async with impatient.transaction() as connection:
        await connection.set_trace_callback(asked.append)
    with locked(impatient.path):
        tasks = [asyncio.create_task(write(impatient, str(number))) for number in range(20)]
        ends = await asyncio.gather(*tasks, return_exceptions=True)
    assert [type(end) for end in ends] == [RegistryUnavailable] * 20
    assert all(str(impatient.path) in str(end) and "locked" in str(end) for end in ends)
    assert asked.count("BEGIN IMMEDIATE") == 1
    await write(impatient, "b")
    assert await codes(impatient) == ["b"]


async def test_reads_wait_for_nobody_who_writes(opened: Database, registry_file: Path) -> None:
    """What was committed can be read while the file is locked and somebody waits for it."""
    await write(opened, "a")
    with locked(registry_file):
        task = asyncio.create_task(write(opened, "b"))
        await steps(task, 5)
        assert await codes(opened) == ["a"]
        assert not task.done()
    await task
    assert await codes(opened) == ["a", "b"]


async def test_reads_see_what_this_process_has_not_committed_no_sooner(opened: Database) -> None:
    """A read beside a transaction sees what was before it, and behind it all of it."""
    inside = asyncio.Event()
    task = asyncio.create_task(write(opened, "a", inside))
    await inside.wait()
    assert await codes(opened) == []
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    for number in range(20):
        await write(opened, f"{number:02}")
        assert len(await codes(opened)) == number + 1


async def test_reads_write_nothing(opened: Database) -> None:
    """A read that would write is refused."""
    with pytest.raises(RegistryUnavailable, match="readonly"):
        await opened.fetch(INSERT, "a")


async def test_a_disk_that_is_full(opened: Database) -> None:
    """Nothing of a transaction remains where there is no room; smaller ones go on."""
    async with opened.transaction() as connection:
        await connection.execute("PRAGMA max_page_count = 1")
    with pytest.raises(RegistryUnavailable, match="full"):
        await write(opened, "x" * 1_000_000)
    await write(opened, "b")
    assert await codes(opened) == ["b"]


async def test_a_statement_that_cannot_be_read(opened: Database) -> None:
    """A read that fails is told in a sentence."""
    with pytest.raises(RegistryUnavailable, match="no such table"):
        await opened.fetch("SELECT * FROM absent")
