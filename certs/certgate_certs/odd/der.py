"""Certificates that the library declines to build, by taking a good one apart and signing it anew.

A certificate is SEQUENCE { signed part, algorithm, BIT STRING }, and the signed part begins with
[0] version, serialNumber, algorithm (RFC 5280, 4.1).
"""

import base64
import textwrap

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding
from cryptography.hazmat.primitives.serialization import Encoding

from certgate_certs.builder import PrivateKey

_INTEGER, _BIT_STRING, _SEQUENCE = 0x02, 0x03, 0x30
_LONG_FORM = 0x80

# AlgorithmIdentifier, DER (RFC 5758, 3.2; RFC 4055, 5; RFC 3279, 2.2).
_ECDSA_SHA256 = bytes.fromhex("300a06082a8648ce3d040302")
_ECDSA_SHA1 = bytes.fromhex("300906072a8648ce3d0401")
_RSA_SHA256 = bytes.fromhex("300d06092a864886f70d01010b0500")
_RSA_SHA1 = bytes.fromhex("300d06092a864886f70d0101050500")


def der_of(certificate: x509.Certificate) -> bytes:
    """Give a certificate's DER."""
    return certificate.public_bytes(Encoding.DER)


def pem(der: bytes) -> str:
    """Write DER as PEM (RFC 7468), whether or not a library could read it."""
    lines = "\n".join(textwrap.wrap(base64.b64encode(der).decode("ascii"), 64))
    return f"-----BEGIN CERTIFICATE-----\n{lines}\n-----END CERTIFICATE-----\n"


def with_serial_octets(der: bytes, key: PrivateKey, octets: bytes) -> bytes:
    """Give a certificate another serial number, and sign it anew.

    Args:
        der: the certificate.
        key: its issuer's key.
        octets: content octets of the new INTEGER, whether DER allows them or not.
    """
    return _signed(_replaced(_signed_part(der), 1, _element(_INTEGER, octets)), key)


def signed_with_sha1(der: bytes, key: PrivateKey) -> bytes:
    """Sign a certificate anew with SHA-1.

    Args:
        der: the certificate.
        key: its issuer's key.
    """
    algorithm = _ECDSA_SHA1 if isinstance(key, ec.EllipticCurvePrivateKey) else _RSA_SHA1
    return _signed(_replaced(_signed_part(der), 2, algorithm), key, sha1=True)


def _signed(part: bytes, key: PrivateKey, *, sha1: bool = False) -> bytes:
    digest = hashes.SHA1() if sha1 else hashes.SHA256()  # noqa: S303  odd on purpose
    if isinstance(key, ec.EllipticCurvePrivateKey):
        algorithm = _ECDSA_SHA1 if sha1 else _ECDSA_SHA256
        signature = key.sign(part, ec.ECDSA(digest))
    else:
        algorithm = _RSA_SHA1 if sha1 else _RSA_SHA256
        signature = key.sign(part, padding.PKCS1v15(), digest)
    return _element(_SEQUENCE, part + algorithm + _element(_BIT_STRING, b"\0" + signature))


def _signed_part(der: bytes) -> bytes:
    return _elements(_content(der))[0]


def _replaced(part: bytes, index: int, element: bytes) -> bytes:
    parts = _elements(_content(part))
    parts[index] = element
    return _element(_SEQUENCE, b"".join(parts))


def _element(tag: int, content: bytes) -> bytes:
    """Write one element: tag, length, content (X.690, 8.1)."""
    size = len(content)
    if size < _LONG_FORM:
        return bytes([tag, size]) + content
    length = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes([tag, _LONG_FORM | len(length)]) + length + content


def _content(element: bytes) -> bytes:
    return element[_header(element) :]


def _elements(content: bytes) -> list[bytes]:
    found = []
    while content:
        start = _header(content)
        end = start + _length(content, start)
        found.append(content[:end])
        content = content[end:]
    return found


def _header(element: bytes) -> int:
    octets = element[1]
    return 2 + (octets & ~_LONG_FORM if octets & _LONG_FORM else 0)


def _length(element: bytes, header: int) -> int:
    return int.from_bytes(element[2:header], "big") if element[1] & _LONG_FORM else element[1]
