"""Withdrawals that are seen later: the brokers' half.

A lagging reader is the ordinary one over views: temporary ones that have the tables' names and show
each row as it was for as long as `grace` says so.
"""

import contextlib
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

import aiosqlite

from certgate_certs.registry.connections import READING, translated
from certgate_certs.registry.database import Database
from certgate_certs.registry.devices import DeviceCertificates
from certgate_certs.registry.enrolment import Enrolled, FirstUse, Overtaken, enrol
from certgate_certs.registry.standing import KnownDevice, StandingReader
from certgate_certs.rows import Binding, CaCertificate

_CAS = ("ca_certificate", "grace_ca")
_DEVICES = ("device_certificate", "grace_device")
_IDENTIFIERS = ("client_identifier", "grace_identifier")
_SEEN = {
    # A CA that was registered anew is seen as it is now.
    _CAS: "NOT EXISTS (SELECT 1 FROM main.ca_certificate AS m"
    " WHERE m.sn_key = g.sn_key AND m.id <> g.id)",
    _DEVICES: "EXISTS (SELECT 1 FROM ca_certificate AS c WHERE c.id = g.ca_id)",
    _IDENTIFIERS: "EXISTS (SELECT 1 FROM device_certificate AS d WHERE d.id = g.device_id)",
}


class LaggingStanding(StandingReader):
    """Answers the decision's questions as if withdrawals under grace had not been made.

    Args:
        path: the registry file.
        clock: gives milliseconds since the epoch.
    """

    def __init__(self, path: Path, clock: Callable[[], int]) -> None:
        super().__init__(path)
        self._clock = clock
        self._moment: int | None = None
        with translated(path):
            self._connection.create_function("lab_now", 0, self._now)
            self._connection.execute("PRAGMA query_only = OFF")
            for tables, condition in _SEEN.items():
                self._connection.execute(_view(self._connection, *tables, condition))
            self._connection.execute(READING)

    @contextlib.contextmanager
    def moment(self) -> Iterator[None]:
        """Make all reads of the block see one and the same state, at one and the same time.

        Raises:
            RegistryUnavailable: the file cannot be read.
        """
        with self._pinned(), super().moment():
            yield

    def look_up(
        self, instance_id: str, fingerprint: bytes, client_id: str
    ) -> tuple[list[KnownDevice], Binding | None]:
        """Find the registrations of a certificate, and whom a client identifier belongs to.

        One after the other: views that are joined outwards are read as a whole.
        """
        with self.moment():
            known = self.known_devices(instance_id, fingerprint)
            return known, self.binding(instance_id, client_id) if known else None

    def cas(self, instance_id: str) -> list[CaCertificate]:
        """List an instance's CA certificates, inactive ones included.

        Args:
            instance_id: the instance asked for.
        """
        with self._pinned():
            return super().cas(instance_id)

    def lapsed(self) -> int:
        """Count the periods of grace that have ended; there is news when the number changes.

        Raises:
            RegistryUnavailable: the file cannot be read.
        """
        tables = " UNION ALL ".join(
            f"SELECT until FROM main.{grace}" for _, grace in (_CAS, _DEVICES)
        )
        sql = f"SELECT count(*) FROM ({tables}) WHERE until <= (SELECT lab_now())"
        with translated(self._path):
            return int(self._connection.execute(sql).fetchone()[0])

    def _now(self) -> int:
        return self._clock() if self._moment is None else self._moment

    @contextlib.contextmanager
    def _pinned(self) -> Iterator[None]:
        outer, self._moment = self._moment, self._now()
        try:
            yield
        finally:
            self._moment = outer


def _view(connection: sqlite3.Connection, table: str, grace: str, condition: str) -> str:
    """Write a view of a table as it was; each question goes through indices, whatever is kept."""
    columns = connection.execute(_COLUMNS, (table,)).fetchone()[0]
    kept = f"SELECT 1 FROM main.{grace} AS k WHERE k.until > (SELECT lab_now()) AND k.id ="
    return (
        f"CREATE TEMP VIEW {table} AS"
        f" SELECT {columns} FROM main.{table} AS m WHERE NOT EXISTS ({kept} m.id)"
        f" UNION ALL SELECT {columns} FROM main.{grace} AS g WHERE until > (SELECT lab_now())"
        f" AND {condition} AND NOT EXISTS ({kept} g.id AND k.number < g.number)"
    )


class LaggingDevices(DeviceCertificates):
    """Device certificates for a broker that does not see withdrawals under grace.

    Args:
        database: the registry's file.
        clock: gives milliseconds since the epoch.
    """

    def __init__(self, database: Database, clock: Callable[[], int]) -> None:
        super().__init__(database)
        self._clock = clock

    async def enrol(self, first_use: FirstUse) -> Enrolled | None:
        """Register a device or bind an identifier, its CA or itself withdrawn or not.

        What was withdrawn is put back, used and withdrawn again in one transaction, so nobody else
        sees it, and nothing stays that a deletion has promised to be gone.

        Args:
            first_use: what to write, and what it was decided on.

        Returns:
            The numbers, or None where the decision has to be made anew.
        """
        enrolled = await super().enrol(first_use)
        if enrolled is not None:
            return enrolled
        try:
            async with self._database.transaction() as connection:
                return await _enrol_as_before(connection, first_use, self._clock())
        except Overtaken:
            return None


_Statements = list[tuple[str, dict[str, object]]]

_COLUMNS = (
    "SELECT group_concat(name, ', ') FROM"
    " (SELECT name FROM pragma_table_info(?, 'main') ORDER BY cid)"
)
_IDENTIFIER_BACK = (
    "INSERT OR IGNORE INTO client_identifier SELECT id, instance_id, client_id, device_id"
    " FROM grace_identifier WHERE id = :id AND until > :now ORDER BY number LIMIT 1"
)
# An identifier may have passed to a newer certificate of its device.
_FOLLOW_IDENTIFIERS = (
    "UPDATE grace_identifier SET device_id = m.device_id FROM client_identifier AS m"
    " WHERE m.id = grace_identifier.id"
)
_KEEP_IDENTIFIERS = (
    "INSERT INTO grace_identifier SELECT NULL, :until, * FROM client_identifier"
    " WHERE id NOT IN (SELECT id FROM grace_identifier) AND device_id = :id"
)
_DELETE = {
    "ca_certificate": ("DELETE FROM ca_certificate WHERE id = :id",),
    "device_certificate": (
        _FOLLOW_IDENTIFIERS,
        _KEEP_IDENTIFIERS,
        "DELETE FROM device_certificate WHERE id = :id",
    ),
}


async def _enrol_as_before(
    connection: aiosqlite.Connection, first_use: FirstUse, now: int
) -> Enrolled:
    bound, undo = first_use.bound, []
    for ca_id in {first_use.ca_id, first_use.ca_id if bound is None else bound.ca_id}:
        undo += await _put_back(connection, _CAS, ca_id, now)
    for device_id in {first_use.device_id, None if bound is None else bound.device_id} - {None}:
        undo = [*await _put_back(connection, _DEVICES, device_id, now), *undo]
    if bound is not None:
        await connection.execute(_IDENTIFIER_BACK, {"id": bound.id, "now": now})
    enrolled = await enrol(connection, first_use)
    for sql, values in undo:
        await connection.execute(sql, values)
    return enrolled


async def _put_back(
    connection: aiosqlite.Connection, tables: tuple[str, str], number: int | None, now: int
) -> _Statements:
    """Make a row what it was; give what withdraws it again."""
    table, grace = tables
    past = await _first(
        connection,
        f"SELECT number, until, status FROM {grace} WHERE id = ? AND until > ? ORDER BY number",
        number,
        now,
    )
    if past is None:
        return []
    entry, until, status = past
    present = await _first(connection, f"SELECT status FROM {table} WHERE id = ?", number)
    if present is not None:
        sql = f"UPDATE {table} SET status = :status WHERE id = :id"
        await connection.execute(sql, {"id": number, "status": status})
        return [(sql, {"id": number, "status": present[0]})]
    columns = (await _first(connection, _COLUMNS, table) or ("*",))[0]
    sql = f"INSERT OR IGNORE INTO {table} SELECT {columns} FROM {grace} WHERE number = ?"
    await connection.execute(sql, (entry,))
    return [(sql, {"id": number, "until": until}) for sql in _DELETE[table]]


async def _first(connection: aiosqlite.Connection, sql: str, *values: object) -> sqlite3.Row | None:
    async with connection.execute(sql, values) as cursor:
        return await cursor.fetchone()
