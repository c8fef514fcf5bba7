"""Odd uses and dates of device certificates."""

from cryptography.x509.oid import ExtendedKeyUsageOID

from certgate_certs.authority import CertificateAuthority
from certgate_certs.builder import name_of
from certgate_certs.odd.kind import OddCase, OddKind
from certgate_certs.odd.making import Leaf, judged_by, today

_UNACCEPTABLE = ("certificate_unacceptable",)


def _no_purpose(ca: CertificateAuthority, name: str) -> OddCase:
    return judged_by(ca, Leaf(name_of(name), purposes=()).below(ca))


def _any_purpose(ca: CertificateAuthority, name: str) -> OddCase:
    purposes = (ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE,)
    return judged_by(ca, Leaf(name_of(name), purposes=purposes).below(ca))


def _server_only(ca: CertificateAuthority, name: str) -> OddCase:
    purposes = (ExtendedKeyUsageOID.SERVER_AUTH,)
    return judged_by(ca, Leaf(name_of(name), purposes=purposes).below(ca))


def _is_ca(ca: CertificateAuthority, name: str) -> OddCase:
    return judged_by(ca, Leaf(name_of(name), is_ca=True).below(ca))


def _expired(ca: CertificateAuthority, name: str) -> OddCase:
    return judged_by(ca, Leaf(name_of(name), begin=today(-30), end=today(-1)).below(ca))


def _not_yet_valid(ca: CertificateAuthority, name: str) -> OddCase:
    return judged_by(ca, Leaf(name_of(name), begin=today(1), end=today(30)).below(ca))


KINDS = (
    OddKind(
        "eku-missing",
        "The certificate has no extended key usage.",
        (),
        "Without the extension a certificate is for any purpose (RFC 5280, 4.2.1.12).",
        _no_purpose,
    ),
    OddKind(
        "eku-any",
        "The extended key usage says anyExtendedKeyUsage, and does not name clientAuth.",
        (),
        "It stands for every purpose (RFC 5280, 4.2.1.12).",
        _any_purpose,
    ),
    OddKind(
        "eku-server-only",
        "The extended key usage names serverAuth and nothing else.",
        _UNACCEPTABLE,
        "Its CA issued it to a server; a server must not pass for a device.",
        _server_only,
    ),
    OddKind(
        "leaf-is-ca",
        "The device certificate says CA:TRUE.",
        _UNACCEPTABLE,
        "Whoever holds its key could issue further devices; it is no end-entity certificate.",
        _is_ca,
    ),
    OddKind(
        "expired",
        "The certificate has expired.",
        ("certificate_expired",),
        "notAfter has passed by the lab's clock.",
        _expired,
    ),
    OddKind(
        "not-yet-valid",
        "The certificate is valid from tomorrow on.",
        ("certificate_not_yet_valid",),
        "notBefore has not come by the lab's clock.",
        _not_yet_valid,
    ),
)
