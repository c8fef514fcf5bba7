"""Admission while the registry changes, or fails."""

import sqlite3
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from broker.conftest import FIRST, register
from broker.test_admission import Gate
from certgate_broker.admission import Verdict
from certgate_broker.reasons import Reason
from certgate_certs.authority import CertificateAuthority
from certgate_certs.registry import Enrolled, FirstUse, Registry, RegistryUnavailable, Status

Operation = Callable[[], Awaitable[object]]


@pytest.fixture
async def gate(registry: Registry, ca: CertificateAuthority) -> Gate:
    """Give an admission with one registered CA."""
    await register(registry, ca)
    return Gate(registry, ca)


class TestOvertaken:
    """Somebody changes the registry between the look-up and the enrolment."""

    @staticmethod
    def overtake(monkeypatch: pytest.MonkeyPatch, registry: Registry, *first: Operation) -> None:
        """Run operations before the next enrolments, one each."""
        enrol, waiting = registry.devices.enrol, list(first)

        async def overtaken(first_use: FirstUse) -> Enrolled | None:
            if waiting:
                await waiting.pop(0)()
            return await enrol(first_use)

        monkeypatch.setattr(registry.devices, "enrol", overtaken)

    @pytest.mark.parametrize(
        ("operation", "reason"),
        [("inactivate", Reason.CA_INACTIVE), ("delete", Reason.CA_NOT_REGISTERED)],
    )
    async def test_ca(
        self,
        gate: Gate,
        ca: CertificateAuthority,
        monkeypatch: pytest.MonkeyPatch,
        operation: str,
        reason: Reason,
    ) -> None:
        """A CA that goes meanwhile takes the connection with it, and no device row is left."""
        cas, sn = gate.registry.cas, ca.issued.view.sn
        operations: dict[str, Operation] = {
            "inactivate": lambda: cas.set_status(FIRST, sn, Status.INACTIVE),
            "delete": lambda: cas.delete(FIRST, sn),
        }
        self.overtake(monkeypatch, gate.registry, operations[operation])
        assert await gate.reasons(ca.issue_device("meter-1")) == (reason,)
        assert await gate.registry.devices.page(FIRST, 0, 10) == (0, [])

    async def test_identifier(
        self, gate: Gate, ca: CertificateAuthority, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """An identifier that goes to somebody else meanwhile is his."""
        other = Gate(gate.registry, ca)
        self.overtake(monkeypatch, gate.registry, lambda: other.admit(ca.issue_device("meter-2")))
        refused = await gate.reasons(ca.issue_device("meter-1"))
        assert refused == (Reason.CLIENT_IDENTIFIER_BOUND_ELSEWHERE,)

    async def test_itself(
        self, gate: Gate, ca: CertificateAuthority, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A device that connects twice at once is registered once and admitted twice."""
        issued, other = ca.issue_device("meter-1"), Gate(gate.registry, ca)
        self.overtake(monkeypatch, gate.registry, lambda: other.admit(issued))
        assert (await gate.admit(issued)).decision.accepted
        assert (await gate.registry.devices.page(FIRST, 0, 10))[0] == 1

    async def test_for_ever(
        self, gate: Gate, ca: CertificateAuthority, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Who is overtaken again and again is refused, not kept waiting for ever."""

        async def never(_: FirstUse) -> None:
            return None

        monkeypatch.setattr(gate.registry.devices, "enrol", never)
        verdict = await gate.admit(ca.issue_device("meter-1"))
        assert verdict == Verdict.refused(Reason.REGISTRY_UNAVAILABLE)


class TestRegistryBroken:
    """Without a registry nobody comes in."""

    async def test_closed(self, tmp_path: Path, ca: CertificateAuthority) -> None:
        """A registry that is closed admits nobody."""
        registry = await Registry.open(tmp_path / "registry.db")
        await register(registry, ca)
        await registry.close()
        assert await Gate(registry, ca).reasons(ca.issue_device("m")) == (
            Reason.REGISTRY_UNAVAILABLE,
        )

    async def test_corrupted(self, gate: Gate, tmp_path: Path, ca: CertificateAuthority) -> None:
        """A registry that has lost a table admits nobody, known devices included."""
        issued = ca.issue_device("m")
        await gate.admit(issued)
        connection = sqlite3.connect(tmp_path / "registry.db")
        connection.execute("ALTER TABLE client_identifier RENAME TO gone")
        connection.close()
        assert await gate.reasons(issued) == (Reason.REGISTRY_UNAVAILABLE,)

    async def test_unwritable(
        self, gate: Gate, ca: CertificateAuthority, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A first connection that cannot be written down is refused."""

        async def fail(_: FirstUse) -> None:
            raise RegistryUnavailable("disk full")

        monkeypatch.setattr(gate.registry.devices, "enrol", fail)
        assert await gate.reasons(ca.issue_device("m")) == (Reason.REGISTRY_UNAVAILABLE,)
