"""The reader that decisions are made with."""

import contextlib
import subprocess
import sys
from pathlib import Path

import pytest

from certgate_certs.authority import CertificateAuthority
from certgate_certs.registry import (
    CaCertificate,
    KnownDevice,
    Registry,
    RegistryUnavailable,
    StandingReader,
    Status,
    standing,
)
from certgate_certs.registry.grace import Period
from certgate_certs.registry.lagging import LaggingStanding
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
        assert found == [KnownDevice(device, ca.issuer)]

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
        assert [known.ca for known in found] == [ca.issuer for ca in cas]

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


class TestLookUp:
    """`StandingReader.look_up`: in one statement what two would say."""

    @pytest.fixture
    async def cas(self, registry: Registry, root: CertificateAuthority) -> list[CaCertificate]:
        """Register two CAs; the second one's devices do not know the first one's."""
        other = CertificateAuthority.create_root("Another")
        return [await register(registry, each) for each in (root, other)]

    @pytest.mark.parametrize("client_id", ["mine", "theirs", "nobody's", "deleted CA's"])
    async def test_as_two_statements(
        self,
        registry: Registry,
        root: CertificateAuthority,
        cas: list[CaCertificate],
        client_id: str,
    ) -> None:
        """Whoever owns the identifier, or once did."""
        leaf = root.issue_device("d").view
        await enrol(registry, cas[0], leaf, "mine")
        await enrol(registry, cas[1], leaf, "theirs")
        third = await register(registry, CertificateAuthority.create_root("Third"))
        await enrol(registry, third, leaf, "deleted CA's")
        await registry.grace.keep_ca(INSTANCE, third.sn, 1)
        registry.delay_withdrawals(Period(lambda: 1, _nothing))  # Leaves the rows where they are.
        await registry.cas.delete(INSTANCE, third.sn)
        reader = registry.standing
        known, binding = reader.look_up(INSTANCE, leaf.fingerprint, client_id)
        assert known == reader.known_devices(INSTANCE, leaf.fingerprint)
        assert [item.ca.id for item in known] == [cas[0].id, cas[1].id]
        assert binding == reader.binding(INSTANCE, client_id)
        assert (binding is None) is (client_id in {"nobody's", "deleted CA's"})

    async def test_unknown(
        self, registry: Registry, root: CertificateAuthority, cas: list[CaCertificate]
    ) -> None:
        """Of a certificate that is registered nowhere nothing is said, nor of the identifier."""
        await enrol(registry, cas[0], root.issue_device("d").view, "c")
        stranger = root.issue_device("e").view.fingerprint
        assert registry.standing.look_up(INSTANCE, stranger, "c") == ([], None)

    async def test_lagging(
        self, registry: Registry, root: CertificateAuthority, cas: list[CaCertificate]
    ) -> None:
        """A reader that lags behind says what it sees."""
        leaf = root.issue_device("d").view
        await enrol(registry, cas[0], leaf, "c")
        before = registry.standing.look_up(INSTANCE, leaf.fingerprint, "c")
        with contextlib.closing(LaggingStanding(registry.standing._path, lambda: 0)) as lagging:  # noqa: SLF001
            registry.delay_withdrawals(Period(lambda: 1, _nothing))
            await registry.cas.delete(INSTANCE, cas[0].sn)
            assert registry.standing.look_up(INSTANCE, leaf.fingerprint, "c") == ([], None)
            assert lagging.look_up(INSTANCE, leaf.fingerprint, "c") == before
            assert lagging.look_up(INSTANCE, b"stranger", "c") == ([], None)

    def test_no_table_is_read_as_a_whole(self, registry: Registry) -> None:
        """However many rows there are, each is found through an index."""
        explain = f"EXPLAIN QUERY PLAN {standing._LOOK_UP}"  # noqa: SLF001
        connection = registry.standing._connection  # noqa: SLF001
        plan = connection.execute(explain, ("i", "c", b"f", "i")).fetchall()
        steps = [row[-1] for row in plan]
        assert len([step for step in steps if step.startswith("SEARCH")]) == 5
        assert [step for step in steps if "SCAN" in step or "TEMP" in step] == []

    def test_unavailable(self, registry: Registry) -> None:
        """A file that cannot be read is called so."""
        registry.standing.close()
        with pytest.raises(RegistryUnavailable):
            registry.standing.look_up(INSTANCE, b"f", "c")


async def _nothing() -> None:
    """Count nothing."""
