"""Connections that come at the wrong moment."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable

import pytest

from broker.conftest import HOST
from certgate_broker.contexts import server_contexts
from certgate_broker.door import DoorSettings
from certgate_broker.listener import Listener
from certgate_broker.tls import TlsStream
from certgate_broker.way import Way

Accept = Callable[[asyncio.StreamReader, asyncio.StreamWriter], None]


class Nowhere(Way):
    """A way that is never gone."""

    def __init__(self) -> None:
        pass

    async def go(self, stream: TlsStream) -> None:
        """Wait for ever."""
        await asyncio.Event().wait()


@pytest.fixture
async def listener(
    settings: DoorSettings, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[tuple[Listener, Accept]]:
    """Start a listener; give also what asyncio calls for each of its connections."""
    start_server, accepts = asyncio.start_server, []

    async def start(accept: Accept, *arguments: object, **more: object) -> asyncio.Server:
        accepts.append(accept)
        return await start_server(accept, HOST, 0)

    made = Listener(
        server_contexts(["only"], settings.certificate_file, settings.key_file), Nowhere()
    )
    with monkeypatch.context() as patch:
        patch.setattr(asyncio, "start_server", start)
        await made.start(HOST, 0)
    yield made, accepts[0]
    await made.stop()


async def closes(accept: Accept, before: Listener, *, first: bool) -> bytes:
    """Hand a connection over just when the listener stops; give what the client reads."""

    async def hand_over(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if first:
            await before.stop()
        accept(reader, writer)
        await before.stop()

    server = await asyncio.start_server(hand_over, HOST, 0)
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


class TestStop:
    """A listener that stops while a connection is on its way."""

    @pytest.mark.parametrize("first", [True, False])
    async def test_connection_is_closed(
        self, listener: tuple[Listener, Accept], first: bool
    ) -> None:
        """A connection that asyncio hands over right before or after the end is closed as well."""
        stopping, accept = listener
        assert await closes(accept, stopping, first=first) == b""

    async def test_not_started(self, settings: DoorSettings) -> None:
        """A listener that never started has nothing to stop."""
        context = server_contexts(["only"], settings.certificate_file, settings.key_file)
        await Listener(context, Nowhere()).stop()
