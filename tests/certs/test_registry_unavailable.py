"""Registry files that cannot be used."""

import asyncio
import contextlib
import sqlite3
from pathlib import Path
from typing import Any

import aiosqlite
import pytest

from certgate_certs.registry import Registry, RegistryUnavailable, connections
from certs.rows import INSTANCE


def schema_of(path: Path) -> list[str]:
    """Give the names of what a file holds."""
    with contextlib.closing(sqlite3.connect(path)) as connection:
        return [row[0] for row in connection.execute("SELECT name FROM sqlite_schema")]


class TestUnavailable:
    """Files that cannot be used."""

    async def test_no_directory(self, tmp_path: Path) -> None:
        """The sentence names the file."""
        path = tmp_path / "missing" / "registry.db"
        with pytest.raises(RegistryUnavailable, match=f"the registry {path} cannot be used"):
            await Registry.open(path)

    def test_a_directory_in_its_place(self, registry_file: Path) -> None:
        """A directory is no file."""
        registry_file.mkdir()
        with pytest.raises(RegistryUnavailable, match="unable to open"):
            asyncio.run(Registry.open(registry_file))

    def test_something_else_in_its_place(self, registry_file: Path) -> None:
        """A file that is no database is left as it is."""
        registry_file.write_bytes(b"a letter to somebody" * 100)
        with pytest.raises(RegistryUnavailable, match="not a database"):
            asyncio.run(Registry.open(registry_file))
        assert registry_file.read_bytes() == b"a letter to somebody" * 100

    async def test_a_change_that_another_process_makes(
        self, registry_file: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A new file that somebody else writes to is waited for, in steps."""
        with contextlib.closing(sqlite3.connect(registry_file, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            with monkeypatch.context() as patched:
                patched.setattr("time.sleep", lambda _: other.execute("ROLLBACK"))
                await (await Registry.open(registry_file)).close()

    async def test_a_change_that_is_never_possible(
        self, registry_file: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Where it takes too long, the file is called unavailable."""
        monkeypatch.setattr(connections, "_BUSY_SECONDS", 0.05)
        with contextlib.closing(sqlite3.connect(registry_file, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            with pytest.raises(RegistryUnavailable, match="locked"):
                await Registry.open(registry_file)

    async def test_no_room_for_the_schema(
        self, registry_file: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A disk that is full is called so, and nothing half-made remains."""
        pragmas = (*connections._PRAGMAS, "PRAGMA max_page_count = 4")  # noqa: SLF001  a full disk
        with monkeypatch.context() as patched:
            patched.setattr(connections, "_PRAGMAS", pragmas)
            with pytest.raises(RegistryUnavailable, match="full"):
                await Registry.open(registry_file)
        assert schema_of(registry_file) == []

    async def test_settings_that_cannot_be_made(
        self, registry_file: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The connection is let go of where the file fails at the last moment."""
        opened = []

        async def failing(self: aiosqlite.Connection, sql: str) -> None:
            opened.append(self)
            raise sqlite3.OperationalError("disk I/O error")

        with monkeypatch.context() as patched:
            patched.setattr(aiosqlite.Connection, "execute", failing)
            with pytest.raises(RegistryUnavailable, match="disk I/O error"):
                await Registry.open(registry_file)
        (connection,) = opened
        with pytest.raises(ValueError, match="no active connection"):
            await connection.execute("SELECT 1")

    @pytest.mark.parametrize("which", [1, 2])
    async def test_one_connection_that_cannot_be_opened(
        self, registry_file: Path, monkeypatch: pytest.MonkeyPatch, which: int
    ) -> None:
        """Whichever fails, none is left open."""
        opened: list[aiosqlite.Connection] = []
        usual = aiosqlite.connect

        def opening(*arguments: Any, **options: Any) -> aiosqlite.Connection:
            if len(opened) == which - 1:
                raise sqlite3.OperationalError("too many files")
            opened.append(usual(*arguments, **options))
            return opened[-1]

        monkeypatch.setattr(aiosqlite, "connect", opening)
        with pytest.raises(RegistryUnavailable, match="too many files"):
            await Registry.open(registry_file)
        assert len(opened) == which - 1
        for connection in opened:
            with pytest.raises(ValueError, match="no active connection"):
                await connection.execute("SELECT 1")

    async def test_a_file_that_may_only_be_read(
        self, registry_file: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """It is refused at once, before anybody writes to it."""
        await (await Registry.open(registry_file)).close()
        pragmas = (*connections._PRAGMAS, "PRAGMA query_only = ON")  # noqa: SLF001  root may write
        monkeypatch.setattr(connections, "_PRAGMAS", pragmas)
        with pytest.raises(RegistryUnavailable, match="readonly"):
            await Registry.open(registry_file)

    def test_opening_changes_nothing(self, registry_file: Path) -> None:
        """That a file can be written is found out without a trace."""

        async def look_in() -> bytes:
            await (await Registry.open(registry_file)).close()
            return registry_file.read_bytes()  # noqa: ASYNC240  nobody else is in this loop

        assert asyncio.run(look_in()) == asyncio.run(look_in())

    async def test_a_reader_that_cannot_be_opened(
        self, registry_file: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A registry opens as a whole or not at all; a left-over connection would be a warning."""

        def failing(path: Path) -> None:
            raise RegistryUnavailable(f"no reader for {path}")

        with monkeypatch.context() as patched:
            patched.setattr("certgate_certs.registry.StandingReader", failing)
            with pytest.raises(RegistryUnavailable, match="no reader"):
                await Registry.open(registry_file)
        await (await Registry.open(registry_file)).close()

    async def test_closed(self, registry: Registry) -> None:
        """A closed registry reads and writes no more; to close it again is no error."""
        await registry.close()
        with pytest.raises(RegistryUnavailable, match="closed"):
            await registry.codes.issue(INSTANCE)
        with pytest.raises(RegistryUnavailable, match="closed"):
            await registry.cas.page(INSTANCE, 0, 1)
        with pytest.raises(RegistryUnavailable, match="closed"):
            await registry.decisions.append([])  # Who has nothing to write learns of it, too.
        with pytest.raises(RegistryUnavailable, match="closed"), registry.standing.moment():
            pass
