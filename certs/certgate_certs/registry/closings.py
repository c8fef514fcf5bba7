"""Closings: live connections that were ended because their CA or device was withdrawn."""

import sqlite3
from collections.abc import Sequence
from dataclasses import astuple

from certgate_certs.registry.database import Database
from certgate_certs.rows import Cause, Closing

_COLUMNS = "at, instance_id, client_id, ca_sn, device_sn, cause"


class Closings:
    """Keeps records of closings.

    Args:
        database: the registry's file.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    async def append(self, closings: Sequence[Closing]) -> None:
        """Write records, all in one transaction.

        Args:
            closings: in the order in which they happened.
        """
        async with self._database.transaction() as connection:
            await connection.executemany(
                f"INSERT INTO closing ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?)",
                map(astuple, closings),
            )

    async def since(self, number: int, limit: int) -> list[tuple[int, Closing]]:
        """Read records in the order in which they were written.

        Args:
            number: records up to and including this number are passed over; 0 for none.
            limit: how many to give at most.

        Returns:
            Each record with its number.
        """
        rows = await self._database.fetch(
            f"SELECT id, {_COLUMNS} FROM closing WHERE id > ? ORDER BY id LIMIT ?", number, limit
        )
        return [(row[0], _from_row(row)) for row in rows]


def _from_row(row: sqlite3.Row) -> Closing:
    values = list(row[1:])
    values[5] = Cause(values[5])
    return Closing(*values)
