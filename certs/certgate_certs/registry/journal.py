"""Records that are only ever added, and read in the order of their numbers."""

import sqlite3
from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from typing import ClassVar, Generic, TypeVar

from certgate_certs.registry.database import Database

_Record = TypeVar("_Record")


class Journal(ABC, Generic[_Record]):
    """One table of records.

    Args:
        database: the registry's file.

    Attributes:
        table: its name.
        columns: its columns beside the number, comma-separated.
        era: the only era of the registry that records are for; None for any. Records that come
            too late for theirs are dropped: a reset has forgotten what they tell of.
    """

    table: ClassVar[str]
    columns: ClassVar[str]
    era: int | None = None

    def __init__(self, database: Database) -> None:
        self._database = database

    @abstractmethod
    def _to_row(self, record: _Record) -> Iterable[object]:
        """Write a record's columns."""

    @abstractmethod
    def _from_row(self, row: sqlite3.Row) -> _Record:
        """Make the record of a row that begins with its number."""

    async def append(self, records: Sequence[_Record]) -> None:
        """Write records, all in one transaction.

        Args:
            records: in the order in which they came about.
        """
        places = ", ".join("?" * (self.columns.count(",") + 1))
        in_time = "" if self.era is None else f" WHERE {self.era:d} = (SELECT number FROM era)"
        async with self._database.transaction() as connection:
            await connection.executemany(
                f"INSERT INTO {self.table} ({self.columns}) SELECT {places}{in_time}",
                map(self._to_row, records),
            )

    async def since(self, number: int, limit: int) -> list[tuple[int, _Record]]:
        """Read records in the order in which they were written.

        Args:
            number: records up to and including this number are passed over; 0 for none.
            limit: how many to give at most.

        Returns:
            Each record with its number.
        """
        rows = await self._database.fetch(
            f"SELECT id, {self.columns} FROM {self.table} WHERE id > ? ORDER BY id LIMIT ?",
            number,
            limit,
        )
        return [(row[0], self._from_row(row)) for row in rows]
