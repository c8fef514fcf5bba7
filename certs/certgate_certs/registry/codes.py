"""Registration codes: handed out for an instance, good for one CA certificate."""

import secrets
import uuid

from certgate_certs.registry.database import Database

_DIGITS = 16


class RegistrationCodes:
    """Hands out registration codes.

    Args:
        database: the registry's file.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    async def issue(self, instance_id: str) -> str:
        """Hand out a new code: a UUID followed by digits, as on the cloud's GetRegisterCode page.

        Its 52 characters fit a certificate's common name (at most 64, X.520).

        Args:
            instance_id: the instance that a CA certificate shall be registered with.
        """
        code = f"{uuid.uuid4()}{secrets.randbelow(10**_DIGITS):0{_DIGITS}d}"
        async with self._database.transaction() as connection:
            await connection.execute(
                "INSERT INTO registration_code (code, instance_id) VALUES (?, ?)",
                (code, instance_id),
            )
        return code
