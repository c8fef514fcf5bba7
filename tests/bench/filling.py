"""Fill a registry with as many devices as a benchmark wants."""

import asyncio
import contextlib
import sqlite3
from collections.abc import Iterable
from pathlib import Path

from bench.identities import INSTANCE, Identities
from certgate_certs.authority import CertificateAuthority
from certgate_certs.chain import FOREVER
from certgate_certs.chain import Path as WayUp
from certgate_certs.registry import Application, FirstUse, Registration, Registry

# One in ten is inactive. All have the same certificate, under fingerprints and serial numbers of
# their own: what is looked up, listed and removed costs what it would.
_DEVICES = """
WITH RECURSIVE count (number) AS (SELECT 1 UNION ALL SELECT number + 1 FROM count LIMIT :size),
made AS MATERIALIZED (SELECT number, '4' || lower(hex(randomblob(19))) || '0' AS sn FROM count)
INSERT INTO device_certificate (ca_id, sn_key, sn, fingerprint, name, subject, subject_der, status,
    der, not_before, not_after, chain)
SELECT :ca, sn, sn, randomblob(32), 'filler-' || number, 'CN=filler-' || number, randomblob(30),
    number % 10 > 0, :der, 1700000000000, 2000000000000, x'' FROM made
"""
_IDENTIFIERS = """
INSERT INTO client_identifier (instance_id, client_id, device_id)
SELECT :instance, 'filler-' || id, id FROM device_certificate WHERE id > :last
"""
_PARTS = 20
"""The fleet is spread, or its rows would lie in a few pages that are always at hand."""
_DIRECT = WayUp(anchor=0, between=(), valid_from=0, valid_until=FOREVER)


def fill(path: Path, size: int, mass: Identities, fleet: Identities) -> None:
    """Make a registry in which a CA has many devices, and another has a few, spread among them.

    Args:
        path: the file to make.
        size: devices beside the real ones.
        mass: the CA that has them all.
        fleet: the other CA; its devices are registered, each with its client identifier.
    """
    asyncio.run(_fill(path, size, mass, fleet))


def add_devices(path: Path, size: int) -> None:
    """Add devices that nobody has to the first CA of a registry.

    Args:
        path: the file.
        size: how many.
    """
    if not size:
        return
    der = CertificateAuthority.create_root("filler").issue_device("filler").view.der
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as file:
        file.execute("PRAGMA synchronous = OFF")
        file.execute("PRAGMA cache_size = -400000")
        last = file.execute("SELECT coalesce(max(id), 0) FROM device_certificate").fetchone()[0]
        (ca,) = file.execute("SELECT min(id) FROM ca_certificate").fetchone()
        file.execute("BEGIN IMMEDIATE")
        file.execute(_DEVICES, {"size": size, "ca": ca, "der": der})
        file.execute(_IDENTIFIERS, {"instance": INSTANCE, "last": last})
        file.execute("COMMIT")
        file.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def client_id(identities: Identities, number: int) -> str:
    """Name the client that one of some devices is."""
    return f"{identities.name}-client-{number}"


async def _fill(path: Path, size: int, mass: Identities, fleet: Identities) -> None:
    registry = await Registry.open(path)
    try:
        await _enrol(registry, await _register_ca(registry, mass.ca), mass, range(mass.count))
        ca_id = await _register_ca(registry, fleet.ca)
        for part in range(_PARTS):
            add_devices(path, size // _PARTS)
            await _enrol(registry, ca_id, fleet, range(part, fleet.count, _PARTS))
    finally:
        await registry.close()


async def _enrol(
    registry: Registry, ca_id: int, identities: Identities, numbers: Iterable[int]
) -> None:
    for number in numbers:
        view, name = identities.devices[number].view, client_id(identities, number)
        use = FirstUse(INSTANCE, ca_id, None, view, _DIRECT, name, None)
        assert await registry.devices.enrol(use) is not None


async def _register_ca(registry: Registry, ca: CertificateAuthority) -> int:
    code = await registry.codes.issue(INSTANCE)
    proof = ca.issue_verification(code).pem
    application = Application(INSTANCE, "bench", ca.issued.view, ca.pem, proof, code)
    assert await registry.cas.register(application, 100) is Registration.DONE
    found = await registry.cas.find(INSTANCE, ca.issued.view.sn)
    assert found is not None
    return found.id
