"""Admission, with a real registry: who comes in, and as whom."""

from dataclasses import replace

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from broker.conftest import FIRST, SECOND, register
from certgate_broker.admission import Admission, Presented, Verdict
from certgate_broker.policy import IdentifierBinding, Policy
from certgate_broker.reasons import Reason
from certgate_certs.authority import CertificateAuthority
from certgate_certs.builder import draft, sign
from certgate_certs.issued import IssuedCertificate
from certgate_certs.registry import Registry, Status


class Gate:
    """An admission with the clock at the certificates' own time."""

    def __init__(self, registry: Registry, ca: CertificateAuthority) -> None:
        self.registry = registry
        self.now = ca.issued.view.not_before + 3_600_000
        self.policy = Policy()

    async def admit(
        self, issued: IssuedCertificate, client_id: str = "m", *, bare: bool = False, **more: str
    ) -> Verdict:
        """Present a certificate, with its chain or as on a resumed session without."""
        chain = () if bare else tuple(map(der, issued.issuers))
        presented = Presented(more.get("instance", FIRST), issued.view.der, chain, client_id)
        return await Admission(self.registry, self.policy, lambda: self.now).admit(presented)

    async def reasons(self, issued: IssuedCertificate, client_id: str = "m") -> tuple[Reason, ...]:
        """Give the reasons only."""
        return (await self.admit(issued, client_id)).decision.reasons


def der(certificate: x509.Certificate) -> bytes:
    """Give a certificate's DER."""
    return certificate.public_bytes(Encoding.DER)


def twin(ca: CertificateAuthority, issued: IssuedCertificate) -> IssuedCertificate:
    """Let a CA give the serial number of one device to another one."""
    key, other = ca.issued.private_key, ca.issue_device("twin")
    assert key is not None
    assert other.private_key is not None
    unsigned = draft(
        other.certificate.subject, ca.certificate.subject, other.private_key.public_key(), 30
    )
    # The builder takes a number once only.
    object.__setattr__(unsigned, "_serial_number", issued.certificate.serial_number)
    extensions = [(item.value, item.critical) for item in other.certificate.extensions]
    certificate = sign(unsigned, extensions, key)
    return IssuedCertificate(certificate, other.private_key, (ca.certificate,))


@pytest.fixture
async def gate(registry: Registry, ca: CertificateAuthority) -> Gate:
    """Give an admission with one registered CA."""
    await register(registry, ca)
    return Gate(registry, ca)


async def inactivate(registry: Registry, ca: CertificateAuthority) -> None:
    """Inactivate a CA."""
    assert await registry.cas.set_status(FIRST, ca.issued.view.sn, Status.INACTIVE)


class TestAdmit:
    """Who comes in, and as whom."""

    async def test_first_connection(self, gate: Gate, ca: CertificateAuthority) -> None:
        """A device that nobody has seen is registered, and owns its identifier."""
        issued = ca.issue_device("meter-1")
        verdict = await gate.admit(issued)
        found = await gate.registry.devices.find(FIRST, ca.issued.view.sn, issued.view.sn)
        identity = verdict.identity
        assert found is not None
        assert identity is not None
        assert (identity.instance_id, identity.client_id) == (FIRST, "m")
        assert (identity.device_id, identity.device_sn) == (found.id, issued.view.sn)
        assert (identity.ca_id, identity.ca_sn) == (found.ca_id, ca.issued.view.sn)
        binding = gate.registry.standing.binding(FIRST, "m")
        assert binding is not None
        assert (binding.id, binding.device_id) == (identity.owner, found.id)
        assert (verdict.ca_sn, verdict.decision.accepted) == (ca.issued.view.sn, True)

    async def test_known_device(self, gate: Gate, ca: CertificateAuthority) -> None:
        """A device that comes again is who it was, with its chain or without."""
        issued = ca.issue_device("meter-1")
        first = await gate.admit(issued)
        assert (await gate.admit(issued)).identity == first.identity
        assert (await gate.admit(issued, bare=True)).identity == first.identity

    async def test_second_identifier(self, gate: Gate, ca: CertificateAuthority) -> None:
        """A known device may own another identifier too."""
        issued = ca.issue_device("meter-1")
        first, second = await gate.admit(issued, "a"), await gate.admit(issued, "b")
        assert first.identity is not None
        assert second.identity is not None
        assert first.identity.device_id == second.identity.device_id
        assert first.identity.owner != second.identity.owner

    async def test_unknown_ca(self, gate: Gate) -> None:
        """A device of an unregistered CA is refused and not registered."""
        stranger = CertificateAuthority.create_root("Stranger").issue_device("meter-1")
        verdict = await gate.admit(stranger)
        assert verdict.decision.reasons == (Reason.CA_NOT_REGISTERED,)
        assert (verdict.identity, verdict.ca_sn) == (None, "")
        assert await gate.registry.devices.page(FIRST, 0, 10) == (0, [])

    async def test_ca_of_the_same_name(self, gate: Gate, ca: CertificateAuthority) -> None:
        """A CA that only has the registered one's name is not mistaken for it."""
        forged = CertificateAuthority.create_root("CA of the tests").issue_device("meter-1")
        assert await gate.reasons(forged) == (Reason.CHAIN_INVALID,)

    async def test_another_instance(self, gate: Gate, ca: CertificateAuthority) -> None:
        """A CA answers for the instance it is registered with and no other."""
        issued = ca.issue_device("meter-1")
        assert (await gate.admit(issued)).decision.accepted
        elsewhere = await gate.admit(issued, instance=SECOND)
        assert elsewhere.decision.reasons == (Reason.CA_NOT_REGISTERED,)

    async def test_inactive(self, gate: Gate, ca: CertificateAuthority) -> None:
        """A known device is refused from the moment its CA is inactive, and let in again after."""
        issued = ca.issue_device("meter-1")
        await gate.admit(issued)
        await inactivate(gate.registry, ca)
        assert await gate.reasons(issued) == (Reason.CA_INACTIVE,)
        await gate.registry.cas.set_status(FIRST, ca.issued.view.sn, Status.ACTIVE)
        await gate.registry.devices.set_status(
            FIRST, ca.issued.view.sn, issued.view.sn, Status.INACTIVE
        )
        assert await gate.reasons(issued) == (Reason.DEVICE_INACTIVE,)

    async def test_expired(self, gate: Gate, ca: CertificateAuthority) -> None:
        """A known device is judged by the clock each time."""
        issued = ca.issue_device("meter-1")
        await gate.admit(issued)
        gate.now = issued.view.not_after + 1000
        assert await gate.reasons(issued) == (Reason.CERTIFICATE_EXPIRED,)

    async def test_not_a_device(self, gate: Gate, ca: CertificateAuthority) -> None:
        """A server's certificate is no device's."""
        assert await gate.reasons(ca.issue_server(["s"])) == (Reason.CERTIFICATE_UNACCEPTABLE,)

    async def test_the_ca_itself(self, gate: Gate, ca: CertificateAuthority) -> None:
        """Who presents the registered CA certificate is not admitted by it."""
        assert Reason.CHAIN_INVALID in await gate.reasons(ca.issued)

    async def test_unreadable(self, gate: Gate) -> None:
        """Bytes that are no certificate are refused without a question to the registry."""
        presented = Presented(FIRST, b"0\x00", (), "m")
        verdict = await Admission(gate.registry, Policy(), lambda: 0).admit(presented)
        assert verdict == Verdict.refused(Reason.CERTIFICATE_UNACCEPTABLE)

    async def test_serial_number_reused(self, gate: Gate, ca: CertificateAuthority) -> None:
        """The second certificate with a serial number is refused, the first one stays."""
        issued = ca.issue_device("meter-1")
        await gate.admit(issued)
        assert await gate.reasons(twin(ca, issued), "t") == (Reason.SERIAL_NUMBER_REUSED,)
        assert (await gate.admit(issued)).decision.accepted


class TestIdentifiers:
    """Who may use which identifier."""

    async def test_owned(self, gate: Gate, ca: CertificateAuthority) -> None:
        """An identifier that a device has used is not another device's."""
        await gate.admit(ca.issue_device("meter-1"))
        refused = await gate.reasons(ca.issue_device("meter-2"))
        assert refused == (Reason.CLIENT_IDENTIFIER_BOUND_ELSEWHERE,)

    async def test_renewed_device(self, gate: Gate, ca: CertificateAuthority) -> None:
        """A newer certificate takes the identifier over with all that belongs to it, for good."""
        old, new = ca.issue_device("meter-1"), ca.issue_device("meter-1")
        before, after = await gate.admit(old), await gate.admit(new)
        assert before.identity is not None
        assert after.identity is not None
        assert before.identity.owner == after.identity.owner
        assert await gate.reasons(old) == (Reason.CLIENT_IDENTIFIER_BOUND_ELSEWHERE,)

    async def test_after_deletion(self, gate: Gate, ca: CertificateAuthority) -> None:
        """An identifier whose owner was deleted is free, and whoever takes it is a new owner."""
        issued, other = ca.issue_device("meter-1"), ca.issue_device("meter-2")
        first = await gate.admit(issued)
        await gate.registry.devices.delete(FIRST, ca.issued.view.sn, issued.view.sn)
        second = await gate.admit(other)
        assert first.identity is not None
        assert second.identity is not None
        assert first.identity.owner != second.identity.owner

    async def test_free(self, gate: Gate, ca: CertificateAuthority) -> None:
        """Where identifiers are free nothing is bound, and the device itself is the owner."""
        gate.policy = Policy(IdentifierBinding.NONE)
        for name in ("meter-1", "meter-2", "meter-1"):
            identity = (await gate.admit(ca.issue_device(name))).identity
            assert identity is not None
            assert identity.owner == identity.device_id
        assert gate.registry.standing.binding(FIRST, "m") is None
        known = ca.issue_device("meter-3")
        assert (await gate.admit(known)).identity == (await gate.admit(known)).identity


class TestPresented:
    """`Presented`."""

    def test_fingerprint(self, ca: CertificateAuthority) -> None:
        """The fingerprint is that of the certificate, whatever comes with it."""
        view = ca.issue_device("m").view
        presented = Presented(FIRST, view.der, (b"x",), "m")
        assert presented.fingerprint == view.fingerprint
        assert replace(presented, chain=()).fingerprint == view.fingerprint
