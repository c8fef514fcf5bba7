"""Faults on purpose: which ones are set, how often each was seen, how often it struck.

Counting in the file makes "the next three" three in all, however many processes strike, and makes
the n-th draw of a seed the same whoever draws it.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from certgate_certs.registry.database import Database

_COLUMNS = "id, name, target, fields, seen, struck"


@dataclass(frozen=True, slots=True)
class FaultRow:
    """A fault that is set.

    Attributes:
        id: number of this setting; a fault that is set anew gets another.
        name: which fault it is.
        target: what it is limited to, "" for nothing; there is one row a name and target.
        fields: its fields, JSON.
        seen: how often it could have struck.
        struck: how often it did.
    """

    id: int
    name: str
    target: str
    fields: str
    seen: int
    struck: int


class FaultRows:
    """Keeps the faults that are set; each ends with the process that set it.

    Args:
        database: the registry's file.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._life: int | None = None
        self._own: set[int] = set()

    async def put(self, name: str, target: str, fields: str) -> int:
        """Set a fault in place of an earlier one with the same name and target.

        Args:
            name: which fault it is.
            target: what it is limited to, "" for nothing.
            fields: its fields, JSON.

        Returns:
            Its number.
        """
        async with self._database.transaction() as connection:
            if self._life is None:
                self._life = self._database.lives.begin()
            await connection.execute(
                "DELETE FROM fault WHERE name = ? AND target = ?", (name, target)
            )
            cursor = await connection.execute(
                "INSERT INTO fault (name, target, fields, life) VALUES (?, ?, ?, ?)",
                (name, target, fields, self._life),
            )
            number = int(cursor.lastrowid or 0)
            self._own.add(number)
        return number

    async def all(self) -> list[FaultRow]:
        """List the faults in the order in which they were set."""
        rows = await self._database.fetch(f"SELECT {_COLUMNS} FROM fault ORDER BY id")
        return [FaultRow(*row) for row in rows]

    async def draw(self, number: int, strikes: Callable[[int, int], bool]) -> bool:
        """Let a fault strike, or not, and count it.

        Args:
            number: the fault's; one that was cleared meanwhile does not strike.
            strikes: told how often it was seen and how often it struck before.
        """
        async with self._database.transaction() as connection:
            rows = list(
                await connection.execute_fetchall(
                    "SELECT seen, struck FROM fault WHERE id = ?", (number,)
                )
            )
            struck = bool(rows) and strikes(*rows[0])
            await connection.execute(
                "UPDATE fault SET seen = seen + 1, struck = struck + ? WHERE id = ?",
                (struck, number),
            )
        return struck

    async def clear(self, numbers: Iterable[int]) -> None:
        """Clear faults.

        Args:
            numbers: theirs.
        """
        cleared = set(numbers)
        async with self._database.transaction() as connection:
            await connection.executemany(
                "DELETE FROM fault WHERE id = ?", [(number,) for number in cleared]
            )
        self._own -= cleared
        if self._life is not None and not self._own:
            self._database.lives.end(self._life)
            self._life = None

    async def forget_dead(self) -> bool:
        """Clear the faults of processes that did not end by themselves.

        Returns:
            Whether there were any.
        """
        rows = await self._database.fetch("SELECT id, life FROM fault")
        dead = [number for number, life in rows if not self._database.lives.is_alive(life)]
        if dead:
            await self.clear(dead)
        return bool(dead)
