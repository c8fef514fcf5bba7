"""Odd subjects."""

from cryptography import x509
from cryptography.x509.name import _ASN1Type
from cryptography.x509.oid import NameOID

from certgate_certs.authority import CertificateAuthority
from certgate_certs.builder import name_of
from certgate_certs.odd.kind import OddCase, OddKind
from certgate_certs.odd.making import Leaf, judged_by

_MANY = 100
# X.520, ub-organizational-unit-name and ub-common-name; the library counts octets of UTF-8, so a
# device's name is cut short below where something is put behind it.
_LONGEST = 64


def _without_cn(ca: CertificateAuthority, name: str) -> OddCase:
    subject = x509.Name([x509.NameAttribute(NameOID.ORGANIZATION_NAME, name)])
    return judged_by(ca, Leaf(subject).below(ca))


def _san_only(ca: CertificateAuthority, name: str) -> OddCase:
    return judged_by(ca, Leaf(x509.Name([]), alternatives=(x509.DNSName(name),)).below(ca))


def _long(ca: CertificateAuthority, name: str) -> OddCase:
    units = [
        x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, str(number).zfill(_LONGEST))
        for number in range(_MANY)
    ]
    return judged_by(ca, Leaf(x509.Name([*units, *name_of(name)])).below(ca))


def _emoji(ca: CertificateAuthority, name: str) -> OddCase:
    return judged_by(ca, Leaf(name_of(f"{name[:50]} \N{ELECTRIC LIGHT BULB}\ufe0f")).below(ca))


def _bmp(ca: CertificateAuthority, name: str) -> OddCase:
    # The library reads this type and writes it, but has no public name for it.
    value = f"{name[:50]} \u200f\u05e0\u05d5\u05e8\u05d4"
    attribute = x509.NameAttribute(NameOID.COMMON_NAME, value, _ASN1Type.BMPString)
    return judged_by(ca, Leaf(x509.Name([attribute])).below(ca))


def _nul(ca: CertificateAuthority, name: str) -> OddCase:
    return judged_by(ca, Leaf(name_of(f"{name[:50]}\0.example")).below(ca))


KINDS = (
    OddKind(
        "subject-no-cn",
        "The subject has an organization and no common name.",
        (),
        "A device is known by its CA, serial number and fingerprint; its `DeviceName` is empty.",
        _without_cn,
    ),
    OddKind(
        "subject-san-only",
        "The subject is empty; a critical subject alternative name stands in for it.",
        (),
        "RFC 5280, 4.1.2.6, allows it.",
        _san_only,
    ),
    OddKind(
        "subject-long",
        "The subject has 100 organizational units of 64 characters.",
        (),
        "Neither RFC 5280 nor X.520 limits a name as a whole.",
        _long,
    ),
    OddKind(
        "subject-emoji",
        "The common name has an emoji, in a UTF8String.",
        (),
        "UTF8String holds any character.",
        _emoji,
    ),
    OddKind(
        "subject-bmp-string",
        "The common name is a BMPString with Hebrew letters and a mark that turns the writing.",
        (),
        "RFC 5280, 4.1.2.4, keeps the old string types for names in use.",
        _bmp,
    ),
    OddKind(
        "subject-nul",
        "The common name has a NUL character in the middle.",
        (),
        "It is compared and stored whole, not up to the NUL, so it cannot pass for another name.",
        _nul,
    ),
)
