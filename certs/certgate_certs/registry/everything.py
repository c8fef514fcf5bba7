"""All that a scenario holds: read at one moment, replaced in one step.

A replacement begins a new *era*. What a broker has in hand from an era before (a connection it
serves, a decision record on its way to the file) must not reach into the new one; brokers compare
the number they know with the one in the file.
"""

import asyncio
import sqlite3
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

import aiosqlite

from certgate_certs.registry.contents import Contents, HeldCa, HeldCode, HeldDevice
from certgate_certs.registry.database import WITHDRAWN, Database
from certgate_certs.registry.grace import TABLES as GRACE
from certgate_certs.rows import Status
from certgate_certs.serial_number import look_up_key
from certgate_certs.view import CertificateView

# What other rows refer to comes after them; the numbers of rows go on counting (migrations.py).
_EMPTIED = (
    "client_identifier",
    "device_certificate",
    "ca_certificate",
    "deleted_ca",
    "registration_code",
    "decision",
    "closing",
    *GRACE,
)
_INSERT_CA = (
    "INSERT INTO ca_certificate (id, instance_id, sn_key, sn, name, status, der, content,"
    " verification, registration_code, not_before, not_after)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)
_INSERT_DEVICE = (
    "INSERT INTO device_certificate (id, ca_id, sn_key, sn, fingerprint, name, subject,"
    " subject_der, status, der, not_before, not_after, chain)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)
_INSERT_IDENTIFIER = (
    "INSERT INTO client_identifier (instance_id, client_id, device_id) VALUES (?, ?, ?)"
)
_INSERT_CODE = "INSERT INTO registration_code (code, instance_id, used) VALUES (?, ?, ?)"

# One statement sees one moment, and no writer waits for it.
_ALL = """
SELECT 'ca_certificate', id, instance_id, name, status, content, verification, registration_code
FROM ca_certificate
UNION ALL SELECT 'device_certificate', id, ca_id, der, status, chain, NULL, NULL
FROM device_certificate WHERE ca_id IN (SELECT id FROM ca_certificate)
UNION ALL SELECT 'client_identifier', device_id, client_id, NULL, NULL, NULL, NULL, NULL
FROM client_identifier
UNION ALL SELECT 'code', code, instance_id, used, NULL, NULL, NULL, NULL
FROM registration_code WHERE code NOT IN (SELECT registration_code FROM ca_certificate)
UNION ALL SELECT 'clock', offset_ms, NULL, NULL, NULL, NULL, NULL, NULL FROM clock
ORDER BY 1, 2
"""

_Row = tuple[Any, ...]


class Everything:
    """Reads and replaces all that a scenario holds.

    Args:
        database: the registry's file.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    async def era(self) -> int:
        """Give the number of replacements there have been.

        Raises:
            RegistryUnavailable: the file cannot be read.
        """
        return int((await self._database.fetch("SELECT number FROM era"))[0][0])

    async def read(self) -> Contents:
        """Read it as it is at one moment.

        Raises:
            RegistryUnavailable: the file cannot be read.
        """
        return _contents(await self._database.fetch(_ALL))

    async def replace(self, contents: Contents) -> int:
        """Put other contents in place of these; decision records and closings are forgotten.

        It happens in one transaction: no reader sees half of it, and a crash leaves the old or the
        new. Nothing is checked here beyond what the tables themselves demand.

        Args:
            contents: what it shall hold.

        Returns:
            The number of the era that begins.

        Raises:
            CertificateError: a certificate cannot be read.
            RegistryUnavailable: the file cannot be written, or the contents contradict themselves.
        """
        cas = await asyncio.to_thread(_with_views, contents.cas)
        async with self._database.transaction() as connection:
            for table in _EMPTIED:
                await connection.execute(f"DELETE FROM {table}")
            await _insert(connection, cas, contents.codes)
            if contents.clock_offset_ms is not None:
                sql = "UPDATE clock SET offset_ms = ?"
                await connection.execute(sql, (contents.clock_offset_ms,))
            await connection.execute(WITHDRAWN)
            rows = await connection.execute_fetchall(
                "UPDATE era SET number = number + 1 RETURNING number"
            )
            return int(next(iter(rows))[0])


def _contents(rows: Iterable[sqlite3.Row]) -> Contents:
    tables: dict[str, list[_Row]] = defaultdict(list)
    for row in rows:
        tables[row[0]].append(row[1:])
    owned: dict[object, list[str]] = defaultdict(list)
    for device_id, client_id, *_ in tables["client_identifier"]:
        owned[device_id].append(client_id)
    devices: dict[object, list[HeldDevice]] = defaultdict(list)
    for number, ca_id, der, status, chain, *_ in tables["device_certificate"]:
        client_ids = tuple(sorted(owned[number]))
        devices[ca_id].append(HeldDevice(der, Status(status), chain, client_ids))
    cas = tuple(
        HeldCa(instance_id, name, Status(status), content, proof, code, tuple(devices[number]))
        for number, instance_id, name, status, content, proof, code in tables["ca_certificate"]
    )
    codes = sorted((code, instance, bool(used)) for code, instance, used, *_ in tables["code"])
    ((offset, *_),) = tables["clock"]
    return Contents(cas, tuple(HeldCode(*code) for code in codes), offset)


_WithViews = list[tuple[HeldCa, CertificateView, list[tuple[HeldDevice, CertificateView]]]]


def _with_views(cas: Sequence[HeldCa]) -> _WithViews:
    return [
        (
            ca,
            CertificateView.from_pem(ca.content),
            [(device, CertificateView.from_der(device.der)) for device in ca.devices],
        )
        for ca in cas
    ]


async def _insert(
    connection: aiosqlite.Connection, cas: _WithViews, codes: Sequence[HeldCode]
) -> None:
    ca_id = await _last_number(connection, "ca_certificate")
    device_id = await _last_number(connection, "device_certificate")
    rows: dict[str, list[_Row]] = defaultdict(list)
    rows[_INSERT_CODE] = [(code.code, code.instance_id, code.used) for code in codes]
    for ca, view, devices in cas:
        ca_id += 1
        rows[_INSERT_CA].append(_ca_row(ca_id, ca, view))
        rows[_INSERT_CODE].append((ca.registration_code, ca.instance_id, True))
        for device, device_view in devices:
            device_id += 1
            rows[_INSERT_DEVICE].append(_device_row(device_id, ca_id, device, device_view))
            rows[_INSERT_IDENTIFIER] += [
                (ca.instance_id, client_id, device_id) for client_id in device.client_ids
            ]
    for sql in (_INSERT_CODE, _INSERT_CA, _INSERT_DEVICE, _INSERT_IDENTIFIER):
        if rows[sql]:
            await connection.executemany(sql, rows[sql])


async def _last_number(connection: aiosqlite.Connection, table: str) -> int:
    sql = "SELECT seq FROM sqlite_sequence WHERE name = ?"
    rows = list(await connection.execute_fetchall(sql, (table,)))
    return int(rows[0][0]) if rows else 0


def _ca_row(number: int, ca: HeldCa, view: CertificateView) -> _Row:
    which = (number, ca.instance_id, look_up_key(view.sn), view.sn, ca.name, ca.status, view.der)
    texts = (ca.content, ca.verification, ca.registration_code)
    return (*which, *texts, view.not_before, view.not_after)


def _device_row(number: int, ca_id: int, device: HeldDevice, view: CertificateView) -> _Row:
    which = (number, ca_id, look_up_key(view.sn), view.sn, view.fingerprint)
    names = (view.common_name, view.subject, view.subject_der)
    validity = (view.not_before, view.not_after)
    return (*which, *names, device.status, view.der, *validity, device.chain)
