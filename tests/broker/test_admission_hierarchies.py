"""Admission where several CAs have something to say."""

import pytest

from broker.conftest import FIRST, register
from broker.test_admission import Gate, inactivate
from certgate_broker.reasons import Reason
from certgate_certs.authority import CertificateAuthority
from certgate_certs.builder import draft, sign
from certgate_certs.issued import IssuedCertificate
from certgate_certs.registry import Registry, Status


@pytest.fixture
async def gate(registry: Registry, ca: CertificateAuthority) -> Gate:
    """Give an admission with one registered CA."""
    await register(registry, ca)
    return Gate(registry, ca)


def again(ca: CertificateAuthority) -> CertificateAuthority:
    """Renew a CA certificate: same name, same key, another number."""
    key = ca.issued.private_key
    assert key is not None
    old = ca.certificate
    unsigned = draft(old.subject, old.issuer, key.public_key(), 30)
    extensions = [(item.value, item.critical) for item in old.extensions]
    return CertificateAuthority(IssuedCertificate(sign(unsigned, extensions, key), key))


class TestHierarchies:
    """Several CAs have something to say."""

    async def test_unregistered_intermediate(self, gate: Gate, ca: CertificateAuthority) -> None:
        """A device below an unregistered intermediate needs its chain once, and never again."""
        issued = ca.issue_intermediate("Between").issue_device("meter-1")
        bare = await gate.admit(issued, bare=True)
        assert bare.decision.reasons == (Reason.CA_NOT_REGISTERED,)
        first = await gate.admit(issued)
        assert first.identity is not None
        assert (await gate.admit(issued, bare=True)).identity == first.identity

    async def test_nearest_registered(self, gate: Gate, ca: CertificateAuthority) -> None:
        """The nearest registered CA answers: an active root does not help its inactive branch."""
        middle = ca.issue_intermediate("Between")
        issued = middle.issue_device("meter-1")
        await register(gate.registry, middle)
        assert (await gate.admit(issued)).ca_sn == middle.issued.view.sn
        await inactivate(gate.registry, middle)
        assert await gate.reasons(issued) == (Reason.CA_INACTIVE,)
        assert await gate.reasons(middle.issue_device("meter-2"), "n") == (Reason.CA_INACTIVE,)

    async def test_registered_after_the_device(self, gate: Gate, ca: CertificateAuthority) -> None:
        """A branch that was registered and inactivated later stops its known devices too."""
        middle = ca.issue_intermediate("Between")
        issued = middle.issue_device("meter-1")
        assert (await gate.admit(issued)).ca_sn == ca.issued.view.sn
        await register(gate.registry, middle)
        await inactivate(gate.registry, middle)
        assert await gate.reasons(issued) == (Reason.CA_INACTIVE,)

    async def test_renewed_ca(self, gate: Gate, ca: CertificateAuthority) -> None:
        """Of two registered certificates of one CA the active one answers."""
        issued, newer = ca.issue_device("meter-1"), again(ca)
        before = await gate.admit(issued)
        await register(gate.registry, newer)
        await inactivate(gate.registry, ca)
        after = await gate.admit(issued)
        assert (before.ca_sn, after.ca_sn) == (ca.issued.view.sn, newer.issued.view.sn)
        assert before.identity is not None
        assert after.identity is not None
        assert before.identity.device_id != after.identity.device_id
        assert before.identity.owner == after.identity.owner
        await inactivate(gate.registry, newer)
        assert await gate.reasons(issued) == (Reason.CA_INACTIVE,)

    async def test_inactive_under_either(self, gate: Gate, ca: CertificateAuthority) -> None:
        """A device that is inactive under one certificate of its CA is so under the other."""
        issued, newer = ca.issue_device("meter-1"), again(ca)
        await gate.admit(issued)
        await register(gate.registry, newer)
        await gate.registry.devices.set_status(
            FIRST, ca.issued.view.sn, issued.view.sn, Status.INACTIVE
        )
        await inactivate(gate.registry, ca)
        assert await gate.reasons(issued) == (Reason.DEVICE_INACTIVE,)
