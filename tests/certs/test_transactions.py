"""Transactions: whole or absent, whoever fails or is cancelled."""

import asyncio
import contextlib
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from certgate_certs.registry import RegistryUnavailable, database
from certgate_certs.registry.database import Database

INSERT = "INSERT INTO registration_code (code, instance_id) VALUES (?, 'i')"


@pytest.fixture
async def opened(registry_file: Path) -> AsyncIterator[Database]:
    """Open the file of a new registry."""
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


async def test_a_lock_that_is_never_released(
    registry_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A writer elsewhere that does not end is waited for, then the file is called unavailable."""
    monkeypatch.setattr(database, "_BUSY_SECONDS", 0.05)
    opened = await Database.open(registry_file)
    with contextlib.closing(sqlite3.connect(registry_file, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(RegistryUnavailable, match="locked"):
            await write(opened, "a")
    await write(opened, "b")
    assert await codes(opened) == ["b"]
    await opened.close()


async def test_a_disk_that_is_full(opened: Database) -> None:
    """Nothing of a transaction remains where there is no room; smaller ones go on."""
    await opened.fetch("PRAGMA max_page_count = 1")
    with pytest.raises(RegistryUnavailable, match="full"):
        await write(opened, "x" * 1_000_000)
    await write(opened, "b")
    assert await codes(opened) == ["b"]


async def test_a_statement_that_cannot_be_read(opened: Database) -> None:
    """A read that fails is told in a sentence."""
    with pytest.raises(RegistryUnavailable, match="no such table"):
        await opened.fetch("SELECT * FROM absent")
