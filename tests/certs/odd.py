"""Certificates that nobody should issue, and the foreign tool that judges the others."""

import subprocess
from datetime import UTC, datetime
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes
from cryptography.hazmat.primitives.serialization import Encoding

from certgate_certs.authority import CertificateAuthority
from certgate_certs.builder import Extensions, KeyType, PrivateKey, draft, name_of, sign
from certgate_certs.issued import IssuedCertificate
from certgate_certs.view import CertificateView

BEGIN = datetime(2024, 1, 1, tzinfo=UTC)
LATER = datetime(2024, 2, 1, tzinfo=UTC)
MIDDLE = datetime(2024, 6, 1, tzinfo=UTC)
END = datetime(2025, 1, 1, tzinfo=UTC)
FAR = datetime(2190, 1, 1, tzinfo=UTC)
FARTHER = datetime(2191, 1, 1, tzinfo=UTC)
BASIC_CONSTRAINTS = x509.BasicConstraints.oid

_KEY = KeyType.EC_P256.generate()


def openssl(*arguments: str, given: str | bytes = b"") -> str:
    """Run the foreign tool and give what it prints; it must succeed."""
    data = given.encode() if isinstance(given, str) else given
    run = subprocess.run(["openssl", *arguments], input=data, capture_output=True, check=True)
    return run.stdout.decode()


def verified(tmp_path: Path, purpose: str, pem: str, trusted: str, untrusted: str = "") -> str:
    """Let openssl verify a certificate for a purpose; give its answer."""
    for name, text in {"leaf": pem, "trusted": trusted, "untrusted": untrusted}.items():
        (tmp_path / name).write_text(text)
    arguments = ["-x509_strict", "-purpose", purpose, "-CAfile", str(tmp_path / "trusted")]
    if untrusted:
        arguments += ["-untrusted", str(tmp_path / "untrusted")]
    return openssl("verify", *arguments, str(tmp_path / "leaf"))


def key_of(ca: CertificateAuthority) -> PrivateKey:
    """Give the private key of a CA."""
    assert ca.issued.private_key is not None
    return ca.issued.private_key


def der_of(certificate: x509.Certificate) -> bytes:
    """Give a certificate's DER."""
    return certificate.public_bytes(Encoding.DER)


def self_issued(
    subject: x509.Name | None = None,
    extensions: Extensions | None = None,
    *,
    key: CertificatePublicKeyTypes | None = None,
    serial_number: int = 4711,
    dates: tuple[datetime, datetime] = (BEGIN, END),
) -> bytes:
    """Give the DER of a certificate with any subject, key, number, dates and extensions."""
    unsigned = (
        x509.CertificateBuilder()
        .subject_name(name_of("odd") if subject is None else subject)
        .issuer_name(name_of("issuer"))
        .public_key(_KEY.public_key() if key is None else key)
        .serial_number(serial_number)
        .not_valid_before(dates[0])
        .not_valid_after(dates[1])
    )
    return der_of(sign(unsigned, extensions or [], _KEY))


def with_serial_octets(octets: bytes) -> bytes:
    """Give the DER of a certificate whose serial number has these content octets."""
    certificate = x509.load_der_x509_certificate(self_issued(serial_number=4711))
    signed = certificate.tbs_certificate_bytes
    # Version 3 and the serial number come first (RFC 5280, 4.1).
    start = signed.index(b"\xa0\x03\x02\x01\x02\x02\x02\x12\x67")
    rest = signed[start + 9 :]
    body = b"\xa0\x03\x02\x01\x02" + tlv(0x02, octets) + rest
    return tlv(0x30, tlv(0x30, body) + der_of(certificate).split(signed)[1])


def tlv(tag: int, content: bytes) -> bytes:
    """Write one DER element: tag, length, content (X.690, 8.1)."""
    length = len(content).to_bytes(3, "big").lstrip(b"\0") or b"\0"
    short = len(content) < 0x80
    return bytes([tag]) + (b"" if short else bytes([0x80 | len(length)])) + length + content


def replaced(der: bytes, old: bytes, new: bytes) -> bytes:
    """Exchange octets that occur once for as many others; the signature is wrong from then on."""
    assert len(old) == len(new)
    assert der.count(old) == 1
    return der.replace(old, new)


def below(
    ca: CertificateAuthority,
    name: str,
    extensions: Extensions,
    *,
    key: PrivateKey | None = None,
    dates: tuple[datetime, datetime] | None = None,
) -> CertificateAuthority:
    """Let a CA issue something that issues in its turn, with any key, dates and extensions."""
    own = key or KeyType.EC_P256.generate()
    unsigned = draft(name_of(name), ca.certificate.subject, own.public_key(), 10)
    if dates is not None:
        unsigned = _redated(ca, name, own, dates)
    issued = sign(unsigned, extensions, key_of(ca))
    return CertificateAuthority(IssuedCertificate(issued, own, (ca.certificate,)))


def _redated(
    ca: CertificateAuthority, name: str, key: PrivateKey, dates: tuple[datetime, datetime]
) -> x509.CertificateBuilder:
    return x509.CertificateBuilder(
        issuer_name=ca.certificate.subject,
        subject_name=name_of(name),
        public_key=key.public_key(),
        serial_number=x509.random_serial_number(),
        not_valid_before=dates[0].replace(tzinfo=None),
        not_valid_after=dates[1].replace(tzinfo=None),
    )


def renewed(ca: CertificateAuthority, days: int = 7) -> CertificateView:
    """Give another certificate of the same CA: same name, same key, other number and dates."""
    key = key_of(ca)
    unsigned = draft(ca.certificate.subject, ca.certificate.subject, key.public_key(), days)
    extensions: Extensions = [(item.value, item.critical) for item in ca.certificate.extensions]
    return CertificateView.from_der(der_of(sign(unsigned, extensions, key)))


def ca_like(issuer: CertificateAuthority) -> Extensions:
    """Give the extensions of a CA without a limit of path length, and without identifiers."""
    mine = issuer.certificate.extensions
    kinds = (BASIC_CONSTRAINTS, x509.KeyUsage.oid)
    return [(item.value, item.critical) for item in mine if item.oid in kinds]


def rsa_1024() -> PrivateKey:
    """Give a key that is too short."""
    return rsa.generate_private_key(public_exponent=65537, key_size=1024)


def shortest() -> bytes:
    """Give the DER of a CA certificate of less than 256 octets."""
    key = ed25519.Ed25519PrivateKey.generate()
    builder = x509.CertificateBuilder(
        issuer_name=name_of("r"),
        subject_name=name_of("i"),
        public_key=key.public_key(),
        serial_number=5,
        not_valid_before=BEGIN.replace(tzinfo=None),
        not_valid_after=END.replace(tzinfo=None),
    )
    constraints = x509.BasicConstraints(ca=True, path_length=None)
    return der_of(builder.add_extension(constraints, critical=True).sign(key, None))
