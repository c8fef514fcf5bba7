"""How odd certificates are made: as ordinary ones, with one thing at a time exchanged."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import cast

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID

from certgate_certs.authority import CertificateAuthority
from certgate_certs.builder import (
    Extensions,
    PrivateKey,
    ca_extensions,
    identifiers,
    key_usage,
    name_of,
    sign,
)
from certgate_certs.issued import IssuedCertificate
from certgate_certs.odd.der import der_of
from certgate_certs.odd.kind import DeviceKey, OddCase, OddDevice

_BACKDATE = timedelta(hours=1)
_YEAR = timedelta(days=365)


def today(days: int = 0) -> datetime:
    """Give a moment so many days from now, whole seconds."""
    return datetime.now(UTC).replace(microsecond=0) + timedelta(days=days)


def new_key() -> ec.EllipticCurvePrivateKey:
    """Make an ordinary key."""
    return ec.generate_private_key(ec.SECP256R1())


@dataclass(frozen=True)
class Leaf:
    """How a device certificate shall be; what is not said is ordinary.

    Attributes:
        subject: its subject.
        key: its key.
        serial_number: its serial number.
        begin: its notBefore.
        end: its notAfter.
        purposes: its extended key usage; empty for no such extension.
        is_ca: it says CA:TRUE.
        alternatives: its subject alternative names; empty for no such extension.
    """

    subject: x509.Name
    key: DeviceKey = field(default_factory=new_key)
    serial_number: int = field(default_factory=x509.random_serial_number)
    begin: datetime = field(default_factory=lambda: today() - _BACKDATE)
    end: datetime = field(default_factory=lambda: today() + _YEAR)
    purposes: tuple[x509.ObjectIdentifier, ...] = (ExtendedKeyUsageOID.CLIENT_AUTH,)
    is_ca: bool = False
    alternatives: tuple[x509.GeneralName, ...] = ()

    def below(self, ca: CertificateAuthority) -> OddDevice:
        """Issue it; the client sends nothing after it."""
        unsigned = (
            x509.CertificateBuilder()
            .subject_name(self.subject)
            .issuer_name(ca.certificate.subject)
            .public_key(self.key.public_key())
            .serial_number(self.serial_number)
            .not_valid_before(self.begin)
            .not_valid_after(self.end)
        )
        signed = sign(unsigned, self._extensions(ca), key_of(ca))
        return OddDevice(der_of(signed), self.key)

    def _extensions(self, ca: CertificateAuthority) -> Extensions:
        found: Extensions = [
            (x509.BasicConstraints(ca=self.is_ca, path_length=None), True),
            (key_usage(digital_signature=True), True),
            *identifiers(self.key.public_key(), ca.certificate),
        ]
        if self.purposes:
            found.append((x509.ExtendedKeyUsage(self.purposes), False))
        if self.alternatives:
            # Critical where nothing else names the subject (RFC 5280, 4.2.1.6).
            critical = not list(self.subject)
            found.append((x509.SubjectAlternativeName(self.alternatives), critical))
        return found


def ordinary(ca: CertificateAuthority, name: str) -> OddDevice:
    """Issue a device certificate with nothing odd about it; nothing is sent after it."""
    return Leaf(name_of(name)).below(ca)


def judged_by(ca: CertificateAuthority, device: OddDevice) -> OddCase:
    """Give the case of a device whose CA is registered and answers for it."""
    return OddCase(device, (ca,), judge=ca)


def key_of(ca: CertificateAuthority) -> PrivateKey:
    """Give a CA's private key, without which it would not be one."""
    return cast("PrivateKey", ca.issued.private_key)


def authority(
    subject: x509.Name,
    issuer: CertificateAuthority | None = None,
    *,
    key: PrivateKey | None = None,
    extensions: Extensions | None = None,
    end: datetime | None = None,
) -> CertificateAuthority:
    """Make a CA without a limit of path length.

    Args:
        subject: its subject.
        issuer: who signs it; None: itself.
        key: its key; None: a new one.
        extensions: other ones than a CA has; None: those.
        end: its notAfter; None: a year from now.
    """
    own = key or new_key()
    above = None if issuer is None else issuer.certificate
    until = end or today() + _YEAR
    if extensions is None:
        extensions = ca_extensions(own.public_key(), above, path_length=None)
    unsigned = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject if above is None else above.subject)
        .public_key(own.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(until - 2 * _YEAR)
        .not_valid_after(until)
    )
    signed = sign(unsigned, extensions, own if issuer is None else key_of(issuer))
    return CertificateAuthority(IssuedCertificate(signed, own))
