"""DER taken apart (X.690) into elements that keep their bytes.

To exchange one of them only what encloses it is written anew.
"""

from dataclasses import dataclass

CONSTRUCTED = 0x20
_OCTET_STRING, _BIT_STRING = 0x04, 0x03
_DEEPEST = 30
"""Elements below this depth are not taken apart; no certificate anybody wants is as deep."""


@dataclass(frozen=True)
class Element:
    """One element.

    Attributes:
        raw: all its bytes.
        tag: the octets of its identifier.
        lead: content before its parts; the first octet of a BIT STRING, where that has parts.
        parts: the elements it consists of; none where it is primitive.
    """

    raw: bytes
    tag: bytes
    lead: bytes
    parts: "tuple[Element, ...]"

    @property
    def content(self) -> bytes:
        """Its content octets."""
        return self.raw[len(self.tag) + _length_size(self.raw, len(self.tag)) :]


Path = tuple[int, ...]


def parse(der: bytes) -> Element:
    """Take DER apart, what is wrapped in OCTET and BIT STRINGs too.

    Raises:
        ValueError: it is not exactly one element of definite length.
    """
    found = _elements(der, _DEEPEST)
    if len(found) != 1:
        raise ValueError("not exactly one element")
    return found[0]


def paths(element: Element, above: Path = ()) -> list[Path]:
    """List the ways to every element inside, the outermost first."""
    found = [above]
    for number, part in enumerate(element.parts):
        found += paths(part, (*above, number))
    return found


def at(element: Element, path: Path) -> Element:
    """Give the element that a way leads to."""
    for number in path:
        element = element.parts[number]
    return element


def exchanged(element: Element, path: Path, new: bytes) -> bytes:
    """Write an element anew with one of those inside exchanged for any bytes."""
    if not path:
        return new
    parts = [part.raw for part in element.parts]
    parts[path[0]] = exchanged(element.parts[path[0]], path[1:], new)
    return tlv(element.tag, element.lead + b"".join(parts))


def tlv(tag: bytes, content: bytes) -> bytes:
    """Write an element (X.690, 8.1)."""
    return tag + length(len(content)) + content


def length(size: int, octets: int = 0) -> bytes:
    """Write a length (8.1.3).

    Args:
        size: the length.
        octets: how many octets the long form has, more than needed where it says so; 0 for DER.
    """
    if size < 0x80 and not octets:
        return bytes([size])
    written = size.to_bytes(max(octets, (size.bit_length() + 7) // 8, 1), "big")
    return bytes([0x80 | len(written)]) + written


def _length_size(data: bytes, start: int) -> int:
    return 1 + (data[start] & 0x7F if data[start] & 0x80 else 0)


def _elements(data: bytes, depth: int) -> "list[Element]":
    found, start = [], 0
    while start < len(data):
        head = start + 1
        if data[start] & 0x1F == 0x1F or head >= len(data):
            raise ValueError("a tag of several octets, or no length")
        size = _length_size(data, head)
        value = data[head + 1 : head + size] if size > 1 else data[head : head + 1]
        end = head + size + int.from_bytes(value, "big")
        if end > len(data) or data[head] == 0x80:
            raise ValueError("an element ends behind the data, or nowhere")
        found.append(_element(data[start:end], 1 + size, depth))
        start = end
    return found


def _element(raw: bytes, header: int, depth: int) -> Element:
    wraps = raw[0] == _OCTET_STRING or (raw[0] == _BIT_STRING and raw[header : header + 1] == b"\0")
    lead = b"\0" if raw[0] == _BIT_STRING and wraps else b""
    inside = raw[header + len(lead) :]
    parts: list[Element] = []
    if depth and (raw[0] & CONSTRUCTED or (wraps and inside[:1] in _WRAPPED)):
        try:
            parts = _elements(inside, depth - 1)
        except ValueError:
            if not wraps:  # Octets may look like an element without being one.
                raise
    return Element(raw, raw[:1], lead if parts else b"", tuple(parts))


_WRAPPED = {b"\x30", b"\x04", b"\x03", b"\x02"}
