"""MQTT packets written by hand, and a client that sends and reads nothing else."""

import asyncio
import contextlib
from dataclasses import dataclass

from broker.conftest import HOST, PATIENCE, House
from certgate_certs.issued import IssuedCertificate

PING, PONG, GOODBYE = b"\xc0\x00", (0xD0, b""), b"\xe0\x00"


def text(value: str | bytes) -> bytes:
    """Write a string field."""
    data = value.encode() if isinstance(value, str) else value
    return len(data).to_bytes(2, "big") + data


def packet(first: int, body: bytes) -> bytes:
    """Write a packet."""
    length, octets = len(body), bytearray()
    while length > 0x7F:
        octets.append(length & 0x7F | 0x80)
        length >>= 7
    return bytes([first, *octets, length]) + body


@dataclass(frozen=True)
class Will:
    """A will, as CONNECT carries it."""

    topic: str = "will"
    message: bytes = b"gone"
    qos: int = 0
    retain: bool = False


def connect(
    client_id: str, *, clean: bool = True, will: Will | None = None, keep_alive: int = 60
) -> bytes:
    """Write a CONNECT packet."""
    flags, fields = 2 if clean else 0, text(client_id)
    if will is not None:
        flags |= 4 | will.qos << 3 | will.retain << 5
        fields += text(will.topic) + text(will.message)
    head = b"\x00\x04MQTT\x04" + bytes([flags]) + keep_alive.to_bytes(2, "big")
    return packet(0x10, head + fields)


def publish(
    topic: str | bytes, payload: bytes, qos: int = 0, packet_id: int = 1, *, retain: bool = False
) -> bytes:
    """Write a PUBLISH packet."""
    identifier = packet_id.to_bytes(2, "big") if qos else b""
    return packet(0x30 | qos << 1 | retain, text(topic) + identifier + payload)


def subscribe(topic_filter: str, qos: int = 1) -> bytes:
    """Write a SUBSCRIBE packet."""
    return packet(0x82, b"\x00\x09" + text(topic_filter) + bytes([qos]))


def short(first: int, packet_id: int) -> bytes:
    """Write one of the packets that carry an identifier and nothing else."""
    return packet(first, packet_id.to_bytes(2, "big"))


@dataclass(frozen=True)
class Received:
    """A PUBLISH packet, read."""

    topic: str
    payload: bytes
    qos: int
    packet_id: int
    retain: bool
    again: bool


def read_publish(first: int, body: bytes) -> Received:
    """Read a PUBLISH packet."""
    assert first >> 4 == 3, f"{first:#x} is no PUBLISH"
    length, qos = int.from_bytes(body[:2], "big"), first >> 1 & 3
    topic, rest = body[2 : 2 + length].decode(), body[2 + length :]
    packet_id, payload = (int.from_bytes(rest[:2], "big"), rest[2:]) if qos else (0, rest)
    return Received(topic, payload, qos, packet_id, bool(first & 1), bool(first & 8))


class Raw:
    """A client in the test's own loop; it reads only when it is told to."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self.writer = reader, writer
        self.present = False

    @classmethod
    async def open(
        cls, house: House, issued: IssuedCertificate, hello: bytes, name: str = "localhost"
    ) -> "Raw":
        """Connect, say CONNECT and be accepted."""
        reader, writer = await asyncio.open_connection(
            HOST, house.port, ssl=house.context(issued), server_hostname=name
        )
        client = cls(reader, writer)
        client.send(hello)
        first, body = await client.packet()
        assert (first, body[1:]) == (0x20, b"\x00")
        client.present = bool(body[0])
        return client

    def send(self, *packets: bytes) -> None:
        """Send packets in one piece."""
        self.writer.write(b"".join(packets))

    async def packet(self) -> tuple[int, bytes]:
        """Read the next packet: its first octet, and what follows the fixed header."""
        async with asyncio.timeout(PATIENCE):
            first = await self._reader.readexactly(1)
            length, shift = 0, 0
            while True:
                octet = (await self._reader.readexactly(1))[0]
                length += (octet & 0x7F) << shift
                shift += 7
                if not octet & 0x80:
                    return first[0], await self._reader.readexactly(length)

    async def message(self) -> Received:
        """Read the next packet, which is a message."""
        return read_publish(*await self.packet())

    async def subscribe(self, topic_filter: str, qos: int = 1) -> int:
        """Subscribe; give the return code."""
        self.send(subscribe(topic_filter, qos))
        first, body = await self.packet()
        assert (first, body[:2]) == (0x90, b"\x00\x09")
        return body[2]

    async def settled(self) -> list[Received]:
        """Ask for a PINGRESP and give the messages that came before it."""
        self.send(PING)
        found = []
        while (read := await self.packet()) != PONG:
            found.append(read_publish(*read))
        return found

    async def cut_off(self) -> bytes:
        """Wait until the broker has closed the connection; give what it sent before."""
        async with asyncio.timeout(PATIENCE):
            found = bytearray()
            with contextlib.suppress(ConnectionError):
                while more := await self._reader.read(65_536):
                    found += more
        await self.close()
        return bytes(found)

    async def leave(self) -> None:
        """Say DISCONNECT and close, in one piece."""
        self.send(GOODBYE)
        await self.close()

    async def vanish(self) -> None:
        """Go without a word."""
        self.writer.transport.abort()
        await self.close()

    async def close(self) -> None:
        """Close the connection in good order, as far as TLS goes."""
        self.writer.close()
        with contextlib.suppress(OSError):
            await self.writer.wait_closed()
