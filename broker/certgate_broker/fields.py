"""Take an MQTT packet apart, field by field; no socket in sight.

Section numbers are those of MQTT 3.1.1 (OASIS Standard, 29 October 2014).
"""

_LONGEST = 4
"""Octets of the longest length field (2.2.3)."""


class Malformed(Exception):  # noqa: N818  a finding, not a failure of ours
    """The bytes break a rule; the text says which."""


def remaining_length(data: bytes | bytearray) -> tuple[int, int]:
    """Read the length field of the packet at the start of what a client has sent (2.2.3).

    Args:
        data: everything received and not taken yet.

    Returns:
        The offset behind the field, 0 while it is incomplete, and the length it gives.

    Raises:
        Malformed: it has no end.
    """
    value = 0
    for place, octet in enumerate(data[1 : 1 + _LONGEST]):
        value += (octet & 0x7F) << 7 * place
        if not octet & 0x80:
            return place + 2, value
    if len(data) > _LONGEST:
        raise Malformed("the length field has five octets (2.2.3)")
    return 0, 0


class Fields:
    """Takes a packet apart from the front.

    Args:
        data: the packet, or what is behind its fixed header.
        start: where to begin.
    """

    def __init__(self, data: bytes, start: int = 0) -> None:
        self._data = data
        self._at = start

    @property
    def left(self) -> int:
        """How many bytes are left."""
        return len(self._data) - self._at

    def take(self, count: int) -> bytes:
        """Take some bytes.

        Args:
            count: how many.

        Raises:
            Malformed: there are fewer.
        """
        if count > self.left:
            raise Malformed("the packet is shorter than its fields")
        self._at += count
        return self._data[self._at - count : self._at]

    def number(self, octets: int) -> int:
        """Take a number.

        Args:
            octets: how many it has.

        Raises:
            Malformed: there are fewer.
        """
        return int.from_bytes(self.take(octets), "big")

    def binary(self) -> bytes:
        """Take bytes that stand behind their number.

        Raises:
            Malformed: there are fewer.
        """
        return self.take(self.number(2))

    def text(self) -> str:
        """Take a string (1.5.3).

        Raises:
            Malformed: it is incomplete, no UTF-8, or has a null character.
        """
        try:
            text = self.binary().decode("utf-8")
        except UnicodeDecodeError:
            raise Malformed("a string is not UTF-8 (1.5.3)") from None
        if "\0" in text:
            raise Malformed("a string has a null character (1.5.3)")
        return text

    def rest(self) -> bytes:
        """Take what is left, whatever it is."""
        return self.take(self.left)

    def end(self) -> None:
        """See that nothing is left.

        Raises:
            Malformed: something is.
        """
        if self.left:
            raise Malformed("the packet is longer than its fields")
