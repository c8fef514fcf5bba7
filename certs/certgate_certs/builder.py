"""The parts that certificates are built from: keys, names, extensions."""

import ipaddress
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.types import CertificateIssuerPublicKeyTypes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

PrivateKey = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey
Extensions = list[tuple[x509.ExtensionType, bool]]

_BACKDATE = timedelta(hours=1)  # A device's clock may run a little behind the issuer's.


class KeyType(StrEnum):
    """Kinds of key pair that certgate generates."""

    EC_P256 = "ec-p256"
    RSA_2048 = "rsa-2048"

    def generate(self) -> PrivateKey:
        """Make a new private key of this kind."""
        if self is KeyType.EC_P256:
            return ec.generate_private_key(ec.SECP256R1())
        return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def draft(
    subject: x509.Name,
    issuer: x509.Name,
    key: CertificateIssuerPublicKeyTypes,
    days: int,
    now: datetime | None = None,
) -> x509.CertificateBuilder:
    """Start a certificate: names, key, a random serial number, validity in days from now."""
    now = (now or datetime.now(UTC)).replace(microsecond=0)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _BACKDATE)
        .not_valid_after(now + timedelta(days=days))
    )


def sign(
    unsigned: x509.CertificateBuilder, extensions: Extensions, key: PrivateKey
) -> x509.Certificate:
    """Add extensions (each with its criticality) and sign with SHA-256."""
    for extension, critical in extensions:
        unsigned = unsigned.add_extension(extension, critical=critical)
    return unsigned.sign(key, hashes.SHA256())


def ca_extensions(
    key: CertificateIssuerPublicKeyTypes, issuer: x509.Certificate | None, path_length: int | None
) -> Extensions:
    """Give what makes a certificate a CA: BasicConstraints, key usage, SKI and AKI."""
    return [
        (x509.BasicConstraints(ca=True, path_length=path_length), True),
        (key_usage(key_cert_sign=True, crl_sign=True, digital_signature=True), True),
        *identifiers(key, issuer),
    ]


def identifiers(
    key: CertificateIssuerPublicKeyTypes, issuer: x509.Certificate | None
) -> Extensions:
    """Give subject and authority key identifiers (RFC 5280, 4.2.1.1 and 4.2.1.2).

    Args:
        key: the certificate's key.
        issuer: the issuer's certificate, whose own identifier is repeated; None: self-signed.
    """
    own = x509.SubjectKeyIdentifier.from_public_key(key)
    above = own if issuer is None else _key_identifier(issuer)
    return [
        (own, False),
        (x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(above), False),
    ]


def _key_identifier(issuer: x509.Certificate) -> x509.SubjectKeyIdentifier:
    try:
        return issuer.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    except x509.ExtensionNotFound:
        return x509.SubjectKeyIdentifier.from_public_key(issuer.public_key())


def key_usage(
    *,
    digital_signature: bool = False,
    key_encipherment: bool = False,
    key_cert_sign: bool = False,
    crl_sign: bool = False,
) -> x509.KeyUsage:
    """Give a key usage extension with these bits set and no other."""
    return x509.KeyUsage(
        digital_signature=digital_signature,
        content_commitment=False,
        key_encipherment=key_encipherment,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=key_cert_sign,
        crl_sign=crl_sign,
        encipher_only=False,
        decipher_only=False,
    )


def name_of(common_name: str) -> x509.Name:
    """Give the name that consists of one common name."""
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def general_name(name: str) -> x509.GeneralName:
    """Read an IP address as such and anything else as a DNS name."""
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def as_pem(certificate: x509.Certificate) -> str:
    """Write one certificate as PEM."""
    return certificate.public_bytes(Encoding.PEM).decode("ascii")
