"""Read the packets a client sends after its CONNECT; no socket in sight.

amqtt skips some malformed packets and reads on in the middle of others, where MQTT wants the
connection closed (4.8). So they are read here, once. Section numbers are those of MQTT 3.1.1.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum

from certgate_broker.fields import Fields, Malformed, remaining_length


class Kind(IntEnum):
    """The control packets that a client may send (2.2.1)."""

    CONNECT = 1
    PUBLISH = 3
    PUBACK = 4
    PUBREC = 5
    PUBREL = 6
    PUBCOMP = 7
    SUBSCRIBE = 8
    UNSUBSCRIBE = 10
    PINGREQ = 12
    DISCONNECT = 14


@dataclass(frozen=True, slots=True)
class Received:
    """A packet, all of it where its kind carries no more than an identifier.

    Attributes:
        kind: what it is.
        packet_id: its identifier, 0 where it has none.
    """

    kind: Kind
    packet_id: int = 0


@dataclass(frozen=True, slots=True)
class Publish(Received):
    """A message.

    Attributes:
        topic: topic name.
        data: what it carries.
        qos: 0 to 2.
        retain: it is to be retained.
    """

    topic: str = ""
    data: bytes = b""
    qos: int = 0
    retain: bool = False


@dataclass(frozen=True, slots=True)
class Subscribe(Received):
    """What a client wants to hear.

    Attributes:
        topics: topic filters, each with a QoS.
    """

    topics: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Unsubscribe(Received):
    """What a client wants to hear no longer.

    Attributes:
        topics: topic filters.
    """

    topics: tuple[str, ...] = ()


def packet_end(data: bytes | bytearray, limit: int | None) -> int:
    """Find the end of the packet at the start of what a client has sent.

    Args:
        data: everything received and not taken yet.
        limit: the most bytes the packet may have after its fixed header; None for any number.

    Returns:
        Where the next packet starts, or 0 where more bytes are needed.

    Raises:
        Malformed: its length is malformed, or above the limit.
    """
    start, length = remaining_length(data)
    if limit is not None and length > limit:
        raise Malformed(f"{length} bytes, {limit} are allowed")
    return start + length if start and len(data) >= start + length else 0


def read_packet(data: bytes) -> Received:
    """Read a complete packet that came after CONNECT.

    Args:
        data: its bytes.

    Raises:
        Malformed: it breaks a rule.
    """
    try:
        kind = Kind(data[0] >> 4)
    except ValueError:
        raise Malformed("no client sends packets of this type (2.2.1)") from None
    body, _ = remaining_length(data)
    fields = Fields(data, body)
    packet = _READERS[kind](kind, data[0] & 0x0F, fields)
    fields.end()
    return packet


def _topic(fields: Fields) -> str:
    topic = fields.text()
    if not topic:
        raise Malformed("a topic is empty (4.7.3)")
    return topic


def _identifier(fields: Fields) -> int:
    number = fields.number(2)
    if not number:
        raise Malformed("the packet identifier is 0 (2.3.1)")
    return number


def _check_flags(flags: int, expected: int) -> None:
    if flags != expected:
        raise Malformed("reserved flags are not as they must be (2.2.2)")


def _read_connect(_kind: Kind, _flags: int, _fields: Fields) -> Received:
    raise Malformed("a second CONNECT (3.1)")


def _read_publish(kind: Kind, flags: int, fields: Fields) -> Received:
    qos = flags >> 1 & 3
    if qos == 3:  # noqa: PLR2004  both bits
        raise Malformed("QoS 3 (3.3.1.2)")
    if flags & 8 and not qos:
        raise Malformed("DUP with QoS 0 (3.3.1.1)")
    topic = _topic(fields)
    if "+" in topic or "#" in topic:
        raise Malformed("a topic name with a wildcard (3.3.2.1)")
    if topic.startswith("$"):
        raise Malformed("a topic that starts with $, which is the broker's own (4.7.2)")
    packet_id = _identifier(fields) if qos else 0
    return Publish(kind, packet_id, topic, fields.rest(), qos, bool(flags & 1))


def _read_acknowledgement(kind: Kind, flags: int, fields: Fields) -> Received:
    _check_flags(flags, 0)
    return Received(kind, _identifier(fields))


def _read_release(kind: Kind, flags: int, fields: Fields) -> Received:
    _check_flags(flags, 2)
    return Received(kind, _identifier(fields))


def _read_subscribe(kind: Kind, flags: int, fields: Fields) -> Received:
    _check_flags(flags, 2)
    packet_id, asked = _identifier(fields), []
    _check_there_is_one(fields)
    while fields.left:
        asked.append((_topic(fields), fields.number(1)))
        if asked[-1][1] > 2:  # noqa: PLR2004  QoS 2 is the highest; other bits are reserved
            raise Malformed("a requested QoS above 2 (3.8.3)")
    return Subscribe(kind, packet_id, tuple(asked))


def _read_unsubscribe(kind: Kind, flags: int, fields: Fields) -> Received:
    _check_flags(flags, 2)
    packet_id, asked = _identifier(fields), []
    _check_there_is_one(fields)
    while fields.left:
        asked.append(_topic(fields))
    return Unsubscribe(kind, packet_id, tuple(asked))


def _check_there_is_one(fields: Fields) -> None:
    if not fields.left:
        raise Malformed("no topic filter (3.8.3, 3.10.3)")


def _read_empty(kind: Kind, flags: int, _fields: Fields) -> Received:
    _check_flags(flags, 0)
    return Received(kind)


_READERS: dict[Kind, Callable[[Kind, int, Fields], Received]] = {
    Kind.CONNECT: _read_connect,
    Kind.PUBLISH: _read_publish,
    Kind.PUBACK: _read_acknowledgement,
    Kind.PUBREC: _read_acknowledgement,
    Kind.PUBREL: _read_release,
    Kind.PUBCOMP: _read_acknowledgement,
    Kind.SUBSCRIBE: _read_subscribe,
    Kind.UNSUBSCRIBE: _read_unsubscribe,
    Kind.PINGREQ: _read_empty,
    Kind.DISCONNECT: _read_empty,
}
