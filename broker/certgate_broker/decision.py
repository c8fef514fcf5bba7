"""The decision: pure, total, every finding and not only the first."""

from dataclasses import dataclass

from certgate_broker.policy import IdentifierBinding, MqttAuth, Policy
from certgate_broker.reasons import Reason
from certgate_certs.chain import Path
from certgate_certs.rows import Binding, DeviceCertificate, Issuer, Status
from certgate_certs.view import CertificateView

_EMPTY_NAME = b"0\x00"  # DER of an empty SEQUENCE: a subject that names nobody.


@dataclass(frozen=True, slots=True)
class Leaf:
    """What is judged of the certificate that was presented.

    Attributes:
        sn: serial number, `Sn` form.
        common_name: the subject's common name, or "".
        subject: RFC 4514 text.
        subject_der: DER, the form in which subjects are compared.
        not_before: milliseconds since the epoch.
        not_after: milliseconds since the epoch.
        usable: it is an end-entity certificate for TLS clients without defects.
    """

    sn: str
    common_name: str
    subject: str
    subject_der: bytes
    not_before: int
    not_after: int
    usable: bool

    @classmethod
    def from_view(cls, view: CertificateView) -> "Leaf":
        """Take it from the certificate itself."""
        usable = not view.is_ca and view.may_authenticate_clients and not view.defects
        return cls(
            view.sn,
            view.common_name,
            view.subject,
            view.subject_der,
            view.not_before,
            view.not_after,
            usable,
        )

    @classmethod
    def from_row(cls, device: DeviceCertificate) -> "Leaf":
        """Take it from a registration: what is registered was usable, and DER does not change."""
        return cls(
            device.sn,
            device.name,
            device.subject,
            device.subject_der,
            device.not_before,
            device.not_after,
            usable=True,
        )


@dataclass(frozen=True, slots=True)
class Client:
    """What a client says of itself in CONNECT.

    Attributes:
        client_id: the client identifier.
        signed: user name and password are a signature by a known access key.
    """

    client_id: str
    signed: bool = False


@dataclass(frozen=True, slots=True)
class Standing:
    """What the registry says of a certificate and an identifier, at one moment.

    Attributes:
        ca: the registered CA that answers for the certificate, or None.
        issuer_known: without a `ca`: one with the issuer's name is registered.
        path: how the certificate leads to the CA; None where the CA issued it directly.
        device: the certificate's registration under `ca`, or None.
        registrations: numbers of all registrations of the certificate (CAs may share a key).
        inactive: one of these registrations is inactive.
        serial_taken: the CA has another certificate with the same serial number.
        binding: whose the client identifier is, or None.
    """

    ca: Issuer | None = None
    issuer_known: bool = False
    path: Path | None = None
    device: DeviceCertificate | None = None
    registrations: frozenset[int] = frozenset()
    inactive: bool = False
    serial_taken: bool = False
    binding: Binding | None = None


@dataclass(frozen=True, slots=True)
class Decision:
    """What becomes of a connection.

    Attributes:
        accepted: the client may go on.
        reasons: every finding, in the order of `Reason`; empty where accepted.
    """

    accepted: bool
    reasons: tuple[Reason, ...]

    @classmethod
    def refused(cls, *reasons: Reason) -> "Decision":
        """Refuse for reasons found before there was anything to decide on."""
        return cls(accepted=False, reasons=reasons)


def decide(leaf: Leaf, standing: Standing, client: Client, now: int, policy: Policy) -> Decision:
    """Judge a connection.

    Args:
        leaf: the certificate.
        standing: what the registry says of it and of the client identifier.
        client: what it says of itself.
        now: milliseconds since the epoch, the lab's clock.
        policy: what the operator chose.
    """
    findings = [
        *_issuer(standing),
        *_validity(leaf, standing, now),
        *_registration(leaf, standing),
        *_login(client, policy),
        *_identifier(leaf, standing, client.client_id, policy),
    ]
    reasons = tuple(reason for reason in Reason if reason in findings)
    return Decision(accepted=not reasons, reasons=reasons)


def _issuer(standing: Standing) -> list[Reason]:
    if standing.ca is None:
        return [Reason.CHAIN_INVALID if standing.issuer_known else Reason.CA_NOT_REGISTERED]
    return [] if standing.ca.status is Status.ACTIVE else [Reason.CA_INACTIVE]


def _validity(leaf: Leaf, standing: Standing, now: int) -> list[Reason]:
    judged = [item for item in (leaf, standing.ca) if item is not None]
    begins = [item.not_before for item in judged]
    ends = [item.not_after for item in judged]
    if standing.path is not None:
        begins.append(standing.path.valid_from)
        ends.append(standing.path.valid_until)
    early = [Reason.CERTIFICATE_NOT_YET_VALID] if now < max(begins) else []
    # notAfter is inclusive and has whole seconds (RFC 5280, 4.1.2.5).
    return [*early, Reason.CERTIFICATE_EXPIRED] if now >= min(ends) + 1000 else early


def _registration(leaf: Leaf, standing: Standing) -> list[Reason]:
    checks = {
        Reason.CERTIFICATE_UNACCEPTABLE: not leaf.usable,
        Reason.DEVICE_INACTIVE: standing.inactive,
        Reason.SERIAL_NUMBER_REUSED: standing.serial_taken,
    }
    return [reason for reason, found in checks.items() if found]


def _login(client: Client, policy: Policy) -> list[Reason]:
    needed = policy.mqtt_auth is MqttAuth.CERTIFICATE_AND_SIGNATURE
    return [Reason.SIGNATURE_INVALID] if needed and not client.signed else []


def _identifier(leaf: Leaf, standing: Standing, client_id: str, policy: Policy) -> list[Reason]:
    named = policy.client_id_binding is IdentifierBinding.COMMON_NAME
    fits = policy.client_id_form.allows(client_id)
    if not fits or (named and client_id != leaf.common_name):
        return [Reason.CLIENT_IDENTIFIER_UNACCEPTABLE]
    if policy.client_id_binding is not IdentifierBinding.FIRST_USE or standing.binding is None:
        return []
    if standing.binding.device_id in standing.registrations or succeeds(leaf, standing):
        return []
    return [Reason.CLIENT_IDENTIFIER_BOUND_ELSEWHERE]


def succeeds(leaf: Leaf, standing: Standing) -> bool:
    """Tell whether a certificate is the newer one of the device that owns the identifier.

    Same CA and same subject, valid from no earlier, registered later. A subject that names nobody
    succeeds nobody.

    Args:
        leaf: the certificate.
        standing: what the registry says of it; its binding is not None.
    """
    owner, ca, device = standing.binding, standing.ca, standing.device
    if owner is None or ca is None or leaf.subject_der == _EMPTY_NAME:
        return False
    same_device = (owner.ca_id, owner.subject_der) == (ca.id, leaf.subject_der)
    later = device is None or device.id > owner.device_id
    return same_device and leaf.not_before >= owner.not_before and later
