"""Odd chains: what stands between a device and its CA, and what the client sends of it."""

from collections.abc import Callable
from dataclasses import replace

from cryptography import x509

from certgate_certs.authority import CertificateAuthority
from certgate_certs.builder import Extensions, ca_extensions, identifiers, key_usage, name_of
from certgate_certs.chain import MAX_PRESENTED
from certgate_certs.odd.der import der_of
from certgate_certs.odd.kind import Make, OddCase, OddDevice, OddKind
from certgate_certs.odd.making import authority, judged_by, new_key, ordinary, today

_INVALID = ("chain_invalid",)

Choose = Callable[[CertificateAuthority, CertificateAuthority], list[CertificateAuthority]]
"""Says what is sent, given the CA and the intermediate below it."""


def _sending(choose: Choose) -> Make:
    def make(ca: CertificateAuthority, name: str) -> OddCase:
        middle = _between(ca, name)
        return judged_by(ca, _device(middle, name, *choose(ca, middle)))

    return make


def _between(ca: CertificateAuthority, name: str, level: int = 1) -> CertificateAuthority:
    return authority(name_of(f"{name[:40]} intermediate {level}"), ca)


def _device(issuer: CertificateAuthority, name: str, *sent: CertificateAuthority) -> OddDevice:
    chain = tuple(der_of(ca.certificate) for ca in sent)
    return replace(ordinary(issuer, name), sent=chain)


def _strangers(count: int) -> list[CertificateAuthority]:
    return [authority(name_of(f"stranger {number}")) for number in range(1, count + 1)]


def _leaf_only(ca: CertificateAuthority, name: str) -> OddCase:
    return judged_by(ca, ordinary(ca, name))


def _missing(ca: CertificateAuthority, name: str) -> OddCase:
    return OddCase(ordinary(_between(ca, name), name), (ca,), judge=None)


def _crowded(ca: CertificateAuthority, name: str) -> OddCase:
    middle = _between(ca, name)
    device = _device(middle, name, *_strangers(MAX_PRESENTED), middle)
    return OddCase(device, (ca,), judge=None)


def _deep(ca: CertificateAuthority, name: str) -> OddCase:
    upper = _between(ca, name)
    lower = _between(upper, name, 2)
    return judged_by(ca, _device(lower, name, lower, upper))


def _alone(ca: CertificateAuthority, name: str) -> OddCase:
    middle = _between(ca, name)
    return judged_by(middle, ordinary(middle, name))


def _too_deep(ca: CertificateAuthority, name: str) -> OddCase:
    key = new_key()
    last = ca_extensions(key.public_key(), ca.certificate, path_length=0)
    upper = authority(name_of(f"{name[:40]} intermediate 1"), ca, key=key, extensions=last)
    lower = _between(upper, name, 2)
    return OddCase(_device(lower, name, lower, upper), (ca,), judge=None)


def _below(make: Callable[[], Extensions]) -> Make:
    """Put something between that has these extensions and its identifiers."""

    def issue(ca: CertificateAuthority, name: str) -> OddCase:
        key = new_key()
        extensions = [*make(), *identifiers(key.public_key(), ca.certificate)]
        subject = name_of(f"{name[:40]} intermediate")
        middle = authority(subject, ca, key=key, extensions=extensions)
        return OddCase(_device(middle, name, middle), (ca,), judge=None)

    return issue


def _end_entity() -> Extensions:
    usage = key_usage(digital_signature=True)
    return [(x509.BasicConstraints(ca=False, path_length=None), True), (usage, True)]


def _without_cert_sign() -> Extensions:
    usage = key_usage(digital_signature=True, crl_sign=True)
    return [(x509.BasicConstraints(ca=True, path_length=None), True), (usage, True)]


def _expired(ca: CertificateAuthority, name: str) -> OddCase:
    middle = authority(name_of(f"{name[:40]} intermediate"), ca, end=today(-1))
    return judged_by(ca, _device(middle, name, middle))


KINDS = (
    OddKind(
        "chain-leaf-only",
        "The registered CA issued the certificate; the client sends it alone.",
        (),
        "The CA certificate is in the registry and need not be sent.",
        _leaf_only,
    ),
    OddKind(
        "chain-intermediate",
        "An intermediate below the registered CA issued it; the client sends the intermediate too.",
        (),
        "The path leads to the registered CA.",
        _sending(lambda _ca, middle: [middle]),
    ),
    OddKind(
        "chain-root",
        "The client sends the intermediate and the registered CA.",
        (),
        "What is registered may be sent (RFC 8446, 4.4.2); it makes no difference.",
        _sending(lambda ca, middle: [middle, ca]),
    ),
    OddKind(
        "chain-wrong-order",
        "The client sends the registered CA before the intermediate.",
        (),
        "RFC 8446, 4.4.2, advises to be ready for any order.",
        _sending(lambda ca, middle: [ca, middle]),
    ),
    OddKind(
        "chain-strangers",
        "The client sends certificates before and after the intermediate that nobody needs.",
        (),
        "RFC 8446, 4.4.2, advises to be ready for them; they are passed over.",
        _sending(lambda _ca, middle: [*_strangers(1), middle, *_strangers(2)]),
    ),
    OddKind(
        "chain-missing",
        "The client does not send the intermediate.",
        ("ca_not_registered",),
        "Nothing leads from the certificate to a registered CA.",
        _missing,
    ),
    OddKind(
        "chain-crowded",
        f"The client sends {MAX_PRESENTED} strangers before the intermediate.",
        ("ca_not_registered",),
        f"No more than {MAX_PRESENTED} certificates are looked at, lest a client waste the"
        " broker's time.",
        _crowded,
    ),
    OddKind(
        "chain-deep",
        "Two intermediates stand between the certificate and the registered CA; both are sent.",
        (),
        "No CA above limits the length of the path.",
        _deep,
    ),
    OddKind(
        "intermediate-registered",
        "An intermediate is registered on its own: its root is unknown; only the leaf is sent.",
        (),
        "A registered CA is a trust anchor, whoever issued it.",
        _alone,
    ),
    OddKind(
        "intermediate-pathlen",
        "An intermediate stands below another that may issue no CAs (pathLenConstraint 0).",
        _INVALID,
        "The path is longer than its CA allows (RFC 5280, 4.2.1.9).",
        _too_deep,
    ),
    OddKind(
        "intermediate-not-ca",
        "A certificate that says CA:FALSE issued the device's.",
        _INVALID,
        "Only a CA issues certificates; else any device could make others (RFC 5280, 6.1.4).",
        _below(_end_entity),
    ),
    OddKind(
        "intermediate-no-cert-sign",
        "The intermediate's key usage lacks keyCertSign.",
        _INVALID,
        "Its key must not sign certificates (RFC 5280, 6.1.4).",
        _below(_without_cert_sign),
    ),
    OddKind(
        "intermediate-expired",
        "The intermediate has expired; the certificate and the registered CA have not.",
        ("certificate_expired",),
        "A path is valid while all of it is.",
        _expired,
    ),
)
