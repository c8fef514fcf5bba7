"""The reader that decisions are made with."""

import subprocess
import sys
from pathlib import Path

import pytest

from certgate_certs.authority import CertificateAuthority
from certgate_certs.registry import (
    KnownDevice,
    Registry,
    RegistryUnavailable,
    StandingReader,
    Status,
)
from certgate_certs.view import CertificateView
from certs import odd
from certs.rows import INSTANCE, OTHER, bound_now, enrol, register

INACTIVATE = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1])
connection.execute("UPDATE ca_certificate SET status = 0")
connection.commit()
connection.close()
"""


def inactivate_elsewhere(path: Path) -> None:
    """Let another process inactivate every CA."""
    subprocess.run([sys.executable, "-c", INACTIVATE, str(path)], check=True)


class TestAnswers:
    """What the reader is asked."""

    async def test_a_known_device(self, registry: Registry, root: CertificateAuthority) -> None:
        """A certificate is found by its fingerprint, with the CA it is registered under."""
        ca = await register(registry, root)
        leaf = root.issue_device("d").view
        await enrol(registry, ca, leaf)
        _, (device,) = await registry.devices.page_of_ca(INSTANCE, ca.sn, 0, 1)
        found = registry.standing.known_devices(INSTANCE, leaf.fingerprint)
        assert found == [KnownDevice(device, ca)]

    async def test_registered_twice(self, registry: Registry, root: CertificateAuthority) -> None:
        """Under two CAs that share a key, a certificate has two registrations."""
        cas = [
            await register(registry, root),
            await register(registry, CertificateAuthority.create_root("Another")),
        ]
        leaf = root.issue_device("d").view
        for ca in cas:
            await enrol(registry, ca, leaf)
        found = registry.standing.known_devices(INSTANCE, leaf.fingerprint)
        assert [known.ca for known in found] == cas

    async def test_an_unknown_device(self, registry: Registry, root: CertificateAuthority) -> None:
        """Another certificate, or another instance, finds nothing."""
        leaf = root.issue_device("d").view
        await enrol(registry, await register(registry, root), leaf)
        stranger = root.issue_device("d").view.fingerprint
        assert registry.standing.known_devices(INSTANCE, stranger) == []
        assert registry.standing.known_devices(OTHER, leaf.fingerprint) == []

    async def test_cas(self, registry: Registry, root: CertificateAuthority) -> None:
        """All CAs of the instance are listed in their order, inactive ones included."""
        there = CertificateAuthority.create_root("There")
        await register(registry, there, OTHER)
        first = await register(registry, root)
        second = await register(registry, CertificateAuthority.create_root("Second"))
        inactive = await registry.cas.set_status(INSTANCE, first.sn, Status.INACTIVE)
        assert registry.standing.cas(INSTANCE) == [inactive, second]

    async def test_a_binding(self, registry: Registry, root: CertificateAuthority) -> None:
        """An identifier nobody owns has no binding, nor has another instance's."""
        await enrol(registry, await register(registry, root), root.issue_device("d").view, "c")
        assert bound_now(registry, "c") is not None
        assert bound_now(registry, "C") is None
        assert registry.standing.binding(OTHER, "c") is None

    async def test_a_serial_number(self, registry: Registry, root: CertificateAuthority) -> None:
        """A number is taken in any notation, and under its CA only."""
        ca = await register(registry, root)
        leaf = CertificateView.from_der(odd.self_issued(serial_number=0xFF01))
        await enrol(registry, ca, leaf)
        for sn in ("00ff01", "FF:01", "ff01"):
            assert registry.standing.serial_taken(ca.id, sn)
        assert not registry.standing.serial_taken(ca.id, "ff02")
        assert not registry.standing.serial_taken(ca.id + 1, "ff01")


class TestMoments:
    """When changes are seen."""

    async def test_another_process_is_seen_at_once(
        self, registry: Registry, registry_file: Path, root: CertificateAuthority
    ) -> None:
        """A commit elsewhere shows in the very next read."""
        ca = await register(registry, root)
        with registry.standing.moment():
            assert registry.standing.cas(INSTANCE) == [ca]
        inactivate_elsewhere(registry_file)
        with registry.standing.moment():
            assert [ca.status for ca in registry.standing.cas(INSTANCE)] == [Status.INACTIVE]

    async def test_all_of_a_moment_is_one_state(
        self, registry: Registry, registry_file: Path, root: CertificateAuthority
    ) -> None:
        """A commit in the middle of a moment shows after it."""
        ca = await register(registry, root)
        with registry.standing.moment():
            assert registry.standing.cas(INSTANCE) == [ca]
            inactivate_elsewhere(registry_file)
            assert registry.standing.cas(INSTANCE) == [ca]
        assert registry.standing.cas(INSTANCE) != [ca]

    async def test_an_exception_ends_the_moment(self, registry: Registry) -> None:
        """What is raised comes out as it is, and the next moment can begin."""
        with pytest.raises(LookupError, match="mine"), registry.standing.moment():
            raise LookupError("mine")
        with registry.standing.moment():
            assert registry.standing.cas(INSTANCE) == []

    async def test_a_reader_that_was_closed(self, registry: Registry) -> None:
        """Inside a moment, a file that cannot be read is told in a sentence."""

        def closed_meanwhile() -> None:
            with registry.standing.moment():
                registry.standing.close()

        with pytest.raises(RegistryUnavailable, match="closed database"):
            closed_meanwhile()


class TestOpening:
    """A reader of its own."""

    def test_no_file(self, tmp_path: Path) -> None:
        """A place where no file can be is told in a sentence."""
        with pytest.raises(RegistryUnavailable, match="unable to open"):
            StandingReader(tmp_path / "missing" / "registry.db")

    def test_no_registry(self, registry_file: Path) -> None:
        """A file that is no database is told in a sentence."""
        registry_file.write_bytes(b"x" * 4096)
        with pytest.raises(RegistryUnavailable, match="not a database"):
            StandingReader(registry_file)
