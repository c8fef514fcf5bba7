"""Open connections to the registry's file.

WAL lets readers go on while somebody writes, in this process or another.
"""

import contextlib
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path

import aiosqlite

from certgate_certs.registry.errors import RegistryUnavailable

LASTING = "PRAGMA synchronous = FULL"
"""For what has to survive the machine once it is committed."""
RECORDING = "PRAGMA synchronous = NORMAL"
"""For what has to survive the process, but may be lost with the machine."""
READING = "PRAGMA query_only = ON"
"""For reads that wait for nobody who writes."""

# Twice this long a call may wait, behind another one and then by itself; SDKs give up after 10 s.
_BUSY_SECONDS = 4.0
_RETRY_SECONDS = 0.01
_PRAGMAS = ("PRAGMA journal_mode = WAL", "PRAGMA foreign_keys = ON")


async def opened(path: Path, use: str) -> aiosqlite.Connection:
    """Open a connection with a thread of its own.

    Args:
        path: the registry file.
        use: `LASTING`, `RECORDING` or `READING`.

    Raises:
        sqlite3.Error: the file cannot be used.
    """
    connection = await aiosqlite.connect(path, isolation_level=None, timeout=_BUSY_SECONDS)
    try:
        for pragma in (*_PRAGMAS, use):
            await connection.execute(pragma)
    except BaseException:
        await connection.close()
        raise
    return connection


@contextlib.contextmanager
def translated(path: Path) -> Iterator[None]:
    """Say what SQLite complains of in a sentence that names the file.

    Args:
        path: the registry file.

    Raises:
        RegistryUnavailable: in place of any `sqlite3.Error` of the block.
    """
    try:
        yield
    except sqlite3.Error as error:
        raise RegistryUnavailable(f"the registry {path} cannot be used: {error}") from error


def connect(path: Path) -> sqlite3.Connection:
    """Open a plain connection with the registry's settings.

    Args:
        path: the registry file.

    Raises:
        sqlite3.Error: the file cannot be used.
    """
    connection = sqlite3.connect(path, isolation_level=None, timeout=_BUSY_SECONDS)
    try:
        _change_to_wal(connection)
        for pragma in _PRAGMAS:
            connection.execute(pragma)
    except sqlite3.Error:
        connection.close()
        raise
    return connection


def _change_to_wal(connection: sqlite3.Connection) -> None:
    # SQLite does not wait here: where two processes make the change at once, one fails at once.
    give_up = time.monotonic() + _BUSY_SECONDS
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > give_up:
                raise
            time.sleep(_RETRY_SECONDS)
        else:
            return
