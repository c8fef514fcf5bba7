"""The waiting room: who says nothing keeps nobody out."""

import asyncio
import contextlib
import socket
import ssl

import pytest

from broker.conftest import ACCEPTED, HOST, House, OpenHouse, connect_packet, register
from certgate_broker.limits import ConnectionLimits
from certgate_broker.waiting import WaitingRoom
from certgate_certs.authority import CertificateAuthority


class TestRoom:
    """`WaitingRoom` by itself."""

    def test_the_longest_wait_makes_room(self) -> None:
        """When the room is full the connection that has waited longest is dropped."""
        room, dropped = WaitingRoom(2, 2), list[str]()
        first = room.seat("a", lambda: dropped.append("first"))
        second = room.seat("b", lambda: dropped.append("second"))
        third = room.seat("c", lambda: dropped.append("third"))
        with first as one, second as two, third as three:
            assert dropped == ["first"]
            assert (one.lost, two.lost, three.lost) == (True, False, False)
            assert len(room) == 2
        assert len(room) == 0

    def test_one_address_pays_for_itself(self) -> None:
        """An address that holds its share loses its own oldest, nobody else's."""
        room, dropped = WaitingRoom(10, 1), list[str]()
        with (
            room.seat("other", lambda: dropped.append("other")),
            room.seat("greedy", lambda: dropped.append("greedy 1")),
            room.seat("greedy", lambda: dropped.append("greedy 2")) as last,
        ):
            assert dropped == ["greedy 1"]
            assert not last.lost

    def test_a_crowd_that_has_gone_is_told(self) -> None:
        """Once, when the last of a crowd has left; a few who come and go are no crowd."""
        gone = list[int]()
        room = WaitingRoom(1000, 1000, lambda: gone.append(1))
        with room.seat("a", lambda: None):
            pass
        assert gone == []
        with contextlib.ExitStack() as stack:
            for _ in range(300):
                stack.enter_context(room.seat("a", lambda: None))
        assert gone == [1]
        with room.seat("a", lambda: None):
            pass
        assert gone == [1]


def silent(port: int, count: int, first: bytes = b"") -> list[socket.socket]:
    """Open connections that say no more than a few bytes."""
    opened = [socket.create_connection((HOST, port)) for _ in range(count)]
    for connection in opened:
        connection.sendall(first)
    return opened


@pytest.fixture
async def small(open_house: OpenHouse, ca: CertificateAuthority) -> House:
    """Open a door with room for eight who wait, and two who are connected."""
    house = await open_house(limits=ConnectionLimits(waiting=8, waiting_of_one=6, sessions=2))
    await register(house.registry, ca)
    return house


class TestDoor:
    """The room behind a real door."""

    @pytest.mark.parametrize("first", [b"", b"\x16", b"\x16\x03\x01\x02\x00\x01"])
    async def test_silent_clients_keep_nobody_out(
        self, small: House, ca: CertificateAuthority, first: bytes
    ) -> None:
        """Many more silent clients than there are places: an honest device connects at once."""
        held = await asyncio.to_thread(silent, small.port, 60, first)
        context = small.context(ca.issue_device("meter-1"))
        async with asyncio.timeout(2):
            assert await small.ask(context, connect_packet("m")) == ACCEPTED
        for connection in held:
            connection.close()
        records = await small.records()
        lost = [item for item in records if item.reasons == ("too_many_connections",)]
        assert len(lost) >= 60 - 8

    async def test_as_many_sessions_as_the_door_takes(
        self, small: House, ca: CertificateAuthority
    ) -> None:
        """A device more is told that the server is unavailable, and admitted once one leaves."""
        devices = [small.device(ca.issue_device(f"meter-{n}"), f"m{n}") for n in range(2)]
        for device in devices:
            assert (await device.connect())[0] == "Success"
        context = small.context(ca.issue_device("meter-3"))
        assert await small.ask(context, connect_packet("m3")) == b"\x20\x02\x00\x03"
        assert (await small.records())[-1].reasons == ("too_many_connections",)
        await devices[0].leave()
        await asyncio.to_thread(until_admitted, small.port, context)
        await devices[1].leave()


def until_admitted(port: int, context: ssl.SSLContext) -> None:
    """Try until the door has noticed that a place is free."""
    for _ in range(200):
        with (
            socket.create_connection((HOST, port)) as plain,
            context.wrap_socket(plain, server_hostname="localhost") as tls,
        ):
            tls.sendall(connect_packet("m3"))
            if tls.recv(4) == ACCEPTED:
                return
    raise AssertionError("no place became free")
