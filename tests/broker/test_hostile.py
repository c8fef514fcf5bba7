"""Clients that do everything wrong; each costs its own connection and nothing else."""

import asyncio
import contextlib
import socket
import ssl
import struct
from collections.abc import Awaitable, Callable

import pytest
import uvloop

from broker.conftest import ACCEPTED, HOST, House, Knock, OpenHouse, connect_packet, register
from certgate_broker.limits import ConnectionLimits
from certgate_certs.authority import CertificateAuthority
from certgate_certs.issued import IssuedCertificate

LIMITS = ConnectionLimits(
    handshake_seconds=0.3, connect_seconds=0.3, connect_bytes=500, packet_bytes=5000
)
Attack = Callable[[House, IssuedCertificate], bytes]


def plain(data: bytes) -> Attack:
    """Send bytes that are no TLS, and read what comes."""

    def attack(house: House, _: IssuedCertificate) -> bytes:
        found = b""
        with socket.create_connection((HOST, house.port), timeout=10) as tcp:
            tcp.sendall(data)
            with contextlib.suppress(OSError):
                while more := tcp.recv(100):
                    found += more
        return found

    return attack


def told(data: bytes, count: int = 100) -> Attack:
    """Send bytes over TLS, with a good certificate, and read until the end."""

    def attack(house: House, issued: IssuedCertificate) -> bytes:
        with contextlib.closing(Knock(house.port, house.context(issued))) as knock:
            return knock.ask(data, count)

    return attack


def no_certificate(version: ssl.TLSVersion) -> Attack:
    """Keep the certificate at home."""

    def attack(house: House, _: IssuedCertificate) -> bytes:
        try:
            with contextlib.closing(Knock(house.port, house.context(None, version))) as knock:
                return knock.ask(connect_packet("m"))
        except OSError:
            return b""

    return attack


def old_tls(house: House, issued: IssuedCertificate) -> bytes:
    """Ask for TLS 1.1; written by hand, because clients here would not."""
    hello = b"\x03\x02" + b"\x11" * 32 + b"\x00" + b"\x00\x02\xc0\x13" + b"\x01\x00"
    message = b"\x01" + len(hello).to_bytes(3, "big") + hello
    return plain(b"\x16\x03\x01" + len(message).to_bytes(2, "big") + message)(house, issued)


def byte_by_byte(house: House, issued: IssuedCertificate) -> bytes:
    """Send a CONNECT one byte at a time, and never the last one."""
    with contextlib.closing(Knock(house.port, house.context(issued))) as knock:
        for octet in connect_packet("m")[:-1]:
            knock.ask(bytes([octet]), 0)
        return knock.ask(b"")


def leaves(data: bytes, *, reset: bool = False) -> Attack:
    """Send a piece of a CONNECT and go, politely or not."""

    def attack(house: House, issued: IssuedCertificate) -> bytes:
        knock = Knock(house.port, house.context(issued))
        knock.ask(data, 0)
        if reset:
            knock.tls.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            knock.tls.close()
        else:
            knock.close()
        return b""

    return attack


def reset_in_handshake(house: House, _: IssuedCertificate) -> bytes:
    """Send half a record and a reset."""
    with socket.create_connection((HOST, house.port)) as tcp:
        tcp.sendall(b"\x16\x03\x01\x02\x00\x01")
        tcp.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    return b""


def gone_in_handshake(house: House, _: IssuedCertificate) -> bytes:
    """Send half a record and go."""
    with socket.create_connection((HOST, house.port)) as tcp:
        tcp.sendall(b"\x16\x03\x01\x02\x00\x01")
    return b""


NOT_AUTHORIZED, BAD_VERSION = b"\x20\x02\x00\x05", b"\x20\x02\x00\x01"
WELL_FORMED = connect_packet("m")
ATTACKS: dict[str, tuple[Attack, str, bytes | None]] = {
    "garbage": (plain(bytes(range(256)) * 4), "handshake_failed", None),
    "plain HTTP": (plain(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"), "handshake_failed", None),
    "plain MQTT": (plain(WELL_FORMED), "handshake_failed", None),
    "no certificate, 1.2": (no_certificate(ssl.TLSVersion.TLSv1_2), "no_client_certificate", b""),
    "no certificate, 1.3": (no_certificate(ssl.TLSVersion.TLSv1_3), "no_client_certificate", b""),
    "TLS 1.1": (old_tls, "handshake_failed", b"\x15\x03\x02\x00\x02\x02\x46"),
    "silence": (plain(b""), "handshake_failed", b""),
    "handshake stalled": (plain(b"\x16\x03\x01\x02\x00\x01"), "handshake_failed", b""),
    "handshake reset": (reset_in_handshake, "handshake_failed", b""),
    "gone in the handshake": (gone_in_handshake, "handshake_failed", b""),
    "no CONNECT": (told(b""), "connect_timeout", b""),
    "CONNECT stalled": (told(WELL_FORMED[:5]), "connect_timeout", b""),
    "byte by byte": (byte_by_byte, "connect_timeout", b""),
    "too large": (told(connect_packet("m")[:1] + b"\xf5\x03"), "connect_too_large", NOT_AUTHORIZED),
    "no MQTT": (told(b"GET / HTTP/1.1\r\n\r\n"), "connect_malformed", NOT_AUTHORIZED),
    "PUBLISH first": (told(b"\x30\x04\x00\x01tx"), "connect_malformed", NOT_AUTHORIZED),
    "MQTT 3.1": (
        told(b"\x10\x0f\x00\x06MQIsdp\x03\x02\x00\x3c\x00\x01m"),
        "protocol_version_unsupported",
        BAD_VERSION,
    ),
    "MQTT 5": (
        told(b"\x10\x0e\x00\x04MQTT\x05\x02\x00\x3c\x00\x00\x01m"),
        "protocol_version_unsupported",
        BAD_VERSION,
    ),
    "gone before CONNECT": (leaves(b""), "connect_malformed", b""),
    "gone in CONNECT": (leaves(WELL_FORMED[:9]), "connect_malformed", b""),
    "reset in CONNECT": (leaves(WELL_FORMED[:9], reset=True), "connect_malformed", b""),
}


async def recorded(house: House, count: int) -> None:
    """Wait until so many connections have been decided."""
    found = 0
    for _ in range(1000):
        found = len(await house.records())
        if found >= count:
            break
        await asyncio.sleep(0.01)
    assert found >= count


def addresses(attack: Attack) -> tuple[str, ...]:
    """Give where an attack may have come from: uvloop asks late, when a reset has taken it away."""
    late = isinstance(asyncio.get_running_loop(), uvloop.Loop) and attack is reset_in_handshake
    return (HOST, ":0") if late else (HOST,)


class TestHostile:
    """One attack each."""

    @pytest.mark.parametrize(("attack", "reason", "expected"), ATTACKS.values(), ids=ATTACKS.keys())
    async def test_costs_one_connection(
        self,
        open_house: OpenHouse,
        ca: CertificateAuthority,
        attack: Attack,
        reason: str,
        expected: bytes | None,
    ) -> None:
        """An honest device works before, during and after, and the record says what happened."""
        house = await open_house(limits=LIMITS)
        await register(house.registry, ca)
        honest = house.device(ca.issue_device("honest"), "honest")
        assert (await honest.connect())[0] == "Success"
        await honest.subscribe("t")
        attacking = asyncio.create_task(asyncio.to_thread(attack, house, ca.issue_device("m")))
        await honest.publish("t", b"during")
        assert await honest.message() == b"during"
        answer = await attacking
        await recorded(house, 2)
        await honest.leave()
        assert (await honest.connect())[0] == "Success"
        await honest.leave()
        assert expected in {None, answer}
        assert not answer.startswith(ACCEPTED)
        found = await house.records()
        assert [(record.accepted, record.reasons) for record in found] == [
            (True, ()),
            (False, (reason,)),
            (True, ()),
        ]
        assert bool(found[1].tls_version) is bool(found[1].device_sn)
        assert found[1].remote_address.startswith(addresses(attack))

    async def test_many_at_once(self, open_house: OpenHouse, ca: CertificateAuthority) -> None:
        """A crowd of attackers of every kind leaves exactly its records behind."""
        house = await open_house(limits=LIMITS)
        await register(house.registry, ca)
        issued = ca.issue_device("m")
        crowd: list[Awaitable[bytes]] = [
            asyncio.to_thread(attack, house, issued) for attack, _, _ in ATTACKS.values()
        ]
        await asyncio.gather(*crowd)
        await recorded(house, len(ATTACKS))
        found = sorted(record.reasons for record in await house.records())
        assert found == sorted((reason,) for _, reason, _ in ATTACKS.values())

    async def test_oversize_after_connect(
        self, open_house: OpenHouse, ca: CertificateAuthority
    ) -> None:
        """An admitted device that sends too much is cut off; what follows is no packet."""
        house = await open_house(limits=LIMITS)
        await register(house.registry, ca)
        too_much = b"\x30\xff\x7f\x00\x01t" + b"x" * 20_000
        answer = told(connect_packet("m") + too_much + b"\xc0\x00")
        assert await asyncio.to_thread(answer, house, ca.issue_device("m")) == ACCEPTED

    async def test_gone_while_admitted(
        self, open_house: OpenHouse, ca: CertificateAuthority
    ) -> None:
        """A device that resets its connection right after CONNECT leaves nothing behind."""
        house = await open_house(limits=LIMITS)
        await register(house.registry, ca)
        for _ in range(5):
            attack = leaves(WELL_FORMED, reset=True)
            await asyncio.to_thread(attack, house, ca.issue_device("m"))
        await recorded(house, 5)

    async def test_stop_during_a_handshake(
        self, open_house: OpenHouse, ca: CertificateAuthority
    ) -> None:
        """A door that is closed does not wait for those who keep it waiting."""
        house = await open_house()
        with socket.create_connection((HOST, house.port)) as tcp:
            tcp.sendall(b"\x16")
            await house.ask(house.context(ca.issue_device("m")), WELL_FORMED)
            async with asyncio.timeout(5):
                await house.door.stop()
            assert await asyncio.to_thread(tcp.recv, 1) == b""
