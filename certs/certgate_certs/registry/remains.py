"""The devices of deleted CAs: gone for everybody at once, removed little by little.

A row whose CA is not there is seen by nobody, so the deletion of a CA is one row, however many
devices it has. Rows in `deleted_ca` say whose devices are still to be removed, after a crash, too.
"""

import asyncio
import logging
from collections.abc import Callable

import aiosqlite

from certgate_certs.registry.database import Database

REGISTERED = "device_certificate AS d JOIN ca_certificate AS c ON c.id = d.ca_id"
"""The devices whose CA is there, the only ones that anybody sees."""
AT_ONCE = 25
"""Devices removed in one transaction, about a millisecond's work; others wait for its end."""
_REST = 2.0
"""Where others write, too, nothing is removed for so many times as long as that took."""
_LOOK_SECONDS = 1.0
_LOGGER = logging.getLogger(__name__)

_ANY = "SELECT 1 FROM deleted_ca LIMIT 1"
# What is under grace is still seen by some.
_DUE = (
    "SELECT id FROM deleted_ca WHERE id NOT IN (SELECT id FROM grace_ca WHERE until > ?)"
    " ORDER BY id LIMIT 1"
)
_REMOVE = (
    "DELETE FROM device_certificate WHERE id IN"
    " (SELECT id FROM device_certificate WHERE ca_id = ? ORDER BY id LIMIT ?)"
)
_NOTE = "INSERT OR IGNORE INTO deleted_ca VALUES (?)"
_FORGET = "DELETE FROM deleted_ca WHERE id = ?"
_SEEN_NO_MORE = "DELETE FROM grace_ca WHERE id = ?"


class Remains:
    """Removes what deleted CAs have left, while others write.

    Args:
        database: the registry's file.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._task: asyncio.Task[None] | None = None

    def start(self, clock: Callable[[], int]) -> None:
        """Begin to remove what there is and what there will be.

        Args:
            clock: gives milliseconds since the epoch.
        """
        self._task = asyncio.create_task(self._tidy(clock), name="certgate remains")

    async def stop(self) -> None:
        """Remove no more; what is left waits for the next start."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _tidy(self, clock: Callable[[], int]) -> None:
        while True:
            await self._database.remains.wait()
            self._database.remains.clear()
            try:
                left = await self._remove_all(clock)
            except Exception as error:  # noqa: BLE001  whatever it is, there will be a next time
                _LOGGER.warning("devices of a deleted CA are still to be removed: %s", error)
                left = True
            if left:
                asyncio.get_running_loop().call_later(_LOOK_SECONDS, self._database.remains.set)

    async def _remove_all(self, clock: Callable[[], int]) -> bool:
        """Remove all devices whose time has come; tell whether there are others."""
        if not await self._database.fetch(_ANY):
            return False
        async with self._database.further() as connection:
            version = await _version(connection)
            while due := await self._database.fetch(_DUE, clock()):
                took = await self._remove_some(connection, due[0][0])
                earlier, version = version, await _version(connection)
                await asyncio.sleep(0 if version == earlier else _REST * took)
        return bool(await self._database.fetch(_ANY))

    async def _remove_some(self, connection: aiosqlite.Connection, ca_id: int) -> float:
        """Remove some devices; give the time it took, seconds."""
        began = asyncio.get_running_loop().time()
        async with self._database.transaction(connection):
            # Else a clock that is put back showed it again, without what was known of its devices.
            await connection.execute(_SEEN_NO_MORE, (ca_id,))
            await remove_devices(connection, ca_id)
        # Else somebody's record would have to carry all these pages over, and its device to wait.
        await connection.execute("PRAGMA wal_checkpoint(PASSIVE)")
        return asyncio.get_running_loop().time() - began


async def _version(connection: aiosqlite.Connection) -> int:
    """Give a number that differs from the last one when somebody else has written."""
    return int(next(iter(await connection.execute_fetchall("PRAGMA data_version")))[0])


async def remove_devices(connection: aiosqlite.Connection, ca_id: int) -> bool:
    """Remove some devices of a deleted CA with the client identifiers they own.

    Args:
        connection: inside a transaction.
        ca_id: the CA's registration.

    Returns:
        Whether any may be left; then the CA is noted as one whose devices are to be removed.
    """
    cursor = await connection.execute(_REMOVE, (ca_id, AT_ONCE))
    left = cursor.rowcount == AT_ONCE
    await note(connection, ca_id, left=left)
    return left


async def note(connection: aiosqlite.Connection, ca_id: int, *, left: bool) -> None:
    """Note whether devices of a deleted CA are still to be removed.

    Args:
        connection: inside a transaction.
        ca_id: the CA's registration.
        left: whether there may be any.
    """
    await connection.execute(_NOTE if left else _FORGET, (ca_id,))
