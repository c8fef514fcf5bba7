"""Decision records: what became of each connection attempt, and why."""

import sqlite3
from collections.abc import Iterable, Sequence

from certgate_certs.registry.database import Database
from certgate_certs.rows import DecisionRecord

_COLUMNS = (
    "at, instance_id, client_id, remote_address, tls_version, resumed, subject, ca_sn, device_sn,"
    " accepted, reasons, detail"
)
_PLACES = ", ".join("?" * (_COLUMNS.count(",") + 1))


class DecisionRecords:
    """Keeps decision records.

    Args:
        database: the registry's file.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    async def append(self, records: Sequence[DecisionRecord]) -> None:
        """Write records, all in one transaction.

        Args:
            records: in the order in which they were decided.
        """
        async with self._database.transaction() as connection:
            await connection.executemany(
                f"INSERT INTO decision ({_COLUMNS}) VALUES ({_PLACES})",
                map(_to_row, records),
            )

    async def since(self, number: int, limit: int) -> list[tuple[int, DecisionRecord]]:
        """Read records in the order in which they were decided.

        Args:
            number: records up to and including this number are passed over; 0 for none.
            limit: how many to give at most.

        Returns:
            Each record with its number.
        """
        rows = await self._database.fetch(
            f"SELECT id, {_COLUMNS} FROM decision WHERE id > ? ORDER BY id LIMIT ?",
            number,
            limit,
        )
        return [(row[0], _from_row(row)) for row in rows]


def _to_row(record: DecisionRecord) -> Iterable[object]:
    return (
        record.at,
        record.instance_id,
        record.client_id,
        record.remote_address,
        record.tls_version,
        record.resumed,
        record.subject,
        record.ca_sn,
        record.device_sn,
        record.accepted,
        " ".join(record.reasons),
        record.detail,
    )


def _from_row(row: sqlite3.Row) -> DecisionRecord:
    values = list(row[1:])
    values[5], values[9] = bool(values[5]), bool(values[9])
    values[10] = tuple(values[10].split())
    return DecisionRecord(*values)
