"""Records that are only ever added, and read in the order of their numbers."""

import sqlite3
from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from itertools import chain
from typing import ClassVar, Generic, TypeVar

from certgate_certs.registry.database import Database, Statement

_Record = TypeVar("_Record")
_AT_ONCE = 500
"""Records a statement writes; SQLite knows at most 32,766 parameters."""


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
        parts = range(0, len(records), _AT_ONCE)
        await self._database.record([self._insert(records[at : at + _AT_ONCE]) for at in parts])

    def _insert(self, records: Sequence[_Record]) -> Statement:
        places = ", ".join("?" * (self.columns.count(",") + 1))
        rows = ", ".join([f"({places})"] * len(records))
        in_time = "" if self.era is None else f" WHERE {self.era:d} = (SELECT number FROM era)"
        sql = f"INSERT INTO {self.table} ({self.columns}) SELECT * FROM (VALUES {rows}){in_time}"
        return sql, tuple(chain.from_iterable(map(self._to_row, records)))

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
