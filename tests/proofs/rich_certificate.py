"""A certificate with every extension that the library can write; each has a parser to be tried."""

import ipaddress

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.name import _ASN1Type
from cryptography.x509.oid import AuthorityInformationAccessOID, ExtendedKeyUsageOID, NameOID

from certgate_certs.authority import CertificateAuthority
from certgate_certs.builder import draft, identifiers, key_usage, name_of
from certgate_certs.odd.der import der_of
from certgate_certs.odd.making import key_of

_OID = x509.ObjectIdentifier("1.3.6.1.4.1.55555.1.2.3")
_TIMESTAMPS = x509.ObjectIdentifier("1.3.6.1.4.1.11129.2.4.2")
# Version, log, time, extensions, algorithms, signature (RFC 6962, 3.2).
_TIMESTAMP = b"\x00" + b"\x01" * 32 + b"\x00" * 8 + b"\x00\x00" + b"\x04\x03" + b"\x00\x01\x02"
_NAMES: list[x509.GeneralName] = [
    x509.DNSName("device.example"),
    x509.RFC822Name("device@example.com"),
    x509.UniformResourceIdentifier("urn:device:1"),
    x509.IPAddress(ipaddress.ip_address("192.0.2.1")),
    x509.IPAddress(ipaddress.ip_address("2001:db8::1")),
    x509.DirectoryName(name_of("device")),
    x509.RegisteredID(_OID),
    x509.OtherName(_OID, b"\x0c\x01a"),
]
_SUBJECT = x509.Name(
    [
        x509.NameAttribute(NameOID.COUNTRY_NAME, "DE"),
        x509.NameAttribute(NameOID.ORGANIZATION_NAME, "\u00fc\u4e2d\U0001f4a1"),
        x509.NameAttribute(NameOID.EMAIL_ADDRESS, "device@example.com"),
        x509.NameAttribute(NameOID.X500_UNIQUE_IDENTIFIER, b"\x01\x02", _ASN1Type.BitString),
        x509.NameAttribute(_OID, "odd"),
        x509.NameAttribute(NameOID.COMMON_NAME, "rich"),
    ]
)


def rich(ca: CertificateAuthority) -> tuple[bytes, ec.EllipticCurvePrivateKey]:
    """Issue it; give its DER and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    unsigned = draft(_SUBJECT, ca.certificate.subject, key.public_key(), 30)
    for extension in (*_extensions(), *(item for item, _ in identifiers(key.public_key(), None))):
        unsigned = unsigned.add_extension(extension, critical=False)
    return der_of(unsigned.sign(key_of(ca), hashes.SHA256())), key


def _extensions() -> list[x509.ExtensionType]:
    return [
        x509.BasicConstraints(ca=False, path_length=None),
        key_usage(digital_signature=True),
        x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH, _OID]),
        x509.SubjectAlternativeName(_NAMES),
        x509.IssuerAlternativeName(_NAMES),
        *_pointers(),
        *_policies(),
        x509.NameConstraints(_NAMES[:1], [x509.DirectoryName(name_of("other"))]),
        x509.TLSFeature([x509.TLSFeatureType.status_request]),
        x509.OCSPNoCheck(),
        x509.PrecertPoison(),
        x509.MSCertificateTemplate(_OID, 1, 2),
        x509.UnrecognizedExtension(_TIMESTAMPS, b"\x04\x34\x00\x32\x00\x30" + _TIMESTAMP),
        x509.UnrecognizedExtension(_OID, b"\x30\x03\x02\x01\x01"),
    ]


def _pointers() -> list[x509.ExtensionType]:
    """Give the extensions that point somewhere."""
    reasons = frozenset([x509.ReasonFlags.key_compromise])
    point = x509.DistributionPoint(_NAMES[2:3], None, reasons, _NAMES[5:6])
    relative = x509.RelativeDistinguishedName(list(name_of("list")))
    access = x509.AccessDescription(AuthorityInformationAccessOID.OCSP, _NAMES[2])
    return [
        x509.CRLDistributionPoints([point, x509.DistributionPoint(None, relative, None, None)]),
        x509.FreshestCRL([point]),
        x509.AuthorityInformationAccess([access]),
        x509.SubjectInformationAccess([access]),
    ]


def _policies() -> list[x509.ExtensionType]:
    notice = x509.UserNotice(x509.NoticeReference("somebody", [1, 2]), "text")
    return [
        x509.CertificatePolicies([x509.PolicyInformation(_OID, ["urn:cps", notice])]),
        x509.PolicyConstraints(require_explicit_policy=1, inhibit_policy_mapping=0),
        x509.InhibitAnyPolicy(3),
    ]
