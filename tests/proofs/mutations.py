"""Bytes spoilt at random, and CONNECT packets of every kind, good and bad.

What is spoilt is mostly right: what is all wrong is refused at the first byte and proves little.
"""

import random
from collections.abc import Callable, Sequence

INTERESTING = (
    0,
    1,
    2,
    0x10,
    0x20,
    0x30,
    0x40,
    0x7F,
    0x80,
    0x81,
    0x82,
    0x84,
    0xA0,
    0xC0,
    0xFE,
    0xFF,
)
NUMBERS = (0, 1, 0x7F, 0x80, 0xFF, 0x100, 0x7FFF, 0x8000, 0xFFFF, 0x7FFFFFFF, 0xFFFFFFFF)

# A lone surrogate, a pair of them in UTF-8, overlong forms, beyond Unicode, cut off, a mark, a
# non-character, NUL: what decoders get wrong (Unicode 15, 3.9, table 3-7; MQTT 3.1.1, 1.5.3).
TEXTS = tuple(
    bytes.fromhex(each)
    for each in (
        *("eda080", "edbfbf", "eda080edb080", "c080", "c1bf", "e08080", "f0808080", "f4908080"),
        *("f888808080", "c3", "e282", "f09f92", "80", "ff", "efbbbf", "efbfbf", "efb790", "00"),
        *("610062", "f09f92a1", "e4b8ad", "23", "2b", "24535953", "2f", "7f", "c285", "e280ae"),
    )
)
CONNECT_WORDS = (
    *(b"\x00\x04MQTT\x04", b"\x00\x06MQIsdp\x03", b"\x00\x04MQTT\x05", b"\x00\x04MQTT\x84"),
    *(b"\x00\x00", b"\xff\xff", b"\x10", b"\x80\x80\x80\x80\x01", b"\xff\xff\xff\x7f", b"\x80\x00"),
    *TEXTS,
)


class Mutator:
    """Spoils bytes.

    Args:
        rng: decides everything.
        words: byte strings that mean something where they may be put.
        longest: what is spoilt never gets much longer than this.
    """

    def __init__(
        self, rng: random.Random, words: Sequence[bytes] = TEXTS, longest: int = 4096
    ) -> None:
        self._rng = rng
        self._words = words
        self._longest = longest
        self._ways: tuple[Callable[[bytearray, int], None], ...] = (
            *(self._flip, self._flip, self._set, self._set, self._insert, self._delete),
            *(self._double, self._copy, self._cut, self._number, self._number, self._word),
        )

    def spoil(self, data: bytes) -> bytes:
        """Change bytes in one to four places.

        Args:
            data: the bytes.
        """
        rng, octets = self._rng, bytearray(data)
        for _ in range(rng.choice((1, 1, 1, 2, 2, 3, 4))):
            at = int(rng.random() * (len(octets) + 1))
            rng.choice(self._ways)(octets, at)
        return bytes(octets[: 2 * self._longest])

    def splice(self, first: bytes, second: bytes) -> bytes:
        """Put the end of one behind the beginning of another."""
        rng = self._rng
        return first[: rng.randrange(len(first) + 1)] + second[rng.randrange(len(second) + 1) :]

    def _flip(self, octets: bytearray, at: int) -> None:
        if at < len(octets):
            octets[at] ^= 1 << int(self._rng.random() * 8)

    def _set(self, octets: bytearray, at: int) -> None:
        if at < len(octets):
            octets[at] = self._rng.choice(INTERESTING)

    def _insert(self, octets: bytearray, at: int) -> None:
        octets[at:at] = self._rng.randbytes(self._rng.randrange(1, 9))

    def _delete(self, octets: bytearray, at: int) -> None:
        del octets[at : at + self._rng.randrange(1, 9)]

    def _double(self, octets: bytearray, at: int) -> None:
        piece = octets[at : at + self._rng.randrange(1, 65)]
        octets[at:at] = piece * self._rng.choice((1, 1, 2, 3))

    def _copy(self, octets: bytearray, at: int) -> None:
        source, size = self._rng.randrange(len(octets) + 1), self._rng.randrange(1, 33)
        piece = octets[source : source + size]
        octets[at : at + len(piece)] = piece

    def _cut(self, octets: bytearray, at: int) -> None:
        del octets[at:]

    def _number(self, octets: bytearray, at: int) -> None:
        """Exchange a number of one to four octets for one near it, or for a limit."""
        size = self._rng.choice((1, 1, 2, 2, 3, 4))
        near = int.from_bytes(octets[at : at + size], "big") + self._rng.choice((-2, -1, 1, 2))
        chosen = self._rng.choice((near, near, self._rng.choice(NUMBERS)))
        octets[at : at + size] = (chosen % (1 << 8 * size)).to_bytes(size, "big")

    def _word(self, octets: bytearray, at: int) -> None:
        word = self._rng.choice(self._words)
        octets[at : at + self._rng.choice((0, len(word)))] = word


def length_field(value: int, octets: int = 0) -> bytes:
    """Write a remaining length (MQTT 3.1.1, 2.2.3).

    Args:
        value: the length.
        octets: how many octets to use, more than needed where it says so; 0 for the shortest form.
    """
    digits: list[int] = []
    while value or not digits or len(digits) < octets:
        value, digit = divmod(value, 128)
        digits.append(digit | 0x80)
    digits[-1] &= 0x7F
    return bytes(digits)


def field(data: bytes) -> bytes:
    """Write bytes behind their length in two octets (MQTT 3.1.1, 1.5.3); too many are cut off."""
    return len(data[:0xFFFF]).to_bytes(2, "big") + data[:0xFFFF]


class Connects:
    """Makes CONNECT packets.

    Args:
        rng: decides everything.
    """

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self._mutator = Mutator(rng, CONNECT_WORDS)
        self._ways: dict[str, Callable[[], bytes]] = {
            "well-formed": self.well_formed,
            "any flags": self._any_flags,
            "odd texts": self._odd_texts,
            "long length field": self._long_length,
            "wrong length": self._wrong_length,
            "cut off": self._cut_off,
            "spoilt": self._spoilt,
            "spliced": self._spliced,
            "followed": self._followed,
            "large": self._large,
            "bytes": self._bytes,
        }
        self._often = [*self._ways, "spoilt", "spoilt", "spoilt", "any flags", "odd texts"]
        self._often.remove("large")

    def make(self) -> tuple[str, bytes]:
        """Make one; give what it is called as well."""
        kind = "large" if self._rng.random() < 0.002 else self._rng.choice(self._often)
        return kind, self._ways[kind]()

    def well_formed(self) -> bytes:
        """Make one that MQTT 3.1.1 allows in every respect."""
        rng = self._rng
        will, login = rng.random() < 0.5, rng.random() < 0.5
        flags = 2 | (4 | rng.choice((0, 8, 16)) | rng.choice((0, 32)) if will else 0)
        flags |= rng.choice((0x80, 0xC0)) if login else 0
        client_id = self._text()
        if client_id and rng.random() < 0.5:
            flags &= ~2
        return self._packet(self._body(flags, client_id))

    def _text(self) -> bytes:
        letters = self._rng.choice(("abc/", "meter-0123456789", "a\u00e9\u4e2d\U0001f4a1\ufeff"))
        return "".join(self._rng.choices(letters, k=self._rng.randrange(24))).encode()

    def _body(self, flags: int, client_id: bytes, *, texts: bool = True) -> bytes:
        """Write what the flags announce."""
        rng = self._rng
        head = b"\x00\x04MQTT\x04" + bytes([flags]) + rng.randbytes(2) + field(client_id)
        will = field(b"t" + self._text()) + field(rng.randbytes(rng.randrange(20)))
        user = field(self._text() if texts else rng.choice(TEXTS))
        password = field(rng.randbytes(rng.randrange(20)))
        announced = ((4, will), (0x80, user), (0x40, password))
        return head + b"".join(part for flag, part in announced if flags & flag)

    def _packet(self, body: bytes, octets: int = 0) -> bytes:
        return b"\x10" + length_field(len(body), octets) + body

    def _any_flags(self) -> bytes:
        return self._packet(self._body(self._rng.randrange(256), self._text()))

    def _odd_texts(self) -> bytes:
        rng = self._rng
        client_id = self._text() + rng.choice(TEXTS) + self._text()
        body = self._body(rng.choice((2, 2, 0x82, 0xC2, 0x86)), client_id, texts=rng.random() < 0.5)
        return self._packet(body)

    def _long_length(self) -> bytes:
        packet = self.well_formed()
        size = next(at for at in range(1, 5) if packet[at] < 0x80)
        return self._packet(packet[size + 1 :], self._rng.randrange(1, 7))

    def _wrong_length(self) -> bytes:
        rng, body = self._rng, self.well_formed()[2:]
        said = rng.choice((len(body) + rng.randrange(-4, 5), rng.choice(NUMBERS)))
        return b"\x10" + length_field(max(said, 0), rng.choice((0, 0, 2, 4))) + body

    def _cut_off(self) -> bytes:
        packet = self.well_formed()
        return packet[: self._rng.randrange(len(packet))]

    def _spoilt(self) -> bytes:
        return self._mutator.spoil(self.well_formed())

    def _spliced(self) -> bytes:
        return self._mutator.splice(self.well_formed(), self.well_formed())

    def _followed(self) -> bytes:
        rng = self._rng
        return self.well_formed() + rng.choice((rng.randbytes(20), self.well_formed(), b"\xc0\x00"))

    def _large(self) -> bytes:
        """Make one of some ten thousand bytes, at or about the limit."""
        rng = self._rng
        client_id = rng.choice((b"a", "\u00e9".encode(), b"\xff")) * rng.randrange(20_000, 33_000)
        body = self._body(rng.choice((2, 6, 0xC6)), client_id)
        return self._packet(body + rng.choice((b"", bytes(rng.randrange(40_000)))))

    def _bytes(self) -> bytes:
        return self._rng.choice((b"", b"\x10", b"\x10")) + self._rng.randbytes(
            self._rng.randrange(60)
        )
