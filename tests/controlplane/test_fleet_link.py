"""One device's connection, before brokers of every kind: slow, silent, rude, talkative."""

import asyncio
import contextlib
import gc
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from certgate_certs.authority import CertificateAuthority
from certgate_controlplane.fleet import DeviceIdentity, link
from certgate_controlplane.fleet.link import Approach, Link
from certgate_controlplane.fleet.threads import Threads
from certgate_controlplane.fleet.tls import DeviceContext, device_context

CONNACK = b"\x20\x02\x00\x00"
NAME = "an-instance.localhost"

Broker = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@pytest.fixture(scope="module")
def server_ca() -> CertificateAuthority:
    """Give the CA that devices trust."""
    return CertificateAuthority.create_root("server CA")


@pytest.fixture(scope="module")
def identity() -> DeviceIdentity:
    """Give a device."""
    return DeviceIdentity.issue("lamp", CertificateAuthority.create_root("maker"))


@pytest.fixture
def new_server_tls(server_ca: CertificateAuthority, tmp_path: Path) -> Callable[[], ssl.SSLContext]:
    """Make the TLS side of a broker; each has ticket keys of its own."""
    issued = server_ca.issue_server([NAME])
    chain, key = tmp_path / "chain.pem", tmp_path / "key.pem"
    chain.write_text(issued.chain_pem)
    key.write_text(issued.key_pem)

    def make() -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(chain, key)
        return context

    return make


@pytest.fixture
def server_tls(new_server_tls: Callable[[], ssl.SSLContext]) -> ssl.SSLContext:
    """Give the TLS side of a broker."""
    return new_server_tls()


class World:
    """A broker of some kind, and a device that connects to it.

    Args:
        context: the device's TLS side.
        identity: the device.
    """

    def __init__(self, context: DeviceContext, identity: DeviceIdentity) -> None:
        self.context = context
        self.identity = identity
        self.counted: list[str] = []
        self.links: list[Link] = []
        self.threads = Threads()
        self.writers: list[asyncio.StreamWriter] = []

    @contextlib.asynccontextmanager
    async def broker(self, serve: Broker, tls: ssl.SSLContext | None) -> AsyncIterator[int]:
        """Run a broker; its connections are closed in the end."""

        async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            self.writers.append(writer)
            with contextlib.suppress(OSError, asyncio.IncompleteReadError):
                await serve(reader, writer)

        server = await asyncio.start_server(accept, "127.0.0.1", 0, ssl=tls)
        try:
            yield int(server.sockets[0].getsockname()[1])
        finally:
            server.close()
            for writer in self.writers:
                writer.transport.abort()
            await server.wait_closed()

    def link(self, port: int, patience: float = 10) -> Link:
        """Make the device's link."""
        approach = Approach("127.0.0.1", port, patience, self.threads)
        made = Link(self.identity, self.context, approach, self.counted.append)
        self.links.append(made)
        return made


@pytest.fixture
async def world(server_ca: CertificateAuthority, identity: DeviceIdentity) -> AsyncIterator[World]:
    """Give a world, and see that nothing of it stays open."""
    gc.collect()
    before = open_sockets()
    context = device_context(identity, server_ca.pem, NAME, resumes=True)
    found = World(context, identity)
    yield found
    for each in found.links:
        each.leave()
    found.threads.close()
    async with asyncio.timeout(10):
        while open_sockets() > before:  # noqa: ASYNC110  nobody tells
            await asyncio.sleep(0)


def open_sockets() -> int:
    """Count this process's open sockets."""
    names = [str(item) for item in Path("/proc/self/fd").iterdir()]
    found = 0
    for name in names:
        with contextlib.suppress(OSError):
            found += Path(name).readlink().name.startswith("socket:")
    return found


async def packet(reader: asyncio.StreamReader) -> bytes:
    """Read one packet."""
    head = await reader.readexactly(1)
    length, shift = 0, 0
    while True:
        (byte,) = await reader.readexactly(1)
        length |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            return head + await reader.readexactly(length)


async def welcoming(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Admit, then read on until the device has gone."""
    await packet(reader)
    writer.write(CONNACK)
    while await reader.read(65536):
        pass


async def test_admitted(world: World, server_tls: ssl.SSLContext) -> None:
    """CONNACK 0 admits; address and milliseconds are told; it lasts until somebody ends it."""
    async with world.broker(welcoming, server_tls) as port:
        device = world.link(port)
        answer = await device.open()
        assert answer.admitted
        assert answer.reached
        assert not answer.resumed
        peer = world.writers[0].get_extra_info("peername")
        assert answer.local_address == f"{peer[0]}:{peer[1]}"
        assert 0 < answer.milliseconds < 10_000
        assert not device.ended.done()
        device.leave()
        assert device.ended.done()


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
@pytest.mark.parametrize("resumes", [True, False])
async def test_a_session_is_resumed_where_that_is_wanted(
    world: World, server_tls: ssl.SSLContext, version: ssl.TLSVersion, resumes: bool
) -> None:
    """From the second connection on, with either version of TLS, or never."""
    world.context.maximum_version = version
    world.context.resumes = resumes
    seen: list[bool] = []

    async def admit(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.append(writer.get_extra_info("ssl_object").session_reused)
        await welcoming(reader, writer)

    async with world.broker(admit, server_tls) as port:
        device = world.link(port)
        told = []
        for _ in range(3):
            told.append((await device.open()).resumed)
            device.cut()
    assert told == seen == [False, resumes, resumes]


async def test_a_server_that_has_forgotten_shakes_hands_anew(
    world: World, new_server_tls: Callable[[], ssl.SSLContext]
) -> None:
    """The session of one server is no good for another one, and does no harm."""
    for _ in range(2):
        async with world.broker(welcoming, new_server_tls()) as port:
            device = world.link(port)
            told = []
            for _ in range(2):
                answer = await device.open()
                told.append((answer.admitted, answer.resumed))
                device.cut()
        assert told == [(True, False), (True, True)]


@pytest.mark.parametrize("code", [1, 2, 3, 4, 5])
async def test_refused_with_a_return_code(
    world: World, server_tls: ssl.SSLContext, code: int
) -> None:
    """Any return code but 0 refuses; there is no second attempt in another dialect."""

    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await packet(reader)
        writer.write(CONNACK[:3] + bytes([code]))
        await reader.read()

    async with world.broker(refuse, server_tls) as port:
        answer = await world.link(port).open()
        assert (answer.admitted, answer.reached) == (False, True)
    assert len(world.writers) == 1


async def hang_up(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """End the connection at once."""
    writer.close()


async def say_nothing(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
    """Read, and answer never."""
    while await reader.read(65536):
        pass


async def talk_nonsense(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Send what is neither TLS nor MQTT."""
    writer.write(b"\xff" * 100)
    await writer.drain()


@pytest.mark.parametrize("serve", [hang_up, say_nothing, talk_nonsense])
@pytest.mark.parametrize("encrypted", [True, False], ids=["after TLS", "instead of TLS"])
async def test_a_broker_that_does_not_answer(
    world: World, server_tls: ssl.SSLContext, serve: Broker, encrypted: bool
) -> None:
    """The device gives up, at the end of its patience at the latest, and lets go of its socket."""
    async with world.broker(serve, server_tls if encrypted else None) as port:
        answer = await world.link(port, patience=0.3).open()
        assert (answer.admitted, answer.reached) == (False, True)
        assert answer.milliseconds < 5_000


async def test_nobody_listens(world: World) -> None:
    """There is no TCP connection, and so no address."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    answer = await world.link(port).open()
    assert (answer.admitted, answer.reached, answer.local_address) == (False, False, "")


async def test_a_server_that_is_not_trusted(
    world: World, server_tls: ssl.SSLContext, identity: DeviceIdentity
) -> None:
    """The device refuses a certificate of a CA it does not know, and one for another name."""
    stranger = CertificateAuthority.create_root("stranger").pem
    for context in (
        device_context(identity, stranger, NAME, resumes=True),
        device_context(identity, stranger, "another.localhost", resumes=True),
    ):
        world.context = context
        async with world.broker(welcoming, server_tls) as port:
            answer = await world.link(port).open()
            assert (answer.admitted, answer.reached) == (False, True)


async def test_cancelled_in_the_handshake(world: World) -> None:
    """Nothing stays behind of an attempt that is cancelled."""
    async with world.broker(say_nothing, None) as port:
        attempt = asyncio.create_task(world.link(port).open())
        async with asyncio.timeout(10):
            while not world.writers:  # noqa: ASYNC110  nobody tells
                await asyncio.sleep(0)
        attempt.cancel()
        with pytest.raises(asyncio.CancelledError):
            await attempt


async def test_cancelled_while_a_thread_connects(world: World, server_tls: ssl.SSLContext) -> None:
    """The thread's socket is closed, too."""
    async with world.broker(welcoming, server_tls) as port:
        attempt = asyncio.create_task(world.link(port).open())
        await asyncio.sleep(0)
        attempt.cancel()
        with pytest.raises(asyncio.CancelledError):
            await attempt


def publish_of(payload: bytes) -> bytes:
    """Write a PUBLISH with QoS 0."""
    return b"\x30" + bytes([3 + len(payload)]) + b"\x00\x01t" + payload


async def test_many_messages_at_once(world: World, server_tls: ssl.SSLContext) -> None:
    """What TLS has already taken from the socket is read too: each message counts."""

    async def burst(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await packet(reader)
        writer.write(CONNACK + publish_of(b"one") + publish_of(b"two") + publish_of(b"three"))
        await reader.read()

    async with world.broker(burst, server_tls) as port:
        assert (await world.link(port).open()).admitted
        await reach(world, 3)
    assert world.counted == ["received"] * 3


async def reach(world: World, number: int) -> None:
    """Wait until so many messages were counted."""
    async with asyncio.timeout(10):
        while len(world.counted) < number:  # noqa: ASYNC110  nobody tells
            await asyncio.sleep(0.001)


async def test_more_than_the_network_takes_at_once(
    world: World, server_tls: ssl.SSLContext
) -> None:
    """A message of 8 MB goes out bit by bit and is counted once it is acknowledged."""
    size = 8_000_000

    async def acknowledge(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await packet(reader)
        writer.write(CONNACK)
        while received := await packet(reader):
            if received[0] & 0xF0 == 0x30:
                assert len(received) > size
                writer.write(b"\x40\x02" + received[4:6])

    async with world.broker(acknowledge, server_tls) as port:
        device = world.link(port)
        assert (await device.open()).admitted
        device.publish("t", "x" * size)
        assert world.counted == []
        await reach(world, 1)
    assert world.counted == ["published"]


async def test_the_other_end_hangs_up(world: World, server_tls: ssl.SSLContext) -> None:
    """The end of an admitted connection is noticed."""
    gone = asyncio.Event()

    async def admit_and_go(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await packet(reader)
        writer.write(CONNACK)
        await gone.wait()
        writer.close()

    async with world.broker(admit_and_go, server_tls) as port:
        device = world.link(port)
        assert (await device.open()).admitted
        assert not device.ended.done()
        gone.set()
        async with asyncio.timeout(10):
            await device.ended


async def last_packets(world: World, server_tls: ssl.SSLContext, end: str) -> list[bytes]:
    """Connect, end the connection in a way, and give what the broker saw after CONNECT."""
    seen: list[bytes] = []
    done = asyncio.Event()

    async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await packet(reader)
        writer.write(CONNACK)
        try:
            while True:
                seen.append(await packet(reader))
        finally:
            done.set()

    async with world.broker(listen, server_tls) as port:
        device = world.link(port)
        assert (await device.open()).admitted
        getattr(device, end)()
        async with asyncio.timeout(10):
            await done.wait()
    return seen


async def test_leaving_says_disconnect(world: World, server_tls: ssl.SSLContext) -> None:
    """A device that is switched off takes its leave."""
    assert await last_packets(world, server_tls, "leave") == [b"\xe0"]


async def test_a_cut_says_nothing(world: World, server_tls: ssl.SSLContext) -> None:
    """A device that loses power does not."""
    assert await last_packets(world, server_tls, "cut") == []


async def test_a_silent_device_is_kept_alive(
    world: World, server_tls: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A PINGREQ is sent where nothing else is, within the keep-alive that CONNECT names."""
    monkeypatch.setattr(link, "KEEP_ALIVE", 1)
    pinged = asyncio.Event()

    async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connect = await packet(reader)
        assert connect[9:11] == b"\x00\x01"
        writer.write(CONNACK)
        assert await packet(reader) == b"\xc0"
        pinged.set()

    async with world.broker(listen, server_tls) as port:
        device = world.link(port)
        assert (await device.open()).admitted
        async with asyncio.timeout(10):
            while not pinged.is_set():
                device.look_after()
                await asyncio.sleep(0.01)


async def test_user_name_and_password(
    world: World, server_tls: ssl.SSLContext, identity: DeviceIdentity
) -> None:
    """A device that is signed for says so as the cloud's demo clients do."""
    world.identity = identity.signed("key", "secret", "an-instance")
    seen: list[bytes] = []

    async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.append(await packet(reader))
        writer.write(CONNACK)
        await reader.read()

    async with world.broker(listen, server_tls) as port:
        assert (await world.link(port).open()).admitted
    assert b"\x00\x19Signature|key|an-instance" in seen[0]
    # openssl: printf lamp | openssl dgst -sha1 -hmac secret -binary | base64
    assert seen[0].endswith(b"\x00\x1cTIcQzIxJDq0rciNs+OrcznIRIEc=")
