"""Kinds of key, and a signature, that are seldom or should not be."""

from collections.abc import Callable
from dataclasses import replace

from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from certgate_certs.authority import CertificateAuthority
from certgate_certs.builder import name_of
from certgate_certs.odd.der import signed_with_sha1
from certgate_certs.odd.kind import DeviceKey, Make, OddCase, OddKind
from certgate_certs.odd.making import Leaf, judged_by, key_of, ordinary

_UNACCEPTABLE = ("certificate_unacceptable",)


def _with(generate: Callable[[], DeviceKey]) -> Make:
    def make(ca: CertificateAuthority, name: str) -> OddCase:
        return judged_by(ca, Leaf(name_of(name), key=generate()).below(ca))

    return make


def _rsa(bits: int) -> Make:
    return _with(lambda: rsa.generate_private_key(public_exponent=65_537, key_size=bits))


def _ec(curve: ec.EllipticCurve) -> Make:
    return _with(lambda: ec.generate_private_key(curve))


def _p224(ca: CertificateAuthority, name: str) -> OddCase:
    return replace(_ec(ec.SECP224R1())(ca, name), judge=None)


def _sha1(ca: CertificateAuthority, name: str) -> OddCase:
    device = ordinary(ca, name)
    return judged_by(ca, replace(device, der=signed_with_sha1(device.der, key_of(ca))))


KINDS = (
    OddKind("rsa-2048", "The key is RSA with 2048 bits.", (), "It is strong enough.", _rsa(2048)),
    OddKind("rsa-4096", "The key is RSA with 4096 bits.", (), "It is strong enough.", _rsa(4096)),
    OddKind("ec-p256", "The key is on P-256.", (), "It is strong enough.", _ec(ec.SECP256R1())),
    OddKind("ec-p384", "The key is on P-384.", (), "It is strong enough.", _ec(ec.SECP384R1())),
    OddKind(
        "ed25519",
        "The key is Ed25519.",
        (),
        "It is strong enough, and TLS 1.2 has it too (RFC 8422).",
        _with(ed25519.Ed25519PrivateKey.generate),
    ),
    OddKind(
        "rsa-1024",
        "The key is RSA with 1024 bits.",
        _UNACCEPTABLE,
        "It can be broken (NIST SP 800-131A).",
        _rsa(1024),
    ),
    OddKind(
        "ec-p224",
        "The key is on P-224.",
        ("no_client_certificate",),
        "TLS 1.3 has no name for P-224, so a client has nothing to send; with TLS 1.2 the broker"
        " does not offer the curve.",
        _p224,
        reasons_tls12=("handshake_failed",),
    ),
    OddKind(
        "sha1-signed",
        "The CA signed the certificate with SHA-1.",
        _UNACCEPTABLE,
        "Such a signature can be forged by a chosen-prefix collision.",
        _sha1,
    ),
)
