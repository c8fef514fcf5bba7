"""Serial numbers as the cloud's API writes them (`Sn`).

An `Sn` is the lower-case hexadecimal form of the content octets of the certificate's DER INTEGER,
the leading ``00`` sign octet kept, without colons: the sample ``00f26900ba87…`` on the cloud's
GetCaCertificate page has that form. ``openssl x509 -serial`` prints the same number upper-case and
without the sign octet, so a look-up ignores case, colons and leading zeros.
"""

MAX_LENGTH = 128
"""Longest `Sn` in bytes that the API takes (every page that has an `Sn` parameter)."""

_HEX_DIGITS = frozenset("0123456789abcdef")


class SerialNumberError(ValueError):
    """A text that cannot be anybody's serial number."""


def sn_from_integer(serial_number: int) -> str:
    """Write a certificate's serial number as an `Sn`.

    Args:
        serial_number: the value of the certificate's serialNumber field (RFC 5280, 4.1.2.2).

    Returns:
        The DER content octets in lower-case hex, sign octet included: ``255`` is ``00ff``.
    """
    magnitude = serial_number if serial_number >= 0 else ~serial_number
    length = magnitude.bit_length() // 8 + 1
    return serial_number.to_bytes(length, "big", signed=True).hex()


def look_up_key(sn: str) -> str:
    """Bring any accepted notation of a serial number into the one form that is compared.

    Args:
        sn: hexadecimal digits in either case, with or without colons and leading zeros, at most
            `MAX_LENGTH` bytes.

    Returns:
        Lower-case hex without colons and leading zeros (``0`` for zero).

    Raises:
        SerialNumberError: empty, too long, or not hexadecimal.
    """
    if len(sn.encode("utf-8", "surrogatepass")) > MAX_LENGTH:
        raise SerialNumberError(f"a serial number has at most {MAX_LENGTH} bytes")
    digits = sn.replace(":", "").lower()
    if not digits or not _HEX_DIGITS.issuperset(digits):
        raise SerialNumberError("a serial number is written in hexadecimal digits")
    return digits.lstrip("0") or "0"
