"""The registry: which certificates are registered, and what was decided on them."""

import copy
from collections.abc import Callable
from pathlib import Path

from certgate_certs.registry.cas import Application, CaCertificates
from certgate_certs.registry.clock import ClockOffset
from certgate_certs.registry.closings import Closings
from certgate_certs.registry.codes import RegistrationCodes
from certgate_certs.registry.contents import Contents, HeldCa, HeldCode, HeldDevice
from certgate_certs.registry.database import Database
from certgate_certs.registry.decisions import DecisionRecords
from certgate_certs.registry.devices import DeviceCertificates, Enrolled, FirstUse
from certgate_certs.registry.errors import RegistryError, RegistryTooNew, RegistryUnavailable
from certgate_certs.registry.everything import Everything
from certgate_certs.registry.faults import FaultRows
from certgate_certs.registry.grace import (
    DelayedCaCertificates,
    DelayedDeviceCertificates,
    Grace,
    Period,
)
from certgate_certs.registry.lagging import LaggingDevices, LaggingStanding
from certgate_certs.registry.mailbox import Mailbox
from certgate_certs.registry.news import News
from certgate_certs.registry.remains import Remains
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
    "Contents",
    "DecisionRecord",
    "DeviceCertificate",
    "Enrolled",
    "FirstUse",
    "HeldCa",
    "HeldCode",
    "HeldDevice",
    "KnownDevice",
    "News",
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
        faults: faults on purpose that are set, with their counts.
        grace: what is withdrawn but shall be seen later.
        everything: all that a scenario holds, as a whole.
        remains: removes what deleted CAs have left behind.
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
        self.faults = FaultRows(database)
        self.grace = Grace(database)
        self.everything = Everything(database)
        self.remains = Remains(database)

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

    def view(self) -> "Registry":
        """Give a registry over the same file that can `lag` by itself; it is not closed."""
        return copy.copy(self)

    def delay_withdrawals(self, period: Period) -> None:
        """Let what is withdrawn from now on stay good for registries that `lag`.

        Args:
            period: until when, and who counts.
        """
        self.cas = DelayedCaCertificates(self._database, period)
        self.devices = DelayedDeviceCertificates(self._database, period)

    def delay_no_more(self) -> None:
        """Undo `delay_withdrawals`."""
        self.cas = CaCertificates(self._database)
        self.devices = DeviceCertificates(self._database)

    def lag(self, clock: Callable[[], int]) -> LaggingStanding:
        """See withdrawals only when their grace has ended.

        Args:
            clock: gives milliseconds since the epoch.

        Returns:
            The reader that sees them so; whoever called this closes it.

        Raises:
            RegistryUnavailable: the file cannot be read.
        """
        self.standing = lagging = LaggingStanding(self._database.path, clock)
        self.devices = LaggingDevices(self._database, clock)
        return lagging

    def catch_up(self, standing: StandingReader) -> None:
        """Undo `lag`.

        Args:
            standing: the reader that sees everything at once.
        """
        self.standing = standing
        self.devices = DeviceCertificates(self._database)

    async def close(self) -> None:
        """Let go of the file."""
        self.standing.close()
        await self._database.close()
