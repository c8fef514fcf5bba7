"""Odd serial numbers (RFC 5280, 4.1.2.2)."""

import secrets
from dataclasses import replace

from certgate_certs.authority import CertificateAuthority
from certgate_certs.builder import name_of
from certgate_certs.odd.der import with_serial_octets
from certgate_certs.odd.kind import Make, OddCase, OddKind
from certgate_certs.odd.making import Leaf, authority, judged_by, key_of, ordinary

_UNACCEPTABLE = ("certificate_unacceptable",)


def _numbered(first: bytes, more: int) -> Make:
    """Take a positive number with these octets first and so many random ones behind them."""

    def make(ca: CertificateAuthority, name: str) -> OddCase:
        number = int.from_bytes(first + secrets.token_bytes(more), "big")
        return judged_by(ca, Leaf(name_of(name), serial_number=number).below(ca))

    return make


def _of_one_octet(ca: CertificateAuthority, name: str) -> OddCase:
    return _numbered(bytes([1 + secrets.randbelow(127)]), 0)(ca, name)


def _forced(first: bytes, more: int) -> Make:
    """Write an INTEGER with these content octets, which the library refuses to make."""

    def make(ca: CertificateAuthority, name: str) -> OddCase:
        device = ordinary(ca, name)
        octets = first + secrets.token_bytes(more)
        der = with_serial_octets(device.der, key_of(ca), octets)
        return judged_by(ca, replace(device, der=der))

    return make


def _twice(ca: CertificateAuthority, name: str) -> OddCase:
    first = Leaf(name_of(f"{name[:58]}-first"))
    second = Leaf(name_of(name), serial_number=first.serial_number)
    return OddCase(second.below(ca), (ca,), judge=ca, before=first.below(ca))


def _under_two_cas(ca: CertificateAuthority, name: str) -> OddCase:
    other = authority(name_of(f"{name[:60]} CA"))
    first = Leaf(name_of(f"{name[:58]}-first"))
    second = Leaf(name_of(name), serial_number=first.serial_number)
    return OddCase(second.below(other), (ca, other), judge=other, before=first.below(ca))


KINDS = (
    OddKind(
        "serial-high-bit",
        "The serial number's highest bit is set, so DER puts a 00 octet before it.",
        (),
        "It is a positive number; `Sn` keeps the 00 octet, and look-ups ignore it.",
        _numbered(b"\xf2", 7),
    ),
    OddKind(
        "serial-leading-zero",
        "The serial number is written with a leading zero in hexadecimal.",
        (),
        "Tools print it with or without the zero; it is the same number.",
        _numbered(b"\x0a", 7),
    ),
    OddKind(
        "serial-1-octet",
        "The serial number has one octet.",
        (),
        "Short numbers can be guessed, but nothing forbids them.",
        _of_one_octet,
    ),
    OddKind(
        "serial-20-octets",
        "The serial number has 20 octets, the most that are allowed.",
        (),
        "RFC 5280, 4.1.2.2, obliges everybody to take them.",
        _numbered(b"\x7f", 19),
    ),
    OddKind(
        "serial-21-octets",
        "The serial number has 21 octets.",
        _UNACCEPTABLE,
        "RFC 5280, 4.1.2.2, allows 20.",
        _forced(b"\x7f", 20),
    ),
    OddKind(
        "serial-zero",
        "The serial number is 0.",
        _UNACCEPTABLE,
        "RFC 5280, 4.1.2.2, wants a positive number.",
        _forced(b"\0", 0),
    ),
    OddKind(
        "serial-negative",
        "The serial number is negative: its highest bit is set, and no 00 octet is before it.",
        _UNACCEPTABLE,
        "RFC 5280, 4.1.2.2, wants a positive number.",
        _forced(b"\xf2", 7),
    ),
    OddKind(
        "serial-twice",
        "The CA gave the serial number to another certificate, which connected before.",
        ("serial_number_reused",),
        "Certificates are looked up by CA and serial number; the first one keeps the number.",
        _twice,
    ),
    OddKind(
        "serial-two-cas",
        "Another CA gave the serial number to a certificate that connected before.",
        (),
        "A serial number is unique within one CA only.",
        _under_two_cas,
    ),
)
