"""KeyUpdates (RFC 8446, 4.6.3) of a client that says nothing else."""

import asyncio
import contextlib
import select
import socket
from collections.abc import Iterator

from broker.conftest import HOST, House, connect_packet, write_pair
from broker.libssl import Client
from certgate_certs.authority import CertificateAuthority
from certgate_certs.issued import IssuedCertificate

MANY = 1_000_000


@contextlib.contextmanager
def admitted(
    house: House, issued: IssuedCertificate, room: int | None = None
) -> Iterator[tuple[socket.socket, Client]]:
    """Connect a device; it takes no more than so many bytes without reading them."""
    with socket.socket() as tcp:
        tcp.settimeout(None)
        if room is not None:
            tcp.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, room)
        tcp.connect((HOST, house.port))
        with contextlib.closing(Client(tcp, *write_pair(house.folder, issued))) as client:
            client.write(connect_packet("m"))
            assert client.read(4) == b"\x20\x02\x00\x00"
            yield tcp, client


def answers(house: House, issued: IssuedCertificate) -> int:
    """Ask for new keys; give how many bytes the server says to that."""
    with admitted(house, issued) as (tcp, client):
        for _ in range(5):
            assert client.update_key()
        tcp.settimeout(5)
        return len(tcp.recv(10_000))


def asked(house: House, issued: IssuedCertificate) -> int:
    """Ask for new keys and take no answer; give how often the server has listened to that."""
    with admitted(house, issued, room=4096) as (tcp, client):
        tcp.setblocking(False)  # noqa: FBT003  a positional flag, by its name
        for number in range(MANY):
            while not client.update_key():
                if not select.select([], [tcp], [], 2)[1]:
                    return number
    return MANY


async def test_answered(house: House, ca: CertificateAuthority) -> None:
    """Each gets its answer, though certgate has nothing else to say."""
    assert await asyncio.to_thread(answers, house, ca.issue_device("d")) > 20


async def test_who_takes_no_answers_is_not_read_on(house: House, ca: CertificateAuthority) -> None:
    """Answers that are not taken cost a bounded amount, and others go on."""
    asking = asyncio.create_task(asyncio.to_thread(asked, house, ca.issue_device("d")))
    other = house.device(ca.issue_device("e"), "n")
    assert await other.connect() == ("Success", False)
    assert await asking < MANY
    await other.leave()
