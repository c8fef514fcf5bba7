"""The registered device certificates and the client identifiers they own."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from certgate_certs.registry.database import WITHDRAWN, Database
from certgate_certs.registry.enrolment import Enrolled, FirstUse, Overtaken, enrol
from certgate_certs.registry.remains import REGISTERED
from certgate_certs.rows import DeviceCertificate, Status
from certgate_certs.serial_number import look_up_key

__all__ = [
    "COLUMNS",
    "DeviceCertificates",
    "Enrolled",
    "FirstUse",
    "device_from_row",
]

COLUMNS = (
    "d.id, d.ca_id, c.sn, d.sn, d.name, d.status, d.der,"
    " d.not_before, d.not_after, d.subject, d.subject_der, d.chain"
)
_FIND = (
    f"SELECT {COLUMNS} FROM {REGISTERED} WHERE c.instance_id = ? AND c.sn_key = ? AND d.sn_key = ?"
)


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
                return await enrol(connection, first_use)
        except Overtaken:
            return None

    async def find(self, instance_id: str, ca_sn: str, sn: str) -> DeviceCertificate | None:
        """Look a device certificate up.

        Args:
            instance_id: the instance of its CA.
            ca_sn: the CA's serial number in any notation.
            sn: its own serial number in any notation.

        Raises:
            SerialNumberError: `ca_sn` or `sn` is no serial number.
        """
        which = (instance_id, look_up_key(ca_sn), look_up_key(sn))
        rows = await self._database.fetch(_FIND, *which)
        return device_from_row(rows[0]) if rows else None

    async def page(
        self, instance_id: str, offset: int, limit: int
    ) -> tuple[int, list[DeviceCertificate]]:
        """List the device certificates of all CAs in the order of their registration.

        Args:
            instance_id: the instance of the CAs.
            offset: how many to pass over.
            limit: how many to give at most.

        Returns:
            How many there are in all, and those asked for.
        """
        return await self._page("instance_id = ?", (instance_id,), offset, limit)

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
        which = (instance_id, look_up_key(ca_sn))
        return await self._page("instance_id = ? AND sn_key = ?", which, offset, limit)

    async def set_status(
        self, instance_id: str, ca_sn: str, sn: str, status: Status
    ) -> DeviceCertificate | None:
        """Activate or inactivate; to set the state it has already is no error.

        Args:
            instance_id: the instance of its CA.
            ca_sn: the CA's serial number in any notation.
            sn: its own serial number in any notation.
            status: the state it shall have.

        Returns:
            The certificate as it is now, or None where there is none.

        Raises:
            SerialNumberError: `ca_sn` or `sn` is no serial number.
        """
        sql = "UPDATE device_certificate SET status = ? WHERE id = ?"
        found = await self._change(instance_id, ca_sn, sn, sql, status)
        return None if found is None else replace(found, status=status)

    async def delete(self, instance_id: str, ca_sn: str, sn: str) -> DeviceCertificate | None:
        """Delete a device certificate's registration and free the client identifiers it owns.

        Args:
            instance_id: the instance of its CA.
            ca_sn: the CA's serial number in any notation.
            sn: its own serial number in any notation.

        Returns:
            The certificate that is gone, or None where there was none.

        Raises:
            SerialNumberError: `ca_sn` or `sn` is no serial number.
        """
        sql = "DELETE FROM device_certificate WHERE id = ?"
        return await self._change(instance_id, ca_sn, sn, sql)

    async def _change(
        self, instance_id: str, ca_sn: str, sn: str, sql: str, *values: object
    ) -> DeviceCertificate | None:
        which = (instance_id, look_up_key(ca_sn), look_up_key(sn))
        async with self._database.transaction() as connection:
            rows = list(await connection.execute_fetchall(_FIND, which))
            if not rows:
                return None
            await connection.execute(sql, (*values, rows[0][0]))
            await connection.execute(WITHDRAWN)
        return device_from_row(rows[0])

    async def _page(
        self, condition: str, which: tuple[str, ...], offset: int, limit: int
    ) -> tuple[int, list[DeviceCertificate]]:
        # Counted and passed over in an index: the rows themselves are a hundred times as large.
        where = (
            "FROM device_certificate WHERE ca_id IN"
            f" (SELECT id FROM ca_certificate WHERE {condition})"
        )
        numbers = f"SELECT id {where} ORDER BY id LIMIT ? OFFSET ?"
        page = f"SELECT {COLUMNS} FROM {REGISTERED} WHERE d.id IN ({numbers})"
        count = f"SELECT count(*) {where}"
        total, rows = await self._database.page(count, page, *which, *which, limit, offset)
        return total, [device_from_row(row) for row in rows]


def device_from_row(row: Sequence[Any]) -> DeviceCertificate:
    """Make the value of a row that was selected with `COLUMNS` first."""
    values = list(row[: COLUMNS.count(",") + 1])
    values[5] = Status(values[5])
    return DeviceCertificate(*values)
