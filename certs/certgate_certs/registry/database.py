"""The registry's file: written by one at a time, read beside it.

An operation answers after its commit, and what was answered must survive the machine, too. Records
survive this process, and nobody waits for the disk.
"""

import asyncio
import contextlib
import sqlite3
from collections.abc import AsyncIterator, Iterator, Sequence
from pathlib import Path
from typing import Any

import aiosqlite

from certgate_certs.registry.alive import Lives
from certgate_certs.registry.connections import (
    LASTING,
    READING,
    RECORDING,
    connect,
    opened,
    translated,
)
from certgate_certs.registry.errors import RegistryUnavailable
from certgate_certs.registry.migrations import MIGRATIONS, migrate

Statement = tuple[str, Sequence[object]]
"""SQL with its parameters."""

WITHDRAWN = "UPDATE withdrawal SET number = number + 1"
"""Goes with every change after which somebody may have lost a right; brokers look at it."""


class Database:
    """One registry file.

    Args:
        path: where the file is.
        writer: takes what has to survive the machine, and the reads that belong to it.
        scribe: takes records.
        reader: takes the other reads, which wait for nobody who writes.

    Attributes:
        lives: tell which processes that share the file are alive.
        remains: set when a CA was deleted that has left devices behind, and at first.
    """

    def __init__(
        self,
        path: Path,
        writer: aiosqlite.Connection,
        scribe: aiosqlite.Connection,
        reader: aiosqlite.Connection,
    ) -> None:
        self.path = path
        self.lives = Lives(path)
        self._writer, self._scribe, self._reader = writer, scribe, reader
        self.remains = asyncio.Event()
        self.remains.set()
        self._lock = asyncio.Lock()
        self._closed = False
        self._in_vain = 0

    @classmethod
    async def open(cls, path: Path) -> "Database":
        """Open a registry file, made or brought up to date where need be.

        Args:
            path: the file; its directory exists.

        Raises:
            RegistryTooNew: a newer certgate wrote it.
            RegistryUnavailable: it cannot be opened or written, or is no registry.
        """
        with translated(path):
            with contextlib.closing(connect(path)) as connection:
                migrate(connection)
                _try_to_write(connection)
            async with contextlib.AsyncExitStack() as stack:
                connections = []
                for use in (LASTING, RECORDING, READING):
                    connections.append(await opened(path, use))
                    stack.push_async_callback(connections[-1].close)
                stack.pop_all()
        return cls(path, *connections)

    async def close(self) -> None:
        """Let go of the file."""
        async with self._lock:
            self._closed = True
            self.lives.end_all()
            for connection in (self._reader, self._scribe, self._writer):
                await connection.close()

    @contextlib.asynccontextmanager
    async def transaction(
        self, through: aiosqlite.Connection | None = None
    ) -> AsyncIterator[aiosqlite.Connection]:
        """Write: what the block does is committed when it ends, or not at all when it fails.

        Args:
            through: the connection to use; None for the writer, whose commits survive the machine.

        Yields:
            The connection, inside ``BEGIN IMMEDIATE``.

        Raises:
            RegistryUnavailable: the file could not be written; nothing was.
        """
        connection = self._writer if through is None else through
        async with self._turn(), self._begun(connection):
            yield connection

    @contextlib.asynccontextmanager
    async def further(self) -> AsyncIterator[aiosqlite.Connection]:
        """Open one more connection for the length of the block, for long work beside the others.

        Yields:
            The connection; its commits survive this process.

        Raises:
            RegistryUnavailable: the file cannot be opened, or not be used.
        """
        with translated(self.path):
            connection = await opened(self.path, RECORDING)
            try:
                yield connection
            finally:
                await connection.close()

    async def record(self, statements: Sequence[Statement]) -> None:
        """Write records, all of them or none; on return they survive this process.

        Args:
            statements: each with its parameters.

        Raises:
            RegistryUnavailable: the file could not be written; nothing was.
        """
        if len(statements) == 1:  # A transaction by itself: one trip to the thread, not three.
            async with self._turn():
                await self._execute(self._scribe, *statements[0])
        else:
            async with self.transaction(self._scribe):
                for statement in statements:
                    await self._scribe.execute(*statement)

    async def fetch(self, sql: str, *arguments: object) -> list[sqlite3.Row]:
        """Read rows as they are committed now.

        Args:
            sql: one statement.
            arguments: its parameters.

        Raises:
            RegistryUnavailable: the file could not be read.
        """
        with self._open():
            return list(await self._reader.execute_fetchall(sql, arguments))

    async def page(
        self, total: str, rows: str, *arguments: object
    ) -> tuple[int, list[Sequence[Any]]]:
        """Read some rows and how many there are in all, as both are at one moment.

        Args:
            total: SQL that gives the number.
            rows: SQL that gives the rows, each of which begins with its own number.
            arguments: the parameters of the one, then those of the other.

        Returns:
            The number, and the rows in the order of theirs.

        Raises:
            RegistryUnavailable: the file could not be read.
        """
        sql = f"SELECT * FROM ({total}) LEFT JOIN ({rows}) ORDER BY 2"
        found: list[Sequence[Any]] = list(await self.fetch(sql, *arguments))
        return int(found[0][0]), [row[1:] for row in found if row[1] is not None]

    @contextlib.asynccontextmanager
    async def _turn(self) -> AsyncIterator[None]:
        """Wait for the writer; whoever waits for the file in vain does so for all behind it."""
        in_vain = self._in_vain
        async with self._lock:
            if self._in_vain > in_vain:
                raise RegistryUnavailable(
                    f"the registry {self.path} cannot be used: somebody keeps it locked"
                )
            with self._open():
                yield

    @contextlib.asynccontextmanager
    async def _begun(self, connection: aiosqlite.Connection) -> AsyncIterator[None]:
        # A statement goes on in its thread when the task that awaits it is cancelled, BEGIN and
        # COMMIT too: so what there is to undo can only be seen behind it, in that thread.
        try:
            await self._execute(connection, "BEGIN IMMEDIATE")
            yield
            await connection.execute("COMMIT")
        except BaseException:
            await connection.rollback()
            raise

    async def _execute(
        self, connection: aiosqlite.Connection, sql: str, arguments: Sequence[object] = ()
    ) -> None:
        try:
            await connection.execute(sql, arguments)
        except sqlite3.OperationalError as error:
            self._in_vain += error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY
            raise

    @contextlib.contextmanager
    def _open(self) -> Iterator[None]:
        if self._closed:
            raise RegistryUnavailable(f"the registry {self.path} is closed")
        with translated(self.path):
            yield


def _try_to_write(connection: sqlite3.Connection) -> None:
    # A file that may only be read is opened, and even locked, without a word.
    connection.execute("BEGIN IMMEDIATE")
    connection.execute(f"PRAGMA user_version = {len(MIGRATIONS)}")
    connection.execute("ROLLBACK")
