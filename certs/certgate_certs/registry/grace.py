"""Withdrawals that are seen later: the API's half.

What is about to be inactivated or deleted is kept as it is, with the time until which a registry
that lags behind goes on seeing it so. Several entries of one row are its history: the oldest one
whose time has not come is what is seen.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import aiosqlite

from certgate_certs.registry.cas import CaCertificates
from certgate_certs.registry.database import Database
from certgate_certs.registry.devices import DeviceCertificates
from certgate_certs.registry.remains import REGISTERED, note
from certgate_certs.rows import CaCertificate, DeviceCertificate, Status
from certgate_certs.serial_number import look_up_key

TABLES = ("grace_ca", "grace_device", "grace_identifier")

_KEEP_CA = "INSERT INTO grace_ca SELECT NULL, ?, * FROM ca_certificate WHERE id = ?"
_KEEP_DEVICE = "INSERT INTO grace_device SELECT NULL, ?, * FROM device_certificate WHERE id = ?"
_KEEP_IDENTIFIERS = (
    "INSERT INTO grace_identifier SELECT NULL, ?, * FROM client_identifier WHERE device_id = ?"
)


@dataclass(frozen=True, slots=True)
class Period:
    """How long withdrawals go unseen.

    Attributes:
        end: gives the time, milliseconds since the epoch, at which one made now is seen.
        begun: called for each withdrawal that will be seen later.
    """

    end: Callable[[], int]
    begun: Callable[[], Awaitable[None]]


class Grace:
    """Keeps what is about to be withdrawn.

    Args:
        database: the registry's file.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    async def keep_ca(self, instance_id: str, sn: str, until: int) -> bool:
        """Keep a CA certificate as it is.

        Where it is about to be deleted its devices are seen as long as it is itself.

        Args:
            instance_id: the instance it is registered with.
            sn: its serial number in any notation.
            until: how long it is to be seen so, milliseconds since the epoch.

        Returns:
            Whether there is such a CA.

        Raises:
            SerialNumberError: `sn` is no serial number.
        """
        sql = "SELECT id FROM ca_certificate WHERE instance_id = ? AND sn_key = ?"
        return await self._keep(sql, (instance_id, look_up_key(sn)), until, [_KEEP_CA])

    async def keep_device(
        self, instance_id: str, ca_sn: str, sn: str, until: int, *, deleted: bool
    ) -> bool:
        """Keep a device certificate as it is.

        Args:
            instance_id: the instance of its CA.
            ca_sn: the CA's serial number in any notation.
            sn: its own serial number in any notation.
            until: how long it is to be seen so, milliseconds since the epoch.
            deleted: it is about to be deleted.

        Returns:
            Whether there is such a device.

        Raises:
            SerialNumberError: `ca_sn` or `sn` is no serial number.
        """
        sql = (
            f"SELECT d.id FROM {REGISTERED}"
            " WHERE c.instance_id = ? AND c.sn_key = ? AND d.sn_key = ?"
        )
        keep = [_KEEP_DEVICE, _KEEP_IDENTIFIERS] if deleted else [_KEEP_DEVICE]
        which = (instance_id, look_up_key(ca_sn), look_up_key(sn))
        return await self._keep(sql, which, until, keep)

    async def end(self, table: str, number: int) -> None:
        """See a row as it is from now on.

        Args:
            table: one of `TABLES`.
            number: the registration's.
        """
        async with self._database.transaction() as connection:
            await connection.execute(f"DELETE FROM {table} WHERE id = ?", (number,))

    async def clear(self) -> None:
        """See everything as it is from now on."""
        async with self._database.transaction() as connection:
            for table in TABLES:
                await connection.execute(f"DELETE FROM {table}")

    async def _keep(self, sql: str, which: tuple[str, ...], until: int, keep: list[str]) -> bool:
        async with self._database.transaction() as connection:
            await _clamp(connection, until)
            rows = list(await connection.execute_fetchall(sql, which))
            for row in rows:
                for statement in keep:
                    await connection.execute(statement, (until, row[0]))
        return bool(rows)


async def _clamp(connection: aiosqlite.Connection, until: int) -> None:
    """Let nothing that was withdrawn earlier be seen later: the period may have got shorter."""
    for table in TABLES:
        await connection.execute(f"UPDATE {table} SET until = ? WHERE until > ?", (until, until))


class DelayedCaCertificates(CaCertificates):
    """CA certificates whose withdrawal is seen later.

    Args:
        database: the registry's file.
        period: how long it goes unseen.
    """

    def __init__(self, database: Database, period: Period) -> None:
        super().__init__(database)
        self._grace = Grace(database)
        self._period = period

    async def set_status(self, instance_id: str, sn: str, status: Status) -> CaCertificate | None:
        """Activate, which ends the period of grace at once, or inactivate."""
        if status is Status.INACTIVE:
            await self._keep(instance_id, sn)
        changed = await super().set_status(instance_id, sn, status)
        if changed is not None and status is Status.ACTIVE:
            await self._grace.end("grace_ca", changed.id)
        return changed

    async def delete(self, instance_id: str, sn: str) -> CaCertificate | None:
        """Delete a CA certificate with every device certificate registered under it."""
        await self._keep(instance_id, sn)
        return await super().delete(instance_id, sn)

    async def _remove_devices(self, connection: aiosqlite.Connection, ca: CaCertificate) -> bool:
        """Leave the devices for the time when their CA is seen no more."""
        await note(connection, ca.id, left=True)
        return True

    async def _keep(self, instance_id: str, sn: str) -> None:
        if await self._grace.keep_ca(instance_id, sn, self._period.end()):
            await self._period.begun()


class DelayedDeviceCertificates(DeviceCertificates):
    """Device certificates whose withdrawal is seen later.

    Args:
        database: the registry's file.
        period: how long it goes unseen.
    """

    def __init__(self, database: Database, period: Period) -> None:
        super().__init__(database)
        self._grace = Grace(database)
        self._period = period

    async def set_status(
        self, instance_id: str, ca_sn: str, sn: str, status: Status
    ) -> DeviceCertificate | None:
        """Activate, which ends the period of grace at once, or inactivate."""
        if status is Status.INACTIVE:
            await self._keep(instance_id, ca_sn, sn, deleted=False)
        changed = await super().set_status(instance_id, ca_sn, sn, status)
        if changed is not None and status is Status.ACTIVE:
            await self._grace.end("grace_device", changed.id)
        return changed

    async def delete(self, instance_id: str, ca_sn: str, sn: str) -> DeviceCertificate | None:
        """Delete a device certificate's registration and free the identifiers it owns."""
        await self._keep(instance_id, ca_sn, sn, deleted=True)
        return await super().delete(instance_id, ca_sn, sn)

    async def _keep(self, instance_id: str, ca_sn: str, sn: str, *, deleted: bool) -> None:
        until = self._period.end()
        if await self._grace.keep_device(instance_id, ca_sn, sn, until, deleted=deleted):
            await self._period.begun()
