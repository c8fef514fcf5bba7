"""How far the lab's clock is ahead of the machine's, for every process that shares the registry."""

from certgate_certs.registry.database import Database


class ClockOffset:
    """Keeps the offset.

    Args:
        database: the registry's file.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    async def get(self) -> int:
        """Give the offset, milliseconds."""
        rows = await self._database.fetch("SELECT offset_ms FROM clock")
        return int(rows[0][0])

    async def set(self, offset_ms: int) -> None:
        """Keep an offset.

        Args:
            offset_ms: milliseconds.
        """
        async with self._database.transaction() as connection:
            await connection.execute("UPDATE clock SET offset_ms = ?", (offset_ms,))
