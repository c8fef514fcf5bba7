"""What the registry says of one connection, read at the moment of the decision.

Plain sqlite3 in the event loop's thread: an indexed read takes some twenty microseconds, a hop to
another thread and back more than ten times that, and readers never wait in WAL. Nothing is kept
between two reads, so each one sees every change that was committed before it began.
"""

import contextlib
import json
import sqlite3
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from certgate_certs.registry.cas import COLUMNS as CA_COLUMNS
from certgate_certs.registry.cas import ca_from_row
from certgate_certs.registry.connections import READING, connect, translated
from certgate_certs.registry.devices import COLUMNS as DEVICE_COLUMNS
from certgate_certs.registry.devices import device_from_row
from certgate_certs.registry.news import News, read_news
from certgate_certs.registry.remains import REGISTERED
from certgate_certs.rows import (
    Binding,
    CaCertificate,
    Cause,
    DeviceCertificate,
    Issuer,
    Status,
)
from certgate_certs.serial_number import look_up_key

_ISSUER = "c.id, c.sn, c.status, c.not_before, c.not_after"


@dataclass(frozen=True, slots=True)
class KnownDevice:
    """A registration of the certificate that was presented.

    Attributes:
        device: the device's registration.
        ca: the CA it was registered under.
    """

    device: DeviceCertificate
    ca: Issuer


_WIDTH = DEVICE_COLUMNS.count(",") + 1
_BINDING = slice(_WIDTH + _ISSUER.count(",") + 1, None)
# An owner whose CA is gone owns nothing: its CA's number comes last.
_LOOK_UP = (
    f"SELECT {DEVICE_COLUMNS}, {_ISSUER}, b.id, o.id, o.ca_id, o.subject_der, o.not_before, a.id"
    f" FROM {REGISTERED}"
    " LEFT JOIN client_identifier AS b ON b.instance_id = ? AND b.client_id = ?"
    " LEFT JOIN device_certificate AS o ON o.id = b.device_id"
    " LEFT JOIN ca_certificate AS a ON a.id = o.ca_id"
    " WHERE d.fingerprint = ? AND c.instance_id = ? ORDER BY d.id"
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
            return read_news(self._connection)

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

    def look_up(
        self, instance_id: str, fingerprint: bytes, client_id: str
    ) -> tuple[list[KnownDevice], Binding | None]:
        """Find the registrations of a certificate, and whom a client identifier belongs to.

        One statement sees one moment, and touches each page once: what has been read before is
        forgotten by SQLite whenever somebody writes.

        Args:
            instance_id: the instance asked for.
            fingerprint: SHA-256 of the certificate's DER.
            client_id: the identifier.

        Returns:
            The registrations, as `known_devices` gives them. Without any, nothing is said of the
            identifier.

        Raises:
            RegistryUnavailable: the file cannot be read.
        """
        with translated(self._path):
            which = (instance_id, client_id, fingerprint, instance_id)
            rows = self._connection.execute(_LOOK_UP, which).fetchall()
        owner = rows[0][_BINDING] if rows else ()
        return [_known(row) for row in rows], Binding(*owner[:-1]) if any(owner[-1:]) else None

    def known_devices(self, instance_id: str, fingerprint: bytes) -> list[KnownDevice]:
        """Find the registrations of a certificate; more than one where CAs share a key.

        Args:
            instance_id: the instance asked for.
            fingerprint: SHA-256 of the certificate's DER.
        """
        rows = self._connection.execute(
            f"SELECT {DEVICE_COLUMNS}, {_ISSUER} FROM {REGISTERED}"
            " WHERE d.fingerprint = ? AND c.instance_id = ? ORDER BY d.id",
            (fingerprint, instance_id),
        )
        return [_known(row) for row in rows]

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


def _known(row: sqlite3.Row) -> KnownDevice:
    number, sn, status, *validity = row[_WIDTH : _BINDING.start]
    return KnownDevice(device_from_row(row), Issuer(number, sn, Status(status), *validity))


def _cause(ca: Status | None, device: Status | None) -> Cause | None:
    if ca is None:
        return Cause.CA_DELETED
    if ca is Status.INACTIVE:
        return Cause.CA_INACTIVE
    if device is None:
        return Cause.DEVICE_DELETED
    return Cause.DEVICE_INACTIVE if device is Status.INACTIVE else None
