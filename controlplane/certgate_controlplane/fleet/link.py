"""One device's connection: a paho-mqtt client, driven by the running event loop and no thread."""

import asyncio
import contextlib
import socket
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from certgate_controlplane.fleet.identity import DeviceIdentity
from certgate_controlplane.fleet.threads import Threads
from certgate_controlplane.fleet.tls import DeviceContext, LateSocket

KEEP_ALIVE = 60
_MOST_QUEUED = 20


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of an attempt to connect.

    Attributes:
        admitted: CONNACK said 0.
        reached: there was a TCP connection.
        local_address: ``address:port`` of the device's end, or "" where it was not reached.
        resumed: the TLS session was resumed.
        milliseconds: from the start of the TCP connection to the answer.
    """

    admitted: bool
    reached: bool
    local_address: str
    resumed: bool
    milliseconds: float


@dataclass(frozen=True, slots=True)
class Approach:
    """How devices get to the broker.

    Attributes:
        host: its address.
        port: its TCP port.
        patience: seconds until a device gives up that has no CONNACK.
        threads: where TCP connections are made; nothing else blocks.
    """

    host: str
    port: int
    patience: float
    threads: Threads


class Link:
    """Connects one device, again and again.

    Args:
        identity: the device.
        context: its TLS side.
        approach: how it gets to the broker.
        counted: called with ``published`` and ``received``.

    Attributes:
        ended: done once the connection has ended.
    """

    def __init__(
        self,
        identity: DeviceIdentity,
        context: DeviceContext,
        approach: Approach,
        counted: Callable[[str], None],
    ) -> None:
        self._context = context
        self._approach = approach
        self._counted = counted
        self._loop = asyncio.get_running_loop()
        self._attached = False
        self._began = 0.0
        self._connack: asyncio.Future[bool] = self._loop.create_future()
        self.ended: asyncio.Future[None] = self._loop.create_future()
        self._client = self._new_client(identity)

    def _new_client(self, identity: DeviceIdentity) -> mqtt.Client:
        client = mqtt.Client(
            CallbackAPIVersion.VERSION2, client_id=identity.client_id, reconnect_on_failure=False
        )
        client.tls_set_context(self._context)
        client.connect_timeout = self._approach.patience
        client.max_queued_messages_set(_MOST_QUEUED)
        if identity.user_name:
            client.username_pw_set(identity.user_name, identity.password)
        client.on_pre_connect = self._on_pre_connect
        client.on_connect = self._on_connect
        client.on_disconnect = self._on_disconnect
        client.on_publish = lambda *_: self._counted("published")
        client.on_message = lambda *_: self._counted("received")
        client.on_socket_close = self._on_socket_close
        client.on_socket_register_write = self._on_register_write
        client.on_socket_unregister_write = self._on_unregister_write
        return client

    async def open(self) -> Answer:
        """Try to connect."""
        self.ended = self._loop.create_future()
        self._connack = self._loop.create_future()
        address, admitted, resumed = "", False, False
        try:
            async with asyncio.timeout(self._approach.patience):
                connection = await self._dial()
                address = "{}:{}".format(*connection.getsockname()[:2])
                await self._shake(connection)
                resumed = bool(connection.session_reused)
                self._attach(connection)
                admitted = await self._connack
        except OSError:  # TimeoutError and ssl.SSLError are kinds of it.
            admitted = False
        finally:
            if not admitted:
                self.cut()
        took = (time.monotonic() - self._began) * 1000
        return Answer(admitted, bool(address), address, resumed, took)

    def subscribe(self, topic_filter: str) -> None:
        """Subscribe with QoS 1."""
        self._client.subscribe(topic_filter, qos=1)

    def publish(self, topic: str, payload: str) -> None:
        """Publish with QoS 1."""
        self._client.publish(topic, payload, qos=1)

    def look_after(self) -> None:
        """Send a PINGREQ where one is due; to be called more often than the keep-alive asks for."""
        self._client.loop_misc()

    def leave(self) -> None:
        """Say DISCONNECT and hang up."""
        if self._client.is_connected():
            self._client.disconnect()
            self._client.loop_write()
        self.cut()

    def cut(self) -> None:
        """Hang up without a word, as a device does that loses power."""
        connection = self._client.socket()
        if isinstance(connection, LateSocket):
            with contextlib.suppress(OSError):  # The other end was faster.
                # Not its own `shutdown`: that one forgets TLS, and with it the session.
                socket.socket.shutdown(connection, socket.SHUT_RDWR)
        while self._client.socket() is not None:
            self._client.loop_read()

    async def _dial(self) -> LateSocket:
        """Have paho make the TCP connection; CONNECT is queued on return."""
        to = self._approach
        await to.threads.call(self._client.connect, to.host, to.port, KEEP_ALIVE)
        return cast("LateSocket", self._client.socket())

    async def _shake(self, connection: LateSocket) -> None:
        loop, descriptor = self._loop, connection.fileno()
        while True:
            try:
                connection.shake()
            except ssl.SSLWantReadError:
                await _once(loop.add_reader, loop.remove_reader, descriptor)
            except ssl.SSLWantWriteError:
                await _once(loop.add_writer, loop.remove_writer, descriptor)
            except ssl.SSLError:
                self._context.forget()
                raise
            else:
                return

    def _attach(self, connection: LateSocket) -> None:
        self._attached = True
        self._loop.add_reader(connection.fileno(), self._on_readable, connection)
        self._client.loop_write()

    def _on_readable(self, connection: LateSocket) -> None:
        self._client.loop_read()
        # What TLS has taken from the socket already makes it readable no more.
        while self._client.socket() is not None and connection.pending():
            self._client.loop_read()

    def _on_pre_connect(self, *_: object) -> None:
        self._began = time.monotonic()

    def _on_connect(self, _c: object, _u: object, _f: object, code: Any, _p: object) -> None:  # noqa: ANN401  paho's
        if not self._connack.done():
            self._connack.set_result(not code.is_failure)

    def _on_disconnect(self, *_: object) -> None:
        if not self.ended.done():
            self.ended.set_result(None)
        if not self._connack.done():
            self._connack.set_result(False)

    def _on_socket_close(self, _c: object, _u: object, connection: Any) -> None:  # noqa: ANN401  paho's
        self._context.remember(connection)
        if self._attached:
            self._attached = False
            self._loop.remove_reader(connection.fileno())
            self._loop.remove_writer(connection.fileno())

    def _on_register_write(self, _c: object, _u: object, connection: Any) -> None:  # noqa: ANN401  paho's
        # Before the handshake CONNECT has to wait, and a thread may be asking.
        if self._attached:
            self._loop.add_writer(connection.fileno(), self._client.loop_write)

    def _on_unregister_write(self, _c: object, _u: object, connection: Any) -> None:  # noqa: ANN401  paho's
        if self._attached:
            self._loop.remove_writer(connection.fileno())


async def _once(add: Callable[..., None], remove: Callable[[int], bool], descriptor: int) -> None:
    ready = asyncio.Event()
    add(descriptor, ready.set)
    try:
        await ready.wait()
    finally:
        remove(descriptor)
