"""DER spoilt element by element (X.690), with the lengths around each put right again."""

import random
from collections.abc import Callable, Sequence

from proofs.der_elements import CONSTRUCTED, Element, Path, at, exchanged, length, tlv

TAGS = (
    *(0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x09, 0x0A, 0x0C, 0x10, 0x13, 0x16, 0x17, 0x18, 0x1C),
    *(0x1E, 0x1F, 0x24, 0x30, 0x31, 0x80, 0x81, 0x82, 0x85, 0xA0, 0xA1, 0xA3, 0xBF, 0x00, 0xFF),
)
# Content octets that have a meaning for some type: booleans, integers (0, negative, not shortest,
# of 21 octets, long), identifiers (2.5.29.x, unfinished, with a needless 80, enormous), times that
# never were or that no one reads, texts that are none in some of the string types.
CONTENTS = (
    *(b"", b"\x00", b"\x01", b"\xff", b"\x7f", b"\x80", b"\x00\x01", b"\x00\x80", b"\xff\xff"),
    *(b"\x7f" * 21, b"\x80" + b"\x00" * 20, b"\x01" * 129, b"\x7f" * 2000),
    *(b"\x55\x1d\x13", b"\x55\x1d\x0f", b"\x55\x1d\x25", b"\x55\x1d\x11", b"\x55\x04\x06"),
    *(b"\x55\x1d\x80", b"\x80\x01", b"\x2b" + b"\x81" * 40 + b"\x01", b"\xff" * 62 + b"\x7f"),
    *(b"\x2b" + b"\x01" * 300, b"\x2a\x86\x48\xce\x3d\x03\x01\x07", b"\x2b\x65\x70"),
    *(b"000229000000Z", b"010229000000Z", b"991231235959Z", b"500101000000Z", b"491231235959Z"),
    *(b"20500101000000Z", b"99991231235959Z", b"00000101000000Z", b"20240101000000.5Z"),
    *(
        b"20240101000060Z",
        b"20241301000000Z",
        b"2401010000Z",
        b"240101000000+0100",
        b"-40101000000Z",
    ),
    *(
        b"\xed\xa0\x80",
        b"\xd8\x00",
        b"\xd8\x00\xdc\x00",
        b"\x00\x11\x00\x00",
        b"a\x00b",
        b"\xc3\xa9",
    ),
)


class DerMutator:
    """Spoils elements.

    Args:
        rng: decides everything.
        strangers: elements that are put where they do not belong.
        longest: what is multiplied gets about this long, bytes.
    """

    def __init__(
        self, rng: random.Random, strangers: Sequence[bytes], longest: int = 60_000
    ) -> None:
        self._rng = rng
        self._strangers = strangers
        self._longest = longest
        self._ways: tuple[Callable[[Element], bytes], ...] = (
            *(self._retagged, self._retagged, self._wrong_length, self._wrong_length),
            *(self._needless_length, self._endless, self._content, self._content, self._content),
            *(self._gone, self._gone, self._doubled, self._doubled, self._turned, self._stranger),
            *(self._stranger, self._bits, self._bits, self._nested, self._inside),
        )

    def spoil(self, certificate: Element, ways: Sequence[Path]) -> bytes:
        """Change one element.

        Args:
            certificate: what it is part of.
            ways: the ways to those that may be changed.
        """
        path = self._rng.choice(ways)
        way = self._rng.choice(self._ways) if self._rng.random() < 0.997 else self._multiplied
        return exchanged(certificate, path, way(at(certificate, path)))

    def _retagged(self, element: Element) -> bytes:
        tag = self._rng.choice(
            (self._rng.choice(TAGS), element.raw[0] ^ 1 << self._rng.randrange(8))
        )
        return bytes([tag]) + element.raw[1:]

    def _wrong_length(self, element: Element) -> bytes:
        """Say another length than there is."""
        size, content = len(element.content), element.content
        near = size + self._rng.choice((-2, -1, 1, 2))
        said = self._rng.choice((max(near, 0), 0, 0x7F, 0x80, 0xFFFF, 2**31, 2**63, 2**1000))
        return element.tag + length(said) + content

    def _needless_length(self, element: Element) -> bytes:
        """Write the length in more octets than DER does; BER has no objection."""
        octets = self._rng.choice((1, 2, 3, 4, 5, 8, 9, 126))
        return element.tag + length(len(element.content), octets) + element.content

    def _endless(self, element: Element) -> bytes:
        """Use the indefinite form (8.1.3.6), with its end or without."""
        end = self._rng.choice((b"\x00\x00", b"\x00\x00", b"", b"\x00"))
        tag = self._rng.choice((element.raw[0], element.raw[0] | CONSTRUCTED))
        return bytes([tag]) + b"\x80" + element.content + end

    def _content(self, element: Element) -> bytes:
        return tlv(element.tag, self._rng.choice(CONTENTS))

    def _gone(self, _element: Element) -> bytes:
        return b""

    def _doubled(self, element: Element) -> bytes:
        return element.raw * self._rng.choice((2, 2, 3, 20))

    def _turned(self, element: Element) -> bytes:
        parts = [part.raw for part in element.parts]
        self._rng.shuffle(parts)
        return tlv(element.tag, element.lead + b"".join(parts)) if parts else element.raw

    def _stranger(self, _element: Element) -> bytes:
        return self._rng.choice(self._strangers)

    def _bits(self, element: Element) -> bytes:
        octets = bytearray(element.content or b"\x00")
        octets[self._rng.randrange(len(octets))] ^= 1 << self._rng.randrange(8)
        return tlv(element.tag, bytes(octets))

    def _nested(self, element: Element) -> bytes:
        raw, tag = element.raw, self._rng.choice((element.tag, b"\x30", b"\x31", b"\xa0", b"\x24"))
        for _ in range(self._rng.choice((1, 2, 10, 100, 1000))):
            raw = tlv(tag, raw)
        return raw

    def _inside(self, element: Element) -> bytes:
        """Put something before or behind what is in it."""
        more = self._rng.choice(
            (self._rng.choice(self._strangers), b"\x05\x00", b"\x00\x00", b"\x00")
        )
        pair = (more, element.content) if self._rng.random() < 0.5 else (element.content, more)
        return tlv(element.tag, b"".join(pair))

    def _multiplied(self, element: Element) -> bytes:
        """Repeat an element until a large certificate has come of it."""
        return element.raw * (self._longest // max(len(element.raw), 1))
