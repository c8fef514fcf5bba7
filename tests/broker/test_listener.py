"""Connections that come at the wrong moment."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest

from broker.conftest import HOST
from certgate_broker.contexts import server_contexts
from certgate_broker.door import DoorSettings
from certgate_broker.listener import Listener
from certgate_broker.tls import TlsStream
from certgate_broker.way import Way
from certgate_broker.wire import Wire


class Nowhere(Way):
    """A way that is never gone."""

    def __init__(self) -> None:
        pass

    async def go(self, stream: TlsStream) -> None:
        """Wait for ever."""
        await asyncio.Event().wait()


@pytest.fixture
async def listener(settings: DoorSettings) -> AsyncIterator[Listener]:
    """Start a listener."""
    contexts = server_contexts(["only"], settings.certificate_file, settings.key_file)
    made = Listener(contexts, Nowhere())
    await made.start(HOST, 0)
    yield made
    await made.stop()


async def closes(before: Listener, *, first: bool) -> bytes:
    """Hand a connection over just when the listener stops; give what the client reads."""
    stops: list[asyncio.Task[None]] = []

    def hand_over(wire: Wire) -> None:
        if first:
            stops.append(asyncio.create_task(before.stop()))
            # The next in turn: it has begun to stop by then.
            asyncio.get_running_loop().call_soon(before._accept, wire)  # noqa: SLF001
            return
        before._accept(wire)  # noqa: SLF001  what asyncio calls
        stops.append(asyncio.create_task(before.stop()))

    server = await asyncio.get_running_loop().create_server(lambda: Wire(hand_over), HOST, 0)
    reader, writer = await asyncio.open_connection(HOST, server.sockets[0].getsockname()[1])
    try:
        async with asyncio.timeout(5):
            with contextlib.suppress(ConnectionResetError):
                return await reader.read(1)
        return b""
    finally:
        writer.close()
        with contextlib.suppress(ConnectionResetError):
            await writer.wait_closed()
        server.close()
        await server.wait_closed()
        await asyncio.gather(*stops)


class TestStop:
    """A listener that stops while a connection is on its way."""

    @pytest.mark.parametrize("first", [True, False])
    async def test_connection_is_closed(self, listener: Listener, *, first: bool) -> None:
        """A connection that asyncio hands over right before or after the end is closed as well."""
        assert await closes(listener, first=first) == b""

    async def test_not_started(self, settings: DoorSettings) -> None:
        """A listener that never started has nothing to stop."""
        context = server_contexts(["only"], settings.certificate_file, settings.key_file)
        await Listener(context, Nowhere()).stop()
