"""The registered device certificates and the client identifiers they own."""

import sqlite3
from dataclasses import dataclass

import aiosqlite

from certgate_certs.chain import Path
from certgate_certs.registry.database import Database
from certgate_certs.registry.rows import Binding, DeviceCertificate, Status
from certgate_certs.serial_number import look_up_key
from certgate_certs.view import CertificateView

COLUMNS = (
    "d.id, d.ca_id, c.sn, d.sn, d.name, d.status, d.der,"
    " d.not_before, d.not_after, d.path_from, d.path_until"
)
TABLES = "device_certificate AS d JOIN ca_certificate AS c ON c.id = d.ca_id"


@dataclass(frozen=True, slots=True)
class FirstUse:
    """What has to be written before a connection that was accepted may go on.

    Attributes:
        instance_id: the instance the device connects to.
        ca_id: the registration of the CA it was judged by; it must still be active.
        device_id: the device's registration; None where it is to be registered now.
        view: the device certificate.
        path: how it leads to the CA; None where the device is registered.
        client_id: the identifier to be bound; None where none is.
        bound: the binding that was found when it was judged; None where there was none.
    """

    instance_id: str
    ca_id: int
    device_id: int | None
    view: CertificateView
    path: Path | None
    client_id: str | None
    bound: Binding | None


@dataclass(frozen=True, slots=True)
class Enrolled:
    """What a first use came to.

    Attributes:
        device_id: the device's registration.
        binding_id: the ownership of the client identifier; None where none was asked for.
    """

    device_id: int
    binding_id: int | None


class DeviceCertificates:
    """Reads and changes the registered device certificates.

    Args:
        database: the registry's file.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    async def enrol(self, first_use: FirstUse) -> Enrolled | None:
        """Register a device or bind an identifier, provided nothing has changed meanwhile.

        Args:
            first_use: what to write, and what it was decided on.

        Returns:
            The numbers, or None where the CA, the device or the binding is no longer as it was
            found: then nothing was written and the decision has to be made anew.
        """
        try:
            async with self._database.transaction() as connection:
                device_id = await _device(connection, first_use)
                return Enrolled(device_id, await _binding(connection, device_id, first_use))
        except _Overtaken:
            return None

    async def page_of_ca(
        self, instance_id: str, ca_sn: str, offset: int, limit: int
    ) -> tuple[int, list[DeviceCertificate]]:
        """List the device certificates of one CA in the order of their registration.

        Args:
            instance_id: the instance of the CA.
            ca_sn: the CA's serial number in any notation.
            offset: how many to pass over.
            limit: how many to give at most.

        Returns:
            How many there are in all, and those asked for.

        Raises:
            SerialNumberError: `ca_sn` is no serial number.
        """
        where = f"FROM {TABLES} WHERE c.instance_id = ? AND c.sn_key = ?"
        which = (instance_id, look_up_key(ca_sn))
        total = (await self._database.fetch(f"SELECT count(*) {where}", *which))[0][0]
        rows = await self._database.fetch(
            f"SELECT {COLUMNS} {where} ORDER BY d.id LIMIT ? OFFSET ?", *which, limit, offset
        )
        return total, [device_from_row(row) for row in rows]


class _Overtaken(Exception):  # noqa: N818  undoes the transaction, never leaves this module
    """Somebody changed what the decision was made on."""


async def _device(connection: aiosqlite.Connection, first_use: FirstUse) -> int:
    if first_use.device_id is not None:
        return await _still_active(connection, first_use.device_id)
    view, path = first_use.view, first_use.path
    if path is None:
        raise ValueError("a device is registered with the path to its CA")
    cursor = await connection.execute(
        "INSERT INTO device_certificate (ca_id, sn_key, sn, fingerprint, name, subject_der, status,"
        " der, not_before, not_after, path_from, path_until)"
        " SELECT id, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ? FROM ca_certificate"
        " WHERE id = ? AND status = ? ON CONFLICT DO NOTHING",
        (
            look_up_key(view.sn),
            view.sn,
            view.fingerprint,
            view.common_name,
            view.subject_der,
            Status.ACTIVE,
            view.der,
            view.not_before,
            view.not_after,
            path.valid_from,
            path.valid_until,
            first_use.ca_id,
            Status.ACTIVE,
        ),
    )
    return _row_written(cursor)


async def _still_active(connection: aiosqlite.Connection, device_id: int) -> int:
    rows = await connection.execute_fetchall(
        f"SELECT 1 FROM {TABLES} WHERE d.id = ? AND d.status = ? AND c.status = ?",
        (device_id, Status.ACTIVE, Status.ACTIVE),
    )
    if not list(rows):
        raise _Overtaken
    return device_id


async def _binding(
    connection: aiosqlite.Connection, device_id: int, first_use: FirstUse
) -> int | None:
    if first_use.client_id is None:
        return None
    bound = first_use.bound
    if bound is None:
        cursor = await connection.execute(
            "INSERT INTO client_identifier (instance_id, client_id, device_id) VALUES (?, ?, ?)"
            " ON CONFLICT DO NOTHING",
            (first_use.instance_id, first_use.client_id, device_id),
        )
        return _row_written(cursor)
    cursor = await connection.execute(
        "UPDATE client_identifier SET device_id = ? WHERE id = ? AND device_id = ?",
        (device_id, bound.id, bound.device_id),
    )
    _row_written(cursor)
    return bound.id


def _row_written(cursor: aiosqlite.Cursor) -> int:
    if cursor.rowcount != 1 or cursor.lastrowid is None:
        raise _Overtaken
    return cursor.lastrowid


def device_from_row(row: sqlite3.Row) -> DeviceCertificate:
    """Make the value of a row that was selected with `COLUMNS` first."""
    values = list(row[: COLUMNS.count(",") + 1])
    values[5] = Status(values[5])
    return DeviceCertificate(*values)
