"""Check the packets a client sends after its CONNECT; no socket in sight.

amqtt skips some malformed packets and reads on in the middle of others, where MQTT wants the
connection closed (4.8). So it gets none. Section numbers are those of MQTT 3.1.1.
"""

from collections.abc import Callable
from enum import IntEnum

_LONGEST_FIELD = 4


class PacketRefused(Exception):  # noqa: N818  a refusal, not a failure of ours
    """A packet breaks a rule, the text says which; nothing after it can be trusted."""


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
        PacketRefused: its length is malformed, or above the limit.
    """
    length = 0
    for place, octet in enumerate(data[1 : 1 + _LONGEST_FIELD]):
        length += (octet & 0x7F) << 7 * place
        if not octet & 0x80:
            if limit is not None and length > limit:
                raise PacketRefused(f"{length} bytes, {limit} are allowed")
            end = place + 2 + length
            return end if len(data) >= end else 0
    if len(data) > _LONGEST_FIELD:
        raise PacketRefused("the length field has five octets (2.2.3)")
    return 0


def check_packet(packet: bytes) -> Kind:
    """Check a complete packet that came after CONNECT.

    Args:
        packet: its bytes.

    Returns:
        What it is.

    Raises:
        PacketRefused: it breaks a rule.
    """
    try:
        kind = Kind(packet[0] >> 4)
    except ValueError:
        raise PacketRefused("no client sends packets of this type (2.2.1)") from None
    body = next(at for at in range(1, len(packet)) if not packet[at] & 0x80) + 1
    fields = _Fields(packet, body)
    _CHECKS[kind](packet[0] & 0x0F, fields)
    fields.end()
    return kind


class _Fields:
    """Takes a packet apart from the front."""

    def __init__(self, packet: bytes, start: int) -> None:
        self._packet = packet
        self._at = start

    @property
    def left(self) -> int:
        return len(self._packet) - self._at

    def take(self, count: int) -> bytes:
        if count > self.left:
            raise PacketRefused("the packet is shorter than its fields")
        self._at += count
        return self._packet[self._at - count : self._at]

    def pass_over(self) -> None:
        self._at = len(self._packet)

    def text(self) -> str:
        try:
            text = self.take(int.from_bytes(self.take(2), "big")).decode("utf-8")
        except UnicodeDecodeError:
            raise PacketRefused("a string is not UTF-8 (1.5.3)") from None
        if "\0" in text:
            raise PacketRefused("a string has a null character (1.5.3)")
        if not text:
            raise PacketRefused("a topic is empty (4.7.3)")
        return text

    def identifier(self) -> None:
        if self.take(2) == b"\0\0":
            raise PacketRefused("the packet identifier is 0 (2.3.1)")

    def end(self) -> None:
        if self.left:
            raise PacketRefused("the packet is longer than its fields")


def _check_flags(flags: int, expected: int) -> None:
    if flags != expected:
        raise PacketRefused("reserved flags are not as they must be (2.2.2)")


def _check_connect(_flags: int, _fields: _Fields) -> None:
    raise PacketRefused("a second CONNECT (3.1)")


def _check_publish(flags: int, fields: _Fields) -> None:
    qos = flags >> 1 & 3
    if qos == 3:  # noqa: PLR2004  both bits
        raise PacketRefused("QoS 3 (3.3.1.2)")
    if flags & 8 and not qos:
        raise PacketRefused("DUP with QoS 0 (3.3.1.1)")
    topic = fields.text()
    if "+" in topic or "#" in topic:
        raise PacketRefused("a topic name with a wildcard (3.3.2.1)")
    if topic.startswith("$"):
        raise PacketRefused("a topic that starts with $, which is the broker's own (4.7.2)")
    if qos:
        fields.identifier()
    fields.pass_over()  # The payload is whatever it likes.


def _check_acknowledgement(flags: int, fields: _Fields) -> None:
    _check_flags(flags, 0)
    fields.identifier()


def _check_release(flags: int, fields: _Fields) -> None:
    _check_flags(flags, 2)
    fields.identifier()


def _check_subscribe(flags: int, fields: _Fields) -> None:
    _check_flags(flags, 2)
    fields.identifier()
    _check_there_is_one(fields)
    while fields.left:
        fields.text()
        if fields.take(1)[0] > 2:  # noqa: PLR2004  QoS 2 is the highest; other bits are reserved
            raise PacketRefused("a requested QoS above 2 (3.8.3)")


def _check_unsubscribe(flags: int, fields: _Fields) -> None:
    _check_flags(flags, 2)
    fields.identifier()
    _check_there_is_one(fields)
    while fields.left:
        fields.text()


def _check_there_is_one(fields: _Fields) -> None:
    if not fields.left:
        raise PacketRefused("no topic filter (3.8.3, 3.10.3)")


def _check_empty(flags: int, _fields: _Fields) -> None:
    _check_flags(flags, 0)


_CHECKS: dict[Kind, Callable[[int, _Fields], None]] = {
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
