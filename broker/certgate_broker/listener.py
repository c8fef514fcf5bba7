"""The listener: TCP connections in, one task each."""

import asyncio
import logging

from OpenSSL import SSL

from certgate_broker.tls import TlsStream
from certgate_broker.way import Way

_LOGGER = logging.getLogger(__name__)
_BACKLOG = 1024


class Listener:
    """Accepts devices on one TCP port.

    Args:
        context: TLS as the server speaks it.
        way: what becomes of a connection.
    """

    def __init__(self, context: SSL.Context, way: Way) -> None:
        self._context = context
        self._way = way
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._stopped = False

    async def start(self, host: str, port: int) -> int:
        """Begin to accept.

        Args:
            host: address to listen on.
            port: TCP port, 0 for a free one.

        Returns:
            The port.

        Raises:
            OSError: the address cannot be listened on.
        """
        self._server = await asyncio.start_server(
            self._accept, host, port, backlog=_BACKLOG, limit=2**16
        )
        return int(self._server.sockets[0].getsockname()[1])

    async def stop(self) -> None:
        """Accept no more and end every connection."""
        if self._server is None:
            return
        self._stopped = True
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._server.wait_closed()

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._stopped:  # asyncio had it in hand when the server was closed.
            writer.transport.abort()
            return
        stream = TlsStream(reader, writer, self._context)
        task = asyncio.create_task(self._serve(stream))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        # Not the task's own business: one that is cancelled before its first step does nothing.
        task.add_done_callback(lambda _: stream.close())

    async def _serve(self, stream: TlsStream) -> None:
        try:
            await self._way.go(stream)
        except Exception:
            # One connection's trouble is nobody else's.
            _LOGGER.exception("a connection from %s:%d ended by a fault of certgate", *stream.peer)
