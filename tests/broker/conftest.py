"""A door on loopback with a registry behind it, and the clients that knock."""

import asyncio
import contextlib
import queue
import secrets
import socket
import ssl
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import paho.mqtt.client as paho
import pytest
import uvloop
from paho.mqtt.enums import CallbackAPIVersion

from certgate_broker.door import Door, DoorSettings
from certgate_certs.authority import CertificateAuthority
from certgate_certs.issued import IssuedCertificate
from certgate_certs.registry import Application, DecisionRecord, Registration, Registry

ON_BOTH_LOOPS = {
    "test_key_updates.py",
    "test_any_conversation.py",
    "test_door.py",
    "test_hostile.py",
    "test_refusal_styles.py",
    "test_reset.py",
    "test_slow_clients.py",
    "test_stored_messages.py",
    "test_tls.py",
    "test_wills.py",
    "test_wire.py",
}
"""Modules in which it matters how a loop reads, writes and closes."""

FIRST, SECOND = "post-cn-first", "post-cn-second"
HOST, PATIENCE = "127.0.0.1", 10.0
ACCEPTED = b"\x20\x02\x00\x00"


def pytest_asyncio_loop_factories(
    config: pytest.Config, item: pytest.Item
) -> dict[str, Callable[[], asyncio.AbstractEventLoop]]:
    """Run what depends on the event loop on each of those that a lab runs on."""
    usual: dict[str, Callable[[], asyncio.AbstractEventLoop]] = {"asyncio": asyncio.new_event_loop}
    return usual | ({"uvloop": uvloop.new_event_loop} if item.path.name in ON_BOTH_LOOPS else {})


def connect_packet(client_id: str, *, clean: bool = True, keep_alive: int = 60) -> bytes:
    """Write a short CONNECT packet by hand."""
    flags, name = b"\x02" if clean else b"\x00", client_id.encode()
    body = (
        b"\x00\x04MQTT\x04" + flags + keep_alive.to_bytes(2, "big") + bytes([0, len(name)]) + name
    )
    return bytes([0x10, len(body)]) + body


async def eventually(true: Callable[[], bool]) -> None:
    """Look again and again until something has become true, but not for ever."""
    end = time.monotonic() + PATIENCE
    while not true():
        assert time.monotonic() < end, "it never became true"
        await asyncio.sleep(0.005)


def open_files() -> int:
    """Count this process's file descriptors."""
    return sum(1 for _ in Path("/dev/fd").iterdir())


async def register(registry: Registry, ca: CertificateAuthority, instance: str = FIRST) -> None:
    """Register a CA certificate, its possession taken as proved."""
    code = await registry.codes.issue(instance)
    application = Application(instance, "CA", ca.issued.view, ca.pem, "verification", code)
    assert await registry.cas.register(application, 10) is Registration.DONE


def write_pair(folder: Path, issued: IssuedCertificate) -> tuple[str, str]:
    """Write a certificate with its issuers, and its key, where clients can load them."""
    certificate, key = (folder / f"{secrets.token_hex(8)}.{kind}" for kind in ("crt", "key"))
    certificate.write_text(issued.chain_pem)
    key.write_text(issued.key_pem)
    return str(certificate), str(key)


class Device:
    """A paho client in a thread of its own."""

    def __init__(
        self, port: int, context: ssl.SSLContext, client_id: str, *, clean: bool = True, **more: Any
    ) -> None:
        self.client = paho.Client(
            CallbackAPIVersion.VERSION2,
            client_id,
            clean_session=None if more.get("protocol") is paho.MQTTv5 else clean,
            reconnect_on_failure=False,
            **more,
        )
        self.client.tls_set_context(context)
        self._port, self.messages = port, queue.Queue[bytes | bytearray]()
        self._answers, self._over = queue.Queue[tuple[str, bool]](), queue.Queue[None]()
        self.client.on_connect = self._connected
        self.client.on_disconnect = lambda *_: self._over.put(None)
        self.client.on_message = lambda _client, _data, message: self.messages.put(message.payload)

    def _connected(self, _client: object, _data: object, flags: Any, code: Any, _: object) -> None:
        self._answers.put((str(code), flags.session_present))

    async def connect(self, keep_alive: int = 60) -> tuple[str, bool]:
        """Connect; give the broker's answer and whether a session was present."""
        await asyncio.to_thread(self.client.connect, HOST, self._port, keep_alive)
        self.client.loop_start()
        return await asyncio.to_thread(self._answers.get, timeout=PATIENCE)

    async def subscribe(self, topic: str, qos: int = 1) -> None:
        """Subscribe and wait for the acknowledgement."""
        done = queue.Queue[None]()
        self.client.on_subscribe = lambda *_: done.put(None)
        self.client.subscribe(topic, qos)
        await asyncio.to_thread(done.get, timeout=PATIENCE)

    async def publish(self, topic: str, payload: bytes, qos: int = 1) -> None:
        """Publish and wait for the acknowledgement."""
        sent = self.client.publish(topic, payload, qos)
        await asyncio.to_thread(sent.wait_for_publish, PATIENCE)
        assert sent.is_published()

    async def message(self) -> bytes | bytearray:
        """Wait for the next message."""
        return await asyncio.to_thread(self.messages.get, timeout=PATIENCE)

    async def cut_off(self) -> None:
        """Wait until the connection has ended."""
        await asyncio.to_thread(self._over.get, timeout=PATIENCE)

    async def leave(self) -> None:
        """Disconnect and end the thread."""
        self.client.disconnect()
        await asyncio.to_thread(self.client.loop_stop)
        self.client._reset_sockets()  # noqa: SLF001  else some live until they are collected


class Knock:
    """A blocking TLS connection that sends what it is told to."""

    def __init__(
        self,
        port: int,
        context: ssl.SSLContext,
        name: str = "localhost",
        session: ssl.SSLSession | None = None,
    ) -> None:
        plain = socket.create_connection((HOST, port), timeout=PATIENCE)
        with plain:  # Does nothing once the socket has been wrapped.
            self.tls = context.wrap_socket(plain, server_hostname=name, session=session)

    def ask(self, data: bytes, count: int = 4) -> bytes:
        """Send bytes and read so many; fewer where the connection ends."""
        found = b""
        with contextlib.suppress(OSError):
            self.tls.sendall(data)
            while len(found) < count and (more := self.tls.recv(count - len(found))):
                found += more
        return found

    def close(self) -> None:
        """Say goodbye, if anybody listens, and close."""
        with contextlib.suppress(OSError):
            self.tls.unwrap()
        self.tls.close()


@dataclass
class House:
    """A running door with what stands behind it."""

    registry: Registry
    door: Door
    port: int
    folder: Path

    def context(
        self, issued: IssuedCertificate | None, version: ssl.TLSVersion | None = None
    ) -> ssl.SSLContext:
        """Make a client's TLS context, for one protocol version or any."""
        context = ssl.create_default_context(cafile=self.folder / "trust.pem")
        if issued is not None:
            context.load_cert_chain(*write_pair(self.folder, issued))
        context.minimum_version = version or ssl.TLSVersion.TLSv1_2
        context.maximum_version = version or ssl.TLSVersion.TLSv1_3
        return context

    def device(self, issued: IssuedCertificate | None, client_id: str, **more: Any) -> Device:
        """Make a paho client."""
        return Device(self.port, self.context(issued), client_id, **more)

    async def ask(
        self, context: ssl.SSLContext, data: bytes, name: str = "localhost", count: int = 4
    ) -> bytes:
        """Connect once, send bytes, give the answer."""

        def once() -> bytes:
            with contextlib.closing(Knock(self.port, context, name)) as knock:
                return knock.ask(data, count)

        return await asyncio.to_thread(once)

    async def records(self) -> list[DecisionRecord]:
        """Give every decision record so far."""
        await self.door.log.flush()
        return [record for _, record in await self.registry.decisions.since(0, 10_000)]


OpenHouse = Callable[..., Awaitable[House]]


@pytest.fixture(scope="session")
def ca() -> CertificateAuthority:
    """Give a CA that no test changes."""
    return CertificateAuthority.create_root("CA of the tests")


@pytest.fixture
async def registry(tmp_path: Path) -> AsyncIterator[Registry]:
    """Open a new registry."""
    opened = await Registry.open(tmp_path / "registry.db")
    yield opened
    await opened.close()


@pytest.fixture(scope="session")
def server() -> IssuedCertificate:
    """Give the certificate of the server."""
    above = CertificateAuthority.create_root("CA of the server")
    return above.issue_server(
        ["localhost", HOST, *(f"{name}.localhost" for name in (FIRST, SECOND))]
    )


@pytest.fixture
def settings(tmp_path: Path, server: IssuedCertificate) -> DoorSettings:
    """Write down how the door is set up."""
    certificate, key = write_pair(tmp_path, server)
    (tmp_path / "trust.pem").write_text(server.chain_pem)
    return DoorSettings(HOST, 0, [FIRST, SECOND], Path(certificate), Path(key))


@pytest.fixture
async def open_house(
    registry: Registry, settings: DoorSettings, tmp_path: Path
) -> AsyncIterator[OpenHouse]:
    """Open doors; afterwards nothing of them is left, neither a task nor a file descriptor."""
    async with await asyncio.get_running_loop().create_server(asyncio.Protocol, HOST, 0):
        pass  # From the first one on libuv keeps a descriptor in reserve.
    tasks, files = asyncio.all_tasks(), open_files()
    async with contextlib.AsyncExitStack() as stack:

        async def make(**changes: Any) -> House:
            door = Door(replace(settings, **changes), registry, lambda: time.time_ns() // 1_000_000)
            port = await door.start()
            stack.push_async_callback(door.stop)
            return House(registry, door, port, tmp_path)

        yield make
    await eventually(lambda: asyncio.all_tasks() <= tasks | {asyncio.current_task()})
    await eventually(lambda: open_files() <= files)


@pytest.fixture
async def house(open_house: OpenHouse, ca: CertificateAuthority) -> House:
    """Open a door with one registered CA."""
    await register((opened := await open_house()).registry, ca)
    return opened
