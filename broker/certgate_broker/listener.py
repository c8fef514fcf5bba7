"""The listener: TCP connections in, one task each."""

import asyncio
import logging

from certgate_broker.contexts import ServerContexts
from certgate_broker.tls import TlsStream
from certgate_broker.way import Way
from certgate_broker.wire import Wire

_LOGGER = logging.getLogger(__name__)
_BACKLOG = 1024
_PATIENCE_SECONDS = 1.0


class Listener:
    """Accepts devices on one TCP port.

    Args:
        contexts: TLS as the server speaks it.
        way: what becomes of a connection.

    Attributes:
        contexts: likewise; they can be replaced, and those who were accepted with the earlier ones
            keep them. A TLS session that was made with the earlier ones is not resumed.
        way: likewise; it can be replaced, and those who are on the earlier one stay on it.
    """

    def __init__(self, contexts: ServerContexts, way: Way) -> None:
        self.contexts = contexts
        self.way = way
        self._server: asyncio.Server | None = None
        self._served: dict[asyncio.Task[None], TlsStream] = {}
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
        self._server = await asyncio.get_running_loop().create_server(
            lambda: Wire(self._accept), host, port, backlog=_BACKLOG
        )
        return int(self._server.sockets[0].getsockname()[1])

    async def stop(self) -> None:
        """Accept no more and end every connection."""
        if self._server is None:
            return
        self._stopped = True
        self._server.close()
        await self.end_all()
        await self._server.wait_closed()

    async def end_all(self) -> None:
        """End every connection there is, and wait until nothing of them is left.

        Connections that come while it waits are none of its business.
        """
        left = set(self._served)
        for stream in self._served.values():
            stream.close()  # All before any: nobody is there to be told of another's end.
        while left:
            for task in left:
                task.cancel()
            # Again and again: the engine may mistake a cancellation for one of its own.
            _, left = await asyncio.wait(left, timeout=_PATIENCE_SECONDS)

    def _accept(self, wire: Wire) -> None:
        if self._stopped:  # asyncio had it in hand when the server was closed.
            wire.abort()
            return
        stream = TlsStream(wire, self.contexts)
        task = asyncio.create_task(self._serve(stream))
        self._served[task] = stream
        task.add_done_callback(self._over)

    def _over(self, task: asyncio.Task[None]) -> None:
        # Not the task's own business: one that is cancelled before its first step does nothing.
        self._served.pop(task).close()

    async def _serve(self, stream: TlsStream) -> None:
        try:
            await self.way.go(stream)
        except Exception:
            # One connection's trouble is nobody else's.
            _LOGGER.exception("a connection from %s:%d ended by a fault of certgate", *stream.peer)
