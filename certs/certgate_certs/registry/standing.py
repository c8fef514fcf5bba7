"""What the registry says of one connection, read at the moment of the decision.

Plain sqlite3 in the event loop's thread: an indexed read takes some twenty microseconds, a hop to
another thread and back more than ten times that, and readers never wait in WAL. Nothing is kept
between two reads, so each one sees every change that was committed before it began.
"""

import contextlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from certgate_certs.registry.cas import COLUMNS as CA_COLUMNS
from certgate_certs.registry.cas import ca_from_row
from certgate_certs.registry.connections import READING, connect, translated
from certgate_certs.registry.devices import COLUMNS as DEVICE_COLUMNS
from certgate_certs.registry.devices import device_from_row
from certgate_certs.registry.remains import REGISTERED
from certgate_certs.rows import Binding, CaCertificate, Cause, DeviceCertificate, Status
from certgate_certs.serial_number import look_up_key

_CA_OF_DEVICE = ", ".join(f"c.{column.strip()}" for column in CA_COLUMNS.split(","))
_DEVICE_WIDTH = DEVICE_COLUMNS.count(",") + 1


@dataclass(frozen=True, slots=True)
class KnownDevice:
    """A registration of the certificate that was presented.

    Attributes:
        device: the device's registration.
        ca: that of the CA it was registered under.
    """

    device: DeviceCertificate
    ca: CaCertificate


class News(NamedTuple):
    """What running processes have to follow when it differs from what it was.

    Attributes:
        era: how often everything was replaced.
        withdrawals: grows with each inactivation and each deletion.
        requests: number of the newest request in the mailbox; None where there is none.
        clock: how far the lab's clock is ahead, milliseconds.
        faults: the numbers of the faults that are set, as text; None where none is.
    """

    era: int
    withdrawals: int
    requests: int | None
    clock: int
    faults: str | None


_NEWS = (
    "SELECT (SELECT number FROM era), (SELECT number FROM withdrawal),"
    " (SELECT max(id) FROM request), (SELECT offset_ms FROM clock),"
    " (SELECT group_concat(id) FROM fault)"
)


class StandingReader:
    """Answers the decision's questions.

    Args:
        path: the registry file; it exists and is up to date.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        with translated(path):
            self._connection = connect(path)
            self._connection.execute(READING)

    def close(self) -> None:
        """Let go of the file."""
        self._connection.close()

    def version(self) -> int:
        """Give a number that differs from the last one when somebody has changed the file.

        Raises:
            RegistryUnavailable: the file cannot be read.
        """
        with translated(self._path):
            return int(self._connection.execute("PRAGMA data_version").fetchone()[0])

    def news(self) -> News:
        """Give what there may be to follow.

        Raises:
            RegistryUnavailable: the file cannot be read.
        """
        with translated(self._path):
            return News(*self._connection.execute(_NEWS).fetchone())

    @contextlib.contextmanager
    def moment(self) -> Iterator[None]:
        """Make all reads of the block see one and the same state of the registry.

        Raises:
            RegistryUnavailable: the file cannot be read.
        """
        with translated(self._path):
            self._connection.execute("BEGIN")
            try:
                yield
            finally:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")

    def known_devices(self, instance_id: str, fingerprint: bytes) -> list[KnownDevice]:
        """Find the registrations of a certificate; more than one where CAs share a key.

        Args:
            instance_id: the instance asked for.
            fingerprint: SHA-256 of the certificate's DER.
        """
        rows = self._connection.execute(
            f"SELECT {DEVICE_COLUMNS}, {_CA_OF_DEVICE} FROM {REGISTERED}"
            " WHERE d.fingerprint = ? AND c.instance_id = ? ORDER BY d.id",
            (fingerprint, instance_id),
        )
        return [KnownDevice(device_from_row(row), ca_from_row(row[_DEVICE_WIDTH:])) for row in rows]

    def withdrawals(self) -> int:
        """Give a number that grows with each inactivation and each deletion.

        Raises:
            RegistryUnavailable: the file cannot be read.
        """
        with translated(self._path):
            return int(self._connection.execute("SELECT number FROM withdrawal").fetchone()[0])

    def withdrawn(self, rights: Mapping[int, int]) -> dict[int, Cause]:
        """Tell which devices have lost the right to be connected, and why.

        Args:
            rights: the devices' registrations, each with that of the CA it was judged by.

        Raises:
            RegistryUnavailable: the file cannot be read.
        """
        with self.moment():
            cas = self._statuses("ca_certificate", set(rights.values()))
            devices = self._statuses("device_certificate", set(rights))
        causes = {device: _cause(cas.get(ca), devices.get(device)) for device, ca in rights.items()}
        return {device: cause for device, cause in causes.items() if cause is not None}

    def _statuses(self, table: str, numbers: set[int]) -> dict[int, Status]:
        rows = self._connection.execute(
            f"SELECT id, status FROM {table} WHERE id IN (SELECT value FROM json_each(?))",
            (json.dumps(sorted(numbers)),),
        )
        return {number: Status(status) for number, status in rows}

    def binding(self, instance_id: str, client_id: str) -> Binding | None:
        """Find out whom a client identifier belongs to.

        Args:
            instance_id: the instance asked for.
            client_id: the identifier.
        """
        row = self._connection.execute(
            "SELECT b.id, d.id, d.ca_id, d.subject_der, d.not_before"
            f" FROM {REGISTERED} JOIN client_identifier AS b ON b.device_id = d.id"
            " WHERE b.instance_id = ? AND b.client_id = ?",
            (instance_id, client_id),
        ).fetchone()
        return None if row is None else Binding(*row)

    def cas(self, instance_id: str) -> list[CaCertificate]:
        """List an instance's CA certificates, inactive ones included.

        Args:
            instance_id: the instance asked for.
        """
        with translated(self._path):
            rows = self._connection.execute(
                f"SELECT {CA_COLUMNS} FROM ca_certificate WHERE instance_id = ? ORDER BY id",
                (instance_id,),
            ).fetchall()
        return [ca_from_row(row) for row in rows]

    def serial_taken(self, ca_id: int, sn: str) -> bool:
        """Tell whether a CA has a registered device certificate with this serial number.

        Args:
            ca_id: the CA's registration.
            sn: the serial number, any notation.
        """
        sql = "SELECT 1 FROM device_certificate WHERE ca_id = ? AND sn_key = ?"
        return self._connection.execute(sql, (ca_id, look_up_key(sn))).fetchone() is not None


def _cause(ca: Status | None, device: Status | None) -> Cause | None:
    if ca is None:
        return Cause.CA_DELETED
    if ca is Status.INACTIVE:
        return Cause.CA_INACTIVE
    if device is None:
        return Cause.DEVICE_DELETED
    return Cause.DEVICE_INACTIVE if device is Status.INACTIVE else None
