"""Odd CA certificates, and what is registered of them."""

from dataclasses import replace

from cryptography import x509

from certgate_certs.authority import CertificateAuthority
from certgate_certs.builder import Extensions, identifiers, name_of
from certgate_certs.odd.kind import OddCase, OddKind
from certgate_certs.odd.making import authority, judged_by, key_of, new_key, ordinary


def _same_subject(ca: CertificateAuthority, name: str) -> OddCase:
    twin = authority(ca.certificate.subject)
    return OddCase(ordinary(twin, name), (ca, twin), judge=twin)


def _renewed(ca: CertificateAuthority, name: str) -> OddCase:
    newer = authority(ca.certificate.subject, key=key_of(ca))
    return OddCase(ordinary(ca, name), (ca, newer), judge=newer, inactive=(ca,))


def _renewed_in_vain(ca: CertificateAuthority, name: str) -> OddCase:
    case = _renewed(ca, name)
    return replace(case, judge=ca, inactive=case.cas)


def _without_key_usage(_ca: CertificateAuthority, name: str) -> OddCase:
    subject, key = name_of(f"{name[:60]} CA"), new_key()
    constraints = x509.BasicConstraints(ca=True, path_length=None)
    extensions: Extensions = [(constraints, True), *identifiers(key.public_key(), None)]
    odd = authority(subject, key=key, extensions=extensions)
    return judged_by(odd, ordinary(odd, name))


def _forged(ca: CertificateAuthority, name: str) -> OddCase:
    forger = authority(ca.certificate.subject)
    return OddCase(ordinary(forger, name), (ca,), judge=None)


def _unknown(ca: CertificateAuthority, name: str) -> OddCase:
    stranger = authority(name_of(f"{name[:60]} CA"))
    return OddCase(ordinary(stranger, name), (ca,), judge=None)


KINDS = (
    OddKind(
        "ca-same-subject",
        "Two registered CAs have the same subject and different keys.",
        (),
        "The signature tells which of them issued the certificate, and that one answers.",
        _same_subject,
    ),
    OddKind(
        "ca-renewed",
        "Two registered CA certificates have one subject and one key; the older one is inactive.",
        (),
        "Both vouch for the device, and the active one answers: so is a CA certificate renewed.",
        _renewed,
    ),
    OddKind(
        "ca-renewed-inactive",
        "Two registered CA certificates have one subject and one key; both are inactive.",
        ("ca_inactive",),
        "No active one is left to answer.",
        _renewed_in_vain,
    ),
    OddKind(
        "ca-no-key-usage",
        "The registered CA certificate has no key usage.",
        (),
        "Without the extension a key is for any use (RFC 5280, 4.2.1.3).",
        _without_key_usage,
    ),
    OddKind(
        "ca-forged",
        "A CA that is not registered has the subject of one that is.",
        ("chain_invalid",),
        "Names are free for the taking; the registered key did not sign it.",
        _forged,
    ),
    OddKind(
        "ca-unknown",
        "The CA is not registered.",
        ("ca_not_registered",),
        "Nobody has proved to hold its key.",
        _unknown,
    ),
)
