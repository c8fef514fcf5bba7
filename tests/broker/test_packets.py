"""What a client may send after CONNECT, and what it may not."""

import contextlib

import pytest
from amqtt.adapters import ReaderAdapter
from amqtt.mqtt import packet_class
from amqtt.mqtt.packet import MQTTFixedHeader
from amqtt.mqtt.publish import PublishPacket
from amqtt.mqtt.subscribe import SubscribePacket
from amqtt.mqtt.unsubscribe import UnsubscribePacket
from hypothesis import given
from hypothesis import strategies as st

from broker.wire import connect, packet, publish, short, subscribe, text
from certgate_broker.fields import Malformed
from certgate_broker.packets import (
    Kind,
    Publish,
    Received,
    Subscribe,
    Unsubscribe,
    packet_end,
    read_packet,
)

GOOD = {
    "PUBLISH, QoS 0": (publish("a/b", b"x"), Kind.PUBLISH),
    "PUBLISH, QoS 1": (publish("a/b", b"x", 1), Kind.PUBLISH),
    "PUBLISH, QoS 2, retained": (publish("a", b"x", 2, retain=True), Kind.PUBLISH),
    "PUBLISH, again": (packet(0x3A, text("a") + b"\x00\x01x"), Kind.PUBLISH),
    "PUBLISH, nothing in it": (publish("a", b""), Kind.PUBLISH),
    "PUBLISH, any payload": (publish("a", b"\x00\xff#+$"), Kind.PUBLISH),
    "PUBLISH, a dollar within": (publish("a/$b", b""), Kind.PUBLISH),
    "PUBLISH, large": (publish("a", b"x" * 20_000), Kind.PUBLISH),
    "PUBACK": (short(0x40, 1), Kind.PUBACK),
    "PUBREC": (short(0x50, 65_535), Kind.PUBREC),
    "PUBREL": (short(0x62, 1), Kind.PUBREL),
    "PUBCOMP": (short(0x70, 1), Kind.PUBCOMP),
    "SUBSCRIBE": (subscribe("#", 2), Kind.SUBSCRIBE),
    "SUBSCRIBE, two": (
        packet(0x82, b"\x00\x01" + text("a") + b"\x00" + text("$SYS/#") + b"\x01"),
        Kind.SUBSCRIBE,
    ),
    "UNSUBSCRIBE": (packet(0xA2, b"\x00\x01" + text("a") + text("b")), Kind.UNSUBSCRIBE),
    "PINGREQ": (b"\xc0\x00", Kind.PINGREQ),
    "DISCONNECT": (b"\xe0\x00", Kind.DISCONNECT),
}
BAD = {
    "reserved type 0": (b"\x00\x00", "no client"),
    "reserved type 15": (b"\xf0\x00", "no client"),
    "CONNACK": (b"\x20\x02\x00\x00", "no client"),
    "SUBACK": (b"\x90\x03\x00\x01\x00", "no client"),
    "UNSUBACK": (short(0xB0, 1), "no client"),
    "PINGRESP": (b"\xd0\x00", "no client"),
    "CONNECT": (connect("m"), "second CONNECT"),
    "PUBLISH, QoS 3": (packet(0x36, text("a") + b"\x00\x01"), "QoS 3"),
    "PUBLISH, DUP with QoS 0": (packet(0x38, text("a")), "DUP"),
    "PUBLISH, no topic": (publish("", b"x"), "empty"),
    "PUBLISH, wildcard #": (publish("a/#", b""), "wildcard"),
    "PUBLISH, wildcard +": (publish("a/+/b", b""), "wildcard"),
    "PUBLISH, $SYS": (publish("$SYS/a", b""), r"\$"),
    "PUBLISH, $share": (publish("$share/a/b", b""), r"\$"),
    "PUBLISH, not UTF-8": (publish(b"\xff", b""), "UTF-8"),
    "PUBLISH, a surrogate": (publish(b"\xed\xa0\x80", b""), "UTF-8"),
    "PUBLISH, overlong": (publish(b"\xc0\x80", b""), "UTF-8"),
    "PUBLISH, null": (publish("a\0b", b""), "null"),
    "PUBLISH, identifier 0": (publish("a", b"", 1, 0), "identifier is 0"),
    "PUBLISH, no identifier": (packet(0x32, text("a") + b"\x00"), "shorter"),
    "PUBLISH, topic too long": (packet(0x30, b"\x00\x05a"), "shorter"),
    "PUBLISH, nothing": (b"\x30\x00", "shorter"),
    "PUBACK, flags": (short(0x41, 1), "flags"),
    "PUBACK, identifier 0": (short(0x40, 0), "identifier is 0"),
    "PUBACK, long": (packet(0x40, b"\x00\x01\x00"), "longer"),
    "PUBACK, short": (packet(0x40, b"\x00"), "shorter"),
    "PUBREC, flags": (short(0x52, 1), "flags"),
    "PUBREL, flags": (short(0x60, 1), "flags"),
    "PUBREL, long": (packet(0x62, b"\x00\x01\x00"), "longer"),
    "PUBCOMP, flags": (short(0x72, 1), "flags"),
    "SUBSCRIBE, flags": (packet(0x80, b"\x00\x01" + text("a") + b"\x00"), "flags"),
    "SUBSCRIBE, identifier 0": (packet(0x82, b"\x00\x00" + text("a") + b"\x00"), "identifier is 0"),
    "SUBSCRIBE, nothing": (packet(0x82, b"\x00\x01"), "no topic filter"),
    "SUBSCRIBE, empty": (packet(0x82, b"\x00\x01" + text("") + b"\x00"), "empty"),
    "SUBSCRIBE, QoS 3": (subscribe("a", 3), "QoS above"),
    "SUBSCRIBE, reserved bits": (subscribe("a", 0x81), "QoS above"),
    "SUBSCRIBE, no QoS": (packet(0x82, b"\x00\x01" + text("a")), "shorter"),
    "SUBSCRIBE, not UTF-8": (packet(0x82, b"\x00\x01" + text(b"\xfe") + b"\x00"), "UTF-8"),
    "UNSUBSCRIBE, flags": (packet(0xA0, b"\x00\x01" + text("a")), "flags"),
    "UNSUBSCRIBE, nothing": (packet(0xA2, b"\x00\x01"), "no topic filter"),
    "UNSUBSCRIBE, cut": (packet(0xA2, b"\x00\x01\x00\x02a"), "shorter"),
    "PINGREQ, flags": (b"\xc1\x00", "flags"),
    "PINGREQ, long": (packet(0xC0, b"x"), "longer"),
    "DISCONNECT, flags": (b"\xe1\x00", "flags"),
    "DISCONNECT, long": (packet(0xE0, b"x"), "longer"),
}


@pytest.mark.parametrize(("data", "kind"), GOOD.values(), ids=GOOD.keys())
def test_accepted(data: bytes, kind: Kind) -> None:
    """What keeps the rules is accepted, and told what it is."""
    assert read_packet(data).kind is kind
    assert packet_end(data, len(data)) == len(data)


@pytest.mark.parametrize(("data", "words"), BAD.values(), ids=BAD.keys())
def test_refused(data: bytes, words: str) -> None:
    """What breaks a rule is refused, with the rule."""
    with pytest.raises(Malformed, match=words):
        read_packet(data)


class TestEnd:
    """`packet_end`."""

    @pytest.mark.parametrize("data", [item for item, _ in GOOD.values()], ids=GOOD.keys())
    def test_of_every_beginning(self, data: bytes) -> None:
        """More bytes are needed until the last is there; what follows changes nothing."""
        beginnings = {len(data) // 2, *range(min(len(data), 20)), len(data) - 1}
        assert {packet_end(data[:count], None) for count in beginnings} == {0}
        assert packet_end(bytearray(data + data), None) == len(data)

    @pytest.mark.parametrize("length", [0, 127, 128, 16_383, 16_384, 2_097_151, 2_097_152])
    def test_of_every_length_field(self, length: int) -> None:
        """One to four octets tell the length (2.2.3)."""
        assert packet_end(packet(0x30, b"x" * length), length) == len(packet(0x30, b"x" * length))

    @pytest.mark.parametrize("data", [b"\x30\xff\xff\xff\x7f", b"\x30\x65"])
    def test_limit(self, data: bytes) -> None:
        """A length above the limit is refused before any byte of the body has come."""
        with pytest.raises(Malformed, match="100 are allowed"):
            packet_end(data, 100)

    def test_no_limit(self) -> None:
        """Without a limit one waits for the longest packet there is."""
        assert packet_end(b"\x30\xff\xff\xff\x7f", None) == 0

    @pytest.mark.parametrize("more", [b"", b"\x00", b"\x80"])
    def test_five_octets(self, more: bytes) -> None:
        """A length field that does not end with its fourth octet is refused at once."""
        with pytest.raises(Malformed, match="five octets"):
            packet_end(b"\x30\x80\x80\x80\x80" + more, None)


@given(st.integers(0, 255), st.binary(max_size=30))
def test_any_packet(first: int, body: bytes) -> None:
    """Whatever comes is accepted as what it says it is, or refused; nothing else happens."""
    data = packet(first, body)
    assert packet_end(data, 30) == len(data)
    with contextlib.suppress(Malformed):
        assert read_packet(data).kind == first >> 4


class Piece(ReaderAdapter):
    """Gives amqtt bytes that are there."""

    def __init__(self, data: bytes) -> None:
        self.left = data

    async def read(self, n: int = -1) -> bytes:
        """Give so many."""
        taken, self.left = self.left[:n], self.left[n:]
        return taken

    def feed_eof(self) -> None:
        """Nothing to do."""


async def judged(reader: Piece) -> Received:
    """Let amqtt read a packet, and write down what it found as we do."""
    header = await MQTTFixedHeader.from_stream(reader)
    assert header is not None
    kind = Kind(header.packet_type)
    foreign = await packet_class(header).from_stream(reader, fixed_header=header)
    number = getattr(foreign.variable_header, "packet_id", 0) or 0
    if isinstance(foreign, PublishPacket):
        said = (foreign.topic_name or "", bytes(foreign.data or b""), foreign.qos or 0)
        return Publish(kind, number, *said, retain=foreign.retain_flag)
    if isinstance(foreign, SubscribePacket):
        assert foreign.payload is not None
        return Subscribe(kind, number, tuple(foreign.payload.topics))
    if isinstance(foreign, UnsubscribePacket):
        assert foreign.payload is not None
        return Unsubscribe(kind, number, tuple(foreign.payload.topics))
    return Received(kind, number)


@pytest.mark.parametrize("data", [item for item, _ in GOOD.values()], ids=GOOD.keys())
async def test_amqtt_reads_the_same(data: bytes) -> None:
    """Field by field."""
    assert await judged(Piece(data)) == read_packet(data)


@given(
    st.sampled_from([item for item, _ in GOOD.values() if len(item) < 100]),
    st.lists(st.tuples(st.integers(0, 40), st.integers(0, 255)), max_size=3),
)
async def test_amqtt_reads_the_same_of_damaged_ones(
    data: bytes, changes: list[tuple[int, int]]
) -> None:
    """A damaged packet that is still accepted is read as amqtt reads it, down to the last byte."""
    changed = bytearray(data)
    for at, octet in changes:
        changed[at % len(data)] = octet
    with contextlib.suppress(Malformed):
        if packet_end(changed, 100) == len(changed):
            ours, reader = read_packet(bytes(changed)), Piece(bytes(changed))
            assert await judged(reader) == ours
            assert reader.left == b""
