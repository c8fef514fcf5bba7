"""The registry: which certificates are registered, and what was decided on them."""

from pathlib import Path

from certgate_certs.registry.cas import Application, CaCertificates
from certgate_certs.registry.clock import ClockOffset
from certgate_certs.registry.closings import Closings
from certgate_certs.registry.codes import RegistrationCodes
from certgate_certs.registry.database import Database
from certgate_certs.registry.decisions import DecisionRecords
from certgate_certs.registry.devices import DeviceCertificates, Enrolled, FirstUse
from certgate_certs.registry.errors import RegistryError, RegistryTooNew, RegistryUnavailable
from certgate_certs.registry.mailbox import Mailbox
from certgate_certs.registry.standing import KnownDevice, StandingReader
from certgate_certs.rows import (
    Binding,
    CaCertificate,
    DecisionRecord,
    DeviceCertificate,
    Registration,
    Status,
)

__all__ = [
    "Application",
    "Binding",
    "CaCertificate",
    "DecisionRecord",
    "DeviceCertificate",
    "Enrolled",
    "FirstUse",
    "KnownDevice",
    "Registration",
    "Registry",
    "RegistryError",
    "RegistryTooNew",
    "RegistryUnavailable",
    "StandingReader",
    "Status",
]


class Registry:
    """One registry file with a repository for each kind of row.

    Attributes:
        cas: CA certificates.
        devices: device certificates and the client identifiers they own.
        codes: registration codes.
        decisions: decision records.
        closings: connections that were ended because a right was withdrawn.
        mailbox: requests to the broker processes.
        clock: how far the lab's clock is ahead.
        standing: the synchronous reader that decisions are made with.
    """

    def __init__(self, database: Database, standing: StandingReader) -> None:
        self._database = database
        self.standing = standing
        self.cas = CaCertificates(database)
        self.devices = DeviceCertificates(database)
        self.codes = RegistrationCodes(database)
        self.decisions = DecisionRecords(database)
        self.closings = Closings(database)
        self.mailbox = Mailbox(database)
        self.clock = ClockOffset(database)

    @classmethod
    async def open(cls, path: Path) -> "Registry":
        """Open a registry file, made or brought up to date where need be.

        Args:
            path: the file; its directory exists.

        Raises:
            RegistryTooNew: a newer certgate wrote it.
            RegistryUnavailable: it cannot be opened or written, or is no registry.
        """
        database = await Database.open(path)
        try:
            return cls(database, StandingReader(path))
        except BaseException:
            await database.close()
            raise

    async def close(self) -> None:
        """Let go of the file."""
        self.standing.close()
        await self._database.close()
