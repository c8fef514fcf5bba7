"""CONNECT packets that other people's clients write."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable

import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from certgate_broker.connect import Connect, ConnectRefused, read_connect
from certgate_broker.reasons import Reason

LIMIT = 65_536
Captured = Connect | ConnectRefused
Capture = tuple[int, Callable[[], Awaitable[Captured]]]


@pytest.fixture
async def capture() -> AsyncIterator[Capture]:
    """Listen on a port and read what comes first; give the port and a way to wait for it."""
    found: asyncio.Queue[Captured] = asyncio.Queue()

    async def read(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        data = b""
        try:
            while (connect := read_connect(data, LIMIT)) is None:
                data += await reader.read(1)
            found.put_nowait(connect)
        except ConnectRefused as refused:
            found.put_nowait(refused)
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()

    server = await asyncio.start_server(read, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1], found.get


async def sent(capture: Capture, client: paho.Client, keep_alive: int = 60) -> Captured:
    """Let a paho client connect, and give what was read of it."""
    port, wait = capture
    await asyncio.to_thread(client.connect, "127.0.0.1", port, keep_alive)
    found = await wait()
    client.disconnect()
    client.loop_misc()
    await asyncio.to_thread(client.loop, 0.01)
    return found


class TestPaho:
    """paho-mqtt."""

    async def test_the_least(self, capture: Capture) -> None:
        """A client with an identifier and nothing else."""
        found = await sent(capture, paho.Client(CallbackAPIVersion.VERSION2, "meter-1"))
        assert isinstance(found, Connect)
        assert (found.client_id, found.clean_session, found.keep_alive) == ("meter-1", True, 60)
        assert (found.user_name, found.password, found.rest) == (None, None, b"")

    async def test_the_most(self, capture: Capture) -> None:
        """A client with a will, a user name, a password and a session to be kept."""
        client = paho.Client(CallbackAPIVersion.VERSION2, "m\u00e9ter/2", clean_session=False)
        client.username_pw_set("\u7528\u6237", "dummy-password")
        client.will_set("last/words", b"\x00\xff" * 200, 2, retain=True)
        found = await sent(capture, client, 65_535)
        assert isinstance(found, Connect)
        assert (found.client_id, found.clean_session) == ("m\u00e9ter/2", False)
        assert (found.keep_alive, found.user_name) == (65_535, "\u7528\u6237")
        assert found.password == b"dummy-password"

    async def test_no_identifier(self, capture: Capture) -> None:
        """A client that leaves the identifier to the broker gets one."""
        found = await sent(capture, paho.Client(CallbackAPIVersion.VERSION2))
        assert isinstance(found, Connect)
        assert len(found.client_id) > 8

    @pytest.mark.parametrize("version", [MQTTProtocolVersion.MQTTv31, MQTTProtocolVersion.MQTTv5])
    async def test_other_versions(self, capture: Capture, version: MQTTProtocolVersion) -> None:
        """A client of another version is told so."""
        client = paho.Client(CallbackAPIVersion.VERSION2, "meter-1", protocol=version)
        found = await sent(capture, client)
        assert isinstance(found, ConnectRefused)
        assert found.reason is Reason.PROTOCOL_VERSION_UNSUPPORTED


class TestMosquitto:
    """mosquitto_pub and mosquitto_sub."""

    async def run(self, capture: Capture, program: str, *options: str) -> Captured:
        """Run one against the listener and give what was read of it."""
        port, wait = capture
        process = await asyncio.create_subprocess_exec(
            program,
            *("-h", "127.0.0.1", "-p", str(port), "-t", "x", *options),
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
        )
        try:
            async with asyncio.timeout(10):
                return await wait()
        finally:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()

    async def test_pub(self, capture: Capture) -> None:
        """mosquitto_pub with a will, a user name and a password."""
        options = ["-i", "pump-7", "-m", "y", "-k", "17", "-u", "user", "-P", "dummy"]
        options += ["--will-topic", "gone", "--will-payload", "bye", "--will-qos", "1"]
        found = await self.run(capture, "mosquitto_pub", *options)
        assert isinstance(found, Connect)
        assert (found.client_id, found.clean_session, found.keep_alive) == ("pump-7", True, 17)
        assert (found.user_name, found.password) == ("user", b"dummy")

    async def test_sub(self, capture: Capture) -> None:
        """mosquitto_sub that wants its session kept."""
        found = await self.run(capture, "mosquitto_sub", "-i", "pump-8", "-c")
        assert isinstance(found, Connect)
        assert (found.client_id, found.clean_session) == ("pump-8", False)

    @pytest.mark.parametrize("version", ["mqttv31", "mqttv5"])
    async def test_other_versions(self, capture: Capture, version: str) -> None:
        """Other versions are recognised."""
        found = await self.run(capture, "mosquitto_pub", "-m", "y", "-i", "pump-9", "-V", version)
        assert isinstance(found, ConnectRefused)
        assert found.return_code == 1
