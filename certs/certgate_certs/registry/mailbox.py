"""How processes that share the registry reach each other's live connections.

Whoever asks posts a request; every broker process looks for requests when the file has changed,
does what it can, and answers. No further port, no further secret: who may write the registry may
ask.
"""

import os
from dataclasses import dataclass

from certgate_certs.registry.database import Database


@dataclass(frozen=True, slots=True)
class Post:
    """A request in the mailbox.

    Attributes:
        number: its number; later ones are higher.
        body: what is asked, as text.
    """

    number: int
    body: str


class Mailbox:
    """Requests to the broker processes of a registry, and their answers.

    Args:
        database: the registry's file.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    async def enter(self) -> tuple[int, int]:
        """Make this process known as one that answers; forget those that have died.

        Returns:
            Its number, and that of the last request it need not answer.
        """
        process = self._database.lives.begin()
        try:
            return process, await self._enter(process)
        except BaseException:
            self._database.lives.end(process)
            raise

    async def _enter(self, process: int) -> int:
        async with self._database.transaction() as connection:
            rows = await connection.execute_fetchall("SELECT id FROM broker_process")
            dead = [row for row in rows if not self._database.lives.is_alive(*row)]
            await connection.executemany("DELETE FROM broker_process WHERE id = ?", dead)
            await connection.execute(
                "INSERT INTO broker_process (id, pid) VALUES (?, ?)", (process, os.getpid())
            )
            newest = list(await connection.execute_fetchall("SELECT max(id) FROM request"))
        return int(newest[0][0] or 0)

    async def leave(self, process: int) -> None:
        """Answer no more.

        Args:
            process: the number that `enter` gave.
        """
        self._database.lives.end(process)
        async with self._database.transaction() as connection:
            await connection.execute("DELETE FROM broker_process WHERE id = ?", (process,))

    async def processes(self) -> set[int]:
        """Give the numbers of the processes that answer and are alive."""
        rows = await self._database.fetch("SELECT id FROM broker_process")
        return {number for (number,) in rows if self._database.lives.is_alive(number)}

    async def post(self, body: str) -> int:
        """Ask.

        Args:
            body: what is asked.

        Returns:
            The request's number.
        """
        async with self._database.transaction() as connection:
            cursor = await connection.execute("INSERT INTO request (body) VALUES (?)", (body,))
        return int(cursor.lastrowid or 0)

    async def since(self, number: int) -> list[Post]:
        """Look for requests.

        Args:
            number: requests up to and including this number are passed over.
        """
        rows = await self._database.fetch(
            "SELECT id, body FROM request WHERE id > ? ORDER BY id", number
        )
        return [Post(*row) for row in rows]

    async def answer(self, post: Post, process: int, body: str) -> None:
        """Answer a request; one that was withdrawn meanwhile needs none.

        Args:
            post: the request.
            process: the number that `enter` gave.
            body: the answer.
        """
        async with self._database.transaction() as connection:
            await connection.execute(
                "INSERT INTO answer (request_id, process_id, body)"
                " SELECT id, ?, ? FROM request WHERE id = ?",
                (process, body, post.number),
            )

    async def answers(self, number: int) -> dict[int, str]:
        """Give the answers there are so far, by the answering process.

        Args:
            number: the request's.
        """
        rows = await self._database.fetch(
            "SELECT process_id, body FROM answer WHERE request_id = ?", number
        )
        return {int(row[0]): str(row[1]) for row in rows}

    async def withdraw(self, number: int) -> None:
        """Take a request and its answers away.

        Args:
            number: the request's.
        """
        async with self._database.transaction() as connection:
            await connection.execute("DELETE FROM request WHERE id = ?", (number,))
