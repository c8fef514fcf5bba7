"""The registered CA certificates."""

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import aiosqlite

from certgate_certs.registry.database import WITHDRAWN, Database
from certgate_certs.registry.remains import remove_devices
from certgate_certs.rows import CaCertificate, Registration, Status
from certgate_certs.serial_number import look_up_key
from certgate_certs.view import CertificateView

COLUMNS = (
    "id, instance_id, sn, name, status, der, content, verification, registration_code,"
    " not_before, not_after"
)


@dataclass(frozen=True, slots=True)
class Application:
    """A CA certificate that somebody asks to register, possession proved.

    Attributes:
        instance_id: the instance to register it with.
        name: the name it shall have.
        view: the CA certificate.
        content: its PEM text as received.
        verification: the verification certificate's PEM text as received.
        registration_code: the code the verification certificate bears.
    """

    instance_id: str
    name: str
    view: CertificateView
    content: str
    verification: str
    registration_code: str


class CaCertificates:
    """Reads and changes the registered CA certificates.

    Args:
        database: the registry's file.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    async def register(self, application: Application, most: int) -> Registration:
        """Register a CA certificate, active at once, and use up its registration code.

        Args:
            application: what to register.
            most: CA certificates an instance may have.

        Returns:
            `Registration.DONE`, or why nothing was changed.
        """
        async with self._database.transaction() as connection:
            refusal = await _obstacle(connection, application, most)
            if refusal is not None:
                return refusal
            await _insert(connection, application)
            await connection.execute(
                "UPDATE registration_code SET used = 1 WHERE code = ?",
                (application.registration_code,),
            )
        return Registration.DONE

    async def find(self, instance_id: str, sn: str) -> CaCertificate | None:
        """Look a CA certificate up.

        Args:
            instance_id: the instance it is registered with.
            sn: its serial number in any notation.

        Raises:
            SerialNumberError: `sn` is no serial number.
        """
        rows = await self._database.fetch(
            f"SELECT {COLUMNS} FROM ca_certificate WHERE sn_key = ? AND instance_id = ?",
            look_up_key(sn),
            instance_id,
        )
        return ca_from_row(rows[0]) if rows else None

    async def page(
        self, instance_id: str, offset: int, limit: int
    ) -> tuple[int, list[CaCertificate]]:
        """List CA certificates in the order of their registration.

        Args:
            instance_id: the instance they are registered with.
            offset: how many to pass over.
            limit: how many to give at most.

        Returns:
            How many there are in all, and those asked for.
        """
        where = "FROM ca_certificate WHERE instance_id = ?"
        page = f"SELECT {COLUMNS} {where} ORDER BY id LIMIT ? OFFSET ?"
        total, rows = await self._database.page(
            f"SELECT count(*) {where}", page, instance_id, instance_id, limit, offset
        )
        return total, [ca_from_row(row) for row in rows]

    async def set_status(self, instance_id: str, sn: str, status: Status) -> CaCertificate | None:
        """Activate or inactivate; to set the state it has already is no error.

        Args:
            instance_id: the instance it is registered with.
            sn: its serial number in any notation.
            status: the state it shall have.

        Returns:
            The certificate as it is now, or None where there is none.

        Raises:
            SerialNumberError: `sn` is no serial number.
        """
        key = look_up_key(sn)
        async with self._database.transaction() as connection:
            rows = await connection.execute_fetchall(
                "UPDATE ca_certificate SET status = ? WHERE sn_key = ? AND instance_id = ?"
                f" RETURNING {COLUMNS}",
                (status, key, instance_id),
            )
            changed = list(rows)
            await connection.execute(WITHDRAWN)
        return ca_from_row(changed[0]) if changed else None

    async def delete(self, instance_id: str, sn: str) -> CaCertificate | None:
        """Delete a CA certificate with every device certificate registered under it.

        Args:
            instance_id: the instance it is registered with.
            sn: its serial number in any notation.

        Returns:
            The certificate that is gone, or None where there was none.

        Raises:
            SerialNumberError: `sn` is no serial number.
        """
        key = look_up_key(sn)
        left = False
        async with self._database.transaction() as connection:
            rows = await connection.execute_fetchall(
                "DELETE FROM ca_certificate WHERE sn_key = ? AND instance_id = ?"
                f" RETURNING {COLUMNS}",
                (key, instance_id),
            )
            deleted = [ca_from_row(row) for row in rows]
            for ca in deleted:
                left = await self._remove_devices(connection, ca)
            await connection.execute(WITHDRAWN)
        if left:
            self._database.remains.set()
        return deleted[0] if deleted else None

    async def _remove_devices(self, connection: aiosqlite.Connection, ca: CaCertificate) -> bool:
        """Remove the devices of a CA that has just been deleted; tell whether any may be left."""
        return await remove_devices(connection, ca.id)


async def _obstacle(
    connection: aiosqlite.Connection, application: Application, most: int
) -> Registration | None:
    codes = await _rows(
        connection,
        "SELECT used FROM registration_code WHERE code = ? AND instance_id = ?",
        application.registration_code,
        application.instance_id,
    )
    if not codes:
        return Registration.CODE_UNKNOWN
    if codes[0][0]:
        return Registration.CODE_USED
    sql = "SELECT count(*) FROM ca_certificate WHERE instance_id = ?"
    if (await _rows(connection, sql, application.instance_id))[0][0] >= most:
        return Registration.TOO_MANY
    sql = "SELECT 1 FROM ca_certificate WHERE sn_key = ?"
    if await _rows(connection, sql, look_up_key(application.view.sn)):
        return Registration.SN_TAKEN
    return None


async def _rows(
    connection: aiosqlite.Connection, sql: str, *arguments: object
) -> list[sqlite3.Row]:
    return list(await connection.execute_fetchall(sql, arguments))


async def _insert(connection: aiosqlite.Connection, application: Application) -> None:
    view = application.view
    await connection.execute(
        "INSERT INTO ca_certificate (instance_id, sn_key, sn, name, status, der, content,"
        " verification, registration_code, not_before, not_after)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            application.instance_id,
            look_up_key(view.sn),
            view.sn,
            application.name,
            Status.ACTIVE,
            view.der,
            application.content,
            application.verification,
            application.registration_code,
            view.not_before,
            view.not_after,
        ),
    )


def ca_from_row(row: Sequence[Any]) -> CaCertificate:
    """Make the value of a row that was selected with `COLUMNS` first."""
    values = list(row[: COLUMNS.count(",") + 1])
    values[4] = Status(values[4])
    return CaCertificate(*values)
