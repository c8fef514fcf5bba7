"""CONNECT packets, rule by rule; section numbers are those of MQTT 3.1.1."""

import asyncio

import pytest
from amqtt.adapters import BufferReader
from amqtt.mqtt.connack import ConnackPacket
from amqtt.mqtt.connect import ConnectPacket

from certgate_broker.connect import Connect, ConnectRefused, Will, read_connect, write_connack
from certgate_broker.reasons import Reason, ReturnCode

MALFORMED, TOO_LARGE = Reason.CONNECT_MALFORMED, Reason.CONNECT_TOO_LARGE
VERSION = Reason.PROTOCOL_VERSION_UNSUPPORTED
LIMIT = 70_000


def field(data: bytes | str) -> bytes:
    """Write a length and the bytes (1.5.3)."""
    raw = data.encode() if isinstance(data, str) else data
    return len(raw).to_bytes(2, "big") + raw


def length(value: int) -> bytes:
    """Write the remaining length as the standard's own algorithm does (2.2.3)."""
    octets = []
    while True:
        value, digit = divmod(value, 128)
        octets.append(digit + 128 * (value > 0))
        if value == 0:
            return bytes(octets)


def packet(
    flags: int = 2,
    rest: bytes = b"",
    *,
    name: bytes = b"MQTT",
    level: int = 4,
    client_id: bytes | str = "meter-1",
) -> bytes:
    """Write a CONNECT packet, right or wrong."""
    body = field(name) + bytes([level, flags]) + b"\x00\x3c" + field(client_id) + rest
    return b"\x10" + length(len(body)) + body


def refusal(data: bytes, limit: int = LIMIT) -> ConnectRefused:
    """Give the refusal that bytes meet."""
    with pytest.raises(ConnectRefused) as caught:
        read_connect(data, limit)
    return caught.value


WRONG = {
    "3.1 the first packet is CONNECT": b"\x30\x00",
    "3.1.1 reserved flags of the fixed header": b"\x11" + packet()[1:],
    "2.2.3 five octets of length": b"\x10\xff\xff\xff\xff\x01",
    "2.2.3 a length that never ends": b"\x10\x80\x80\x80\x80",
    "3.1.2.1 another protocol": packet(name=b"HTTP"),
    "3.1.2.1 the older name with the newer level": packet(name=b"MQIsdp", level=4),
    "3.1.2.1 no name": packet(name=b""),
    "3.1.2.3 reserved flag": packet(3),
    "3.1.2.6 will QoS without a will": packet(0x0A),
    "3.1.2.7 will retain without a will": packet(0x22),
    "3.1.2.6 will QoS 3": packet(0x1E, field("t") + field("m")),
    "3.1.2.9 a password without a user name": packet(0x42, field("p")),
    "3.1.2.5 a will without a topic": packet(6),
    "3.1.2.5 a will without a message": packet(6, field("t")),
    "4.7.3 an empty will topic": packet(6, field("") + field("m")),
    "4.7.1 a will topic with +": packet(6, field("a/+") + field("m")),
    "4.7.1 a will topic with #": packet(6, field("#") + field("m")),
    "4.7.2 a will topic with $": packet(6, field("$SYS/x") + field("m")),
    "3.1.2.8 a user name is missing": packet(0x82),
    "3.1.2.9 a password is missing": packet(0xC2, field("u")),
    "1.5.3 a client identifier that is no UTF-8": packet(client_id=b"\xff"),
    "1.5.3 a surrogate": packet(client_id=b"\xed\xa0\x80"),
    "1.5.3 a null character": packet(client_id="a\0b"),
    "1.5.3 a user name that is no UTF-8": packet(0x82, field(b"\xc0\x80")),
    "1.5.3 a will topic with a null character": packet(6, field("t\0") + field("m")),
    "3.1.3 bytes behind the last field": packet(2, b"\x00"),
    "3.1.3 a user name without its flag": packet(2, field("u")),
    "3.1 an empty packet": b"\x10\x00",
    "3.1.2 a packet that ends in its name": b"\x10\x03\x00\x04M",
    "3.1.2 a packet that ends before its level": b"\x10\x06\x00\x04MQTT",
    "3.1.2 a packet that ends before its flags": b"\x10\x07\x00\x04MQTT\x04",
    "3.1.2 a packet that ends in its keep alive": b"\x10\x09\x00\x04MQTT\x04\x02\x00",
    "3.1.3 a packet without a client identifier": b"\x10\x0a\x00\x04MQTT\x04\x02\x00\x3c",
}


class TestRefused:
    """What is no CONNECT of MQTT 3.1.1."""

    @pytest.mark.parametrize("data", WRONG.values(), ids=WRONG.keys())
    def test_malformed(self, data: bytes) -> None:
        """A packet that breaks a rule is malformed, and not authorized."""
        refused = refusal(data)
        assert (refused.reason, refused.return_code) == (MALFORMED, ReturnCode.NOT_AUTHORIZED)
        assert str(refused)

    @pytest.mark.parametrize(("name", "level"), [(b"MQIsdp", 3), (b"MQTT", 5), (b"MQTT", 3)])
    def test_other_versions(self, name: bytes, level: int) -> None:
        """Another version gets the return code that the standard has for it (3.1.2.2)."""
        refused = refusal(packet(name=name, level=level))
        assert (refused.reason, refused.return_code) == (VERSION, 1)

    def test_no_identifier_without_clean_session(self) -> None:
        """Who wants a session kept has to have an identifier (3.1.3.1)."""
        refused = refusal(packet(0, client_id=""))
        assert (refused.reason, refused.return_code) == (MALFORMED, 2)

    @pytest.mark.parametrize("first", [*range(0x10), *range(0x11, 0x100)])
    def test_other_first_octets(self, first: int) -> None:
        """One wrong octet is enough to know."""
        assert refusal(bytes([first])).reason is MALFORMED

    def test_too_large(self) -> None:
        """A packet of one byte more than allowed is refused, one of just as many is read."""
        data = packet()
        assert refusal(data, len(data) - 3).reason is TOO_LARGE
        assert read_connect(data, len(data) - 2) is not None

    def test_too_large_by_its_own_word(self) -> None:
        """The length field is enough: nobody waits for 256 MB."""
        assert refusal(b"\x10\xff\xff\xff\x7f").reason is TOO_LARGE


class TestRead:
    """What is one."""

    def test_nothing_yet(self) -> None:
        """No bytes are no packet, and no offence."""
        assert read_connect(b"", LIMIT) is None

    def test_every_field(self) -> None:
        """A packet with everything in it is read back."""
        data = packet(0xEC, field("t") + field(b"\xff") + field("us\u00e9r") + field(b"\x00\xfe"))
        found = read_connect(data + b"\xc0\x00", LIMIT)
        assert found == Connect(
            client_id="meter-1",
            client_id_assigned=False,
            clean_session=False,
            keep_alive=60,
            user_name="us\u00e9r",
            password=b"\x00\xfe",
            will=Will("t", b"\xff", 1, retain=True),
            rest=b"\xc0\x00",
        )

    def test_length_in_more_octets_than_needed(self) -> None:
        """A length field may be longer than it need be."""
        short = packet()
        long = b"\x10" + bytes([short[1] | 0x80, 0]) + short[2:]
        assert read_connect(long, LIMIT) == read_connect(short, LIMIT) is not None

    @pytest.mark.parametrize("size", [115, 116, 16_371, 16_372])
    def test_lengths_around_their_steps(self, size: int) -> None:
        """The length field grows by an octet at 128 and at 16384 bytes."""
        found = read_connect(packet(client_id="x" * size) + b"rest", LIMIT)
        assert found is not None
        assert (found.client_id, found.rest) == ("x" * size, b"rest")

    @pytest.mark.parametrize("qos", [0, 1, 2])
    @pytest.mark.parametrize("retain", [True, False])
    def test_will(self, qos: int, *, retain: bool) -> None:
        """A will is read with its QoS and whether it is retained (3.1.2.6, 3.1.2.7)."""
        flags = 2 | 4 | qos << 3 | retain << 5
        found = read_connect(packet(flags, field("t") + field(b"w\x00")), LIMIT)
        assert found is not None
        assert found.will == Will("t", b"w\x00", qos, retain)

    def test_an_identifier_is_made_up(self) -> None:
        """An empty identifier is replaced by one that differs each time (3.1.3.1)."""
        made = [read_connect(packet(client_id=""), LIMIT) for _ in range(20)]
        assert len({item.client_id for item in made if item}) == 20


def judged(data: bytes) -> ConnectPacket:
    """Let amqtt read a packet."""
    with asyncio.Runner() as runner:
        return runner.run(ConnectPacket.from_stream(BufferReader(data)))


class TestAnswer:
    """`write_connack`."""

    @pytest.mark.parametrize("code", list(ReturnCode))
    @pytest.mark.parametrize("present", [True, False])
    def test_amqtt_reads_it(self, code: ReturnCode, *, present: bool) -> None:
        """The answer says what it was told to (3.2.2)."""
        with asyncio.Runner() as runner:
            written = BufferReader(write_connack(code, session_present=present))
            foreign = runner.run(ConnackPacket.from_stream(written))
        assert (foreign.return_code, foreign.session_parent) == (code, present)
