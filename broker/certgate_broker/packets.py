"""Check the packets a client sends after its CONNECT; no socket in sight.

amqtt skips some malformed packets and reads on in the middle of others, where MQTT wants the
connection closed (4.8). So it gets none. Section numbers are those of MQTT 3.1.1.
"""

from collections.abc import Callable
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


def check_packet(packet: bytes) -> Kind:
    """Check a complete packet that came after CONNECT.

    Args:
        packet: its bytes.

    Returns:
        What it is.

    Raises:
        Malformed: it breaks a rule.
    """
    try:
        kind = Kind(packet[0] >> 4)
    except ValueError:
        raise Malformed("no client sends packets of this type (2.2.1)") from None
    body, _ = remaining_length(packet)
    fields = Fields(packet, body)
    _CHECKS[kind](packet[0] & 0x0F, fields)
    fields.end()
    return kind


def _topic(fields: Fields) -> str:
    topic = fields.text()
    if not topic:
        raise Malformed("a topic is empty (4.7.3)")
    return topic


def _identify(fields: Fields) -> None:
    if not fields.number(2):
        raise Malformed("the packet identifier is 0 (2.3.1)")


def _check_flags(flags: int, expected: int) -> None:
    if flags != expected:
        raise Malformed("reserved flags are not as they must be (2.2.2)")


def _check_connect(_flags: int, _fields: Fields) -> None:
    raise Malformed("a second CONNECT (3.1)")


def _check_publish(flags: int, fields: Fields) -> None:
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
    if qos:
        _identify(fields)
    fields.pass_over()  # The payload is whatever it likes.


def _check_acknowledgement(flags: int, fields: Fields) -> None:
    _check_flags(flags, 0)
    _identify(fields)


def _check_release(flags: int, fields: Fields) -> None:
    _check_flags(flags, 2)
    _identify(fields)


def _check_subscribe(flags: int, fields: Fields) -> None:
    _check_flags(flags, 2)
    _identify(fields)
    _check_there_is_one(fields)
    while fields.left:
        _topic(fields)
        if fields.take(1)[0] > 2:  # noqa: PLR2004  QoS 2 is the highest; other bits are reserved
            raise Malformed("a requested QoS above 2 (3.8.3)")


def _check_unsubscribe(flags: int, fields: Fields) -> None:
    _check_flags(flags, 2)
    _identify(fields)
    _check_there_is_one(fields)
    while fields.left:
        _topic(fields)


def _check_there_is_one(fields: Fields) -> None:
    if not fields.left:
        raise Malformed("no topic filter (3.8.3, 3.10.3)")


def _check_empty(flags: int, _fields: Fields) -> None:
    _check_flags(flags, 0)


_CHECKS: dict[Kind, Callable[[int, Fields], None]] = {
    Kind.CONNECT: _check_connect,
    Kind.PUBLISH: _check_publish,
    Kind.PUBACK: _check_acknowledgement,
    Kind.PUBREC: _check_acknowledgement,
    Kind.PUBREL: _check_release,
    Kind.PUBCOMP: _check_acknowledgement,
    Kind.SUBSCRIBE: _check_subscribe,
    Kind.UNSUBSCRIBE: _check_unsubscribe,
    Kind.PINGREQ: _check_empty,
    Kind.DISCONNECT: _check_empty,
}
