"""A read-only view of one certificate: what the rest of the house asks of it, and nothing else."""

import hashlib
import warnings
from dataclasses import dataclass
from typing import TypeVar

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from certgate_certs.serial_number import sn_from_integer

_MIN_RSA_BITS = 2048
_MIN_EC_BITS = 256
_MAX_SERIAL_BITS = 20 * 8
_WEAK_HASHES = frozenset({"md5", "sha1"})
_UNREADABLE = (
    KeyError,  # The library's answer to a TLS feature it does not know (RFC 7633).
    ValueError,
    TypeError,
    UnsupportedAlgorithm,
    x509.DuplicateExtension,
    x509.InvalidVersion,
    x509.UnsupportedGeneralNameType,
)

_Extension = TypeVar("_Extension", bound=x509.ExtensionType)


class CertificateError(ValueError):
    """Bytes that are not exactly one readable X.509 certificate; the text says why."""


@dataclass(frozen=True, slots=True)
class CertificateView:
    """One certificate as the registry and the decision see it.

    Attributes:
        der: the certificate's DER bytes.
        fingerprint: SHA-256 over the DER, 32 bytes.
        sn: the serial number in the API's `Sn` form.
        subject: the subject as RFC 4514 text; empty where the certificate has none.
        subject_der: the subject's DER, the form in which names are compared.
        issuer_der: the issuer's DER.
        common_name: the subject's first CN, or "".
        not_before: start of validity, milliseconds since the epoch.
        not_after: end of validity, milliseconds since the epoch, inclusive.
        is_ca: BasicConstraints says CA:TRUE.
        may_sign_certificates: key usage is absent or has keyCertSign.
        may_authenticate_clients: extended key usage is absent or names clientAuth (or any).
        ski: subject key identifier, or None.
        aki: authority key identifier, or None.
        public_key_der: SubjectPublicKeyInfo, DER.
        defects: why nobody should accept this certificate, whoever signed it, one sentence each.
    """

    der: bytes
    fingerprint: bytes
    sn: str
    subject: str
    subject_der: bytes
    issuer_der: bytes
    common_name: str
    not_before: int
    not_after: int
    is_ca: bool
    may_sign_certificates: bool
    may_authenticate_clients: bool
    ski: bytes | None
    aki: bytes | None
    public_key_der: bytes
    defects: tuple[str, ...]

    @classmethod
    def from_der(cls, der: bytes) -> "CertificateView":
        """Read one certificate.

        Args:
            der: the bytes of exactly one DER certificate.

        Raises:
            CertificateError: the bytes are no certificate, or one that cannot be understood.
        """
        # What the library warns of in a stranger's certificate is among the defects or no matter.
        with warnings.catch_warnings(action="ignore"):
            try:
                return _view(x509.load_der_x509_certificate(der))
            except _UNREADABLE as error:
                raise CertificateError(f"not a readable certificate: {error}") from error

    @classmethod
    def from_pem(cls, text: str) -> "CertificateView":
        """Read exactly one certificate from PEM; text before and after it is passed over.

        Args:
            text: PEM as ``openssl`` writes it, a ``-text`` preamble allowed.

        Raises:
            CertificateError: no certificate, more than one, or one that cannot be understood.
        """
        with warnings.catch_warnings(action="ignore"):
            try:
                found = x509.load_pem_x509_certificates(text.encode("utf-8", "replace"))
            except _UNREADABLE as error:
                raise CertificateError(f"not a readable certificate: {error}") from error
        if len(found) != 1:
            raise CertificateError("expected exactly one PEM certificate")
        return cls.from_der(found[0].public_bytes(Encoding.DER))

    def pem(self) -> str:
        """Give the certificate as PEM, without any text that may have come with it."""
        return self.parsed().public_bytes(Encoding.PEM).decode("ascii")

    def parsed(self) -> x509.Certificate:
        """Give the certificate as the library's own object."""
        with warnings.catch_warnings(action="ignore"):
            return x509.load_der_x509_certificate(self.der)


def _view(certificate: x509.Certificate) -> CertificateView:
    der = certificate.public_bytes(Encoding.DER)
    key = certificate.public_key()
    constraints = _extension(certificate, x509.BasicConstraints)
    usage = _extension(certificate, x509.KeyUsage)
    ski = _extension(certificate, x509.SubjectKeyIdentifier)
    aki = _extension(certificate, x509.AuthorityKeyIdentifier)
    return CertificateView(
        der=der,
        fingerprint=hashlib.sha256(der).digest(),
        sn=sn_from_integer(certificate.serial_number),
        subject=certificate.subject.rfc4514_string(),
        subject_der=certificate.subject.public_bytes(),
        issuer_der=certificate.issuer.public_bytes(),
        common_name=_common_name(certificate.subject),
        not_before=int(certificate.not_valid_before_utc.timestamp() * 1000),
        not_after=int(certificate.not_valid_after_utc.timestamp() * 1000),
        is_ca=constraints is not None and constraints.ca,
        may_sign_certificates=usage is None or usage.key_cert_sign,
        may_authenticate_clients=_client_authentication(certificate),
        ski=None if ski is None else ski.digest,
        aki=None if aki is None else aki.key_identifier,
        public_key_der=key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo),
        defects=tuple(_defects(certificate, key)),
    )


def _extension(certificate: x509.Certificate, kind: type[_Extension]) -> _Extension | None:
    try:
        return certificate.extensions.get_extension_for_class(kind).value
    except x509.ExtensionNotFound:
        return None


def _common_name(name: x509.Name) -> str:
    attributes = name.get_attributes_for_oid(NameOID.COMMON_NAME)
    value = attributes[0].value if attributes else ""
    return value if isinstance(value, str) else value.decode("utf-8", "replace")


def _client_authentication(certificate: x509.Certificate) -> bool:
    usages = _extension(certificate, x509.ExtendedKeyUsage)
    if usages is None:
        return True
    wanted = {ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE}
    return not wanted.isdisjoint(usages)


def _defects(certificate: x509.Certificate, key: CertificatePublicKeyTypes) -> list[str]:
    found = []
    if certificate.serial_number <= 0:
        found.append("the serial number is not a positive number (RFC 5280, 4.1.2.2)")
    if certificate.serial_number.bit_length() > _MAX_SERIAL_BITS:
        found.append("the serial number has more than 20 octets (RFC 5280, 4.1.2.2)")
    if _key_is_weak(key):
        found.append("the key is weaker than RSA 2048 or EC P-256, or of a kind TLS cannot use")
    digest = certificate.signature_hash_algorithm
    if digest is not None and digest.name in _WEAK_HASHES:
        found.append(f"the signature uses {digest.name}, which can be forged")
    return found


def _key_is_weak(key: CertificatePublicKeyTypes) -> bool:
    match key:
        case rsa.RSAPublicKey():
            return key.key_size < _MIN_RSA_BITS
        case ec.EllipticCurvePublicKey():
            return key.key_size < _MIN_EC_BITS
        case ed25519.Ed25519PublicKey() | ed448.Ed448PublicKey():
            return False
        case dsa.DSAPublicKey() | _:
            return True
