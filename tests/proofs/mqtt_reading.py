"""CONNECT read a second time, straight from the text of MQTT 3.1.1, to compare with.

Nothing is shared with the reader that is judged: UTF-8 is checked by table and not by a decoder,
the packet is walked by one offset, and what a rule says is noted instead of raised.
"""

import re
from dataclasses import dataclass

# Well-formed UTF-8 (Unicode 15, table 3-7) without U+0000 (MQTT 3.1.1, 1.5.3).
_UTF_8 = re.compile(
    rb"(?:[\x01-\x7f]|[\xc2-\xdf][\x80-\xbf]|\xe0[\xa0-\xbf][\x80-\xbf]"
    rb"|[\xe1-\xec\xee\xef][\x80-\xbf]{2}|\xed[\x80-\x9f][\x80-\xbf]"
    rb"|\xf0[\x90-\xbf][\x80-\xbf]{2}|[\xf1-\xf3][\x80-\xbf]{3}|\xf4[\x80-\x8f][\x80-\xbf]{2})*"
)


@dataclass(frozen=True)
class Reading:
    """What there is to a client's first bytes.

    Attributes:
        outcome: ``more``, ``read``, or the name of the reason to refuse them.
        end: where the packet ends; of ``read`` only, like all that follows.
        flags: the connect flags.
        keep_alive: seconds.
        client_id: as sent.
        will: topic and message, or None.
        user_name: or None.
        password: or None.
    """

    outcome: str
    end: int = 0
    flags: int = 0
    keep_alive: int = 0
    client_id: bytes = b""
    will: tuple[bytes, bytes] | None = None
    user_name: bytes | None = None
    password: bytes | None = None


_MALFORMED = Reading("connect_malformed")
_VERSION = Reading("protocol_version_unsupported")


def read(data: bytes, limit: int) -> Reading:
    """Read what a client has sent so far.

    Args:
        data: everything received so far.
        limit: the most bytes the packet may have after its fixed header.
    """
    if data[:1] not in {b"", b"\x10"}:
        return _MALFORMED
    ends = [at for at in range(1, min(len(data), 5)) if data[at] < 0x80]
    if not ends:
        return _MALFORMED if len(data) > 4 else Reading("more")
    start = ends[0] + 1
    size = sum((data[at] & 0x7F) * 128 ** (at - 1) for at in range(1, start))
    if size > limit:
        return Reading("connect_too_large")
    if start + size > len(data):
        return Reading("more")
    return _body(data, start, start + size)


def _body(data: bytes, start: int, end: int) -> Reading:
    """Read the variable header (3.1.2); the payload is behind it."""
    at, name = _field(data, start, end)
    if name is None or at >= end:
        return _MALFORMED
    level = data[at]
    if (name == b"MQTT" and level != 4) or (name == b"MQIsdp" and level == 3):
        return _VERSION
    if name != b"MQTT" or at + 4 > end or not _allowed(data[at + 1]):
        return _MALFORMED
    return _payload(data, at + 4, end, data[at + 1], data[at + 2] * 256 + data[at + 3])


def _allowed(flags: int) -> bool:
    """Tell whether 3.1.2.3 to 3.1.2.9 allow these connect flags."""
    reserved, will, qos, retain = flags & 1, flags >> 2 & 1, flags >> 3 & 3, flags >> 5 & 1
    password, user_name = flags >> 6 & 1, flags >> 7
    return bool(
        not reserved and qos < 3 and (will or not (qos or retain)) and user_name >= password
    )


def _payload(data: bytes, at: int, end: int, flags: int, keep_alive: int) -> Reading:
    """Read the fields that the flags announce (3.1.3), and nothing may be left."""
    present = (1, flags & 4, flags & 4, flags & 0x80, flags & 0x40)
    fields: list[bytes | None] = [None] * 5
    for place in range(5):
        if present[place]:
            at, fields[place] = _field(data, at, end)
            if fields[place] is None:
                return _MALFORMED
    client_id, topic, message, user_name, password = fields
    texts = [text for text in (client_id, topic, user_name) if text is not None]
    if at != end or client_id is None or not all(map(_UTF_8.fullmatch, texts)):
        return _MALFORMED
    if not (client_id or flags & 2) or (topic is not None and not _is_topic_name(topic)):
        return _MALFORMED
    will = None if topic is None or message is None else (topic, message)
    return Reading("read", end, flags, keep_alive, client_id, will, user_name, password)


def _is_topic_name(topic: bytes) -> bool:
    """Tell whether a client may publish to it (4.7.1 to 4.7.3; $ is left to servers)."""
    return topic != b"" and topic[0] != ord("$") and not {ord("+"), ord("#")} & set(topic)


def _field(data: bytes, at: int, end: int) -> tuple[int, bytes | None]:
    """Give the offset behind a field with a length in front (1.5.3), and its content."""
    start = at + 2
    if start > end:
        return at, None
    stop = start + data[at] * 256 + data[at + 1]
    return (stop, data[start:stop]) if stop <= end else (at, None)
