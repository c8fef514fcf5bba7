"""Run the API's application inside the lab's event loop."""

import asyncio
import contextlib
import socket
from collections.abc import Iterator

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol

from certgate_controlplane.rpc import HANG_UP

_REQUEST_LINE = 131_072
"""RegisterCaCertificate carries two PEM texts in its query; chains and preambles come on top."""
_GRACE_SECONDS = 2.0
_LOOK_SECONDS = 0.002


class _Connection(H11Protocol):
    """Lets the application cut the connection that it is asked over."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.app_state = {**self.app_state, HANG_UP: transport.abort}


class _Server(uvicorn.Server):
    """Leaves signals to whoever runs the event loop, says when it accepts, and stops at once.

    uvicorn's own loop looks every tenth of a second whether it shall end, and again for each step
    of its end; a lab that a test waits for cannot spend that time.
    """

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.accepting = asyncio.Event()
        self.leaving = asyncio.Event()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.accepting.set()

    async def main_loop(self) -> None:
        while not self.leaving.is_set():
            await self.on_tick(0)  # Renews the Date header.
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(1):
                    await self.leaving.wait()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        for server in self.servers:
            server.close()
        for listening in sockets or []:
            listening.close()
        for connection in list(self.server_state.connections):
            connection.shutdown()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_GRACE_SECONDS):
                while self.server_state.connections or self.server_state.tasks:  # noqa: ASYNC110
                    await asyncio.sleep(_LOOK_SECONDS)  # uvicorn tells nobody when they end.
        for task in list(self.server_state.tasks):
            task.cancel()


class ApiServer:
    """Serves an application on one TCP port.

    Args:
        app: the application.
    """

    def __init__(self, app: ASGIApp) -> None:
        config = uvicorn.Config(
            app,
            http=_Connection,
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            h11_max_incomplete_event_size=_REQUEST_LINE,
        )
        self._server = _Server(config)
        self._task: asyncio.Task[None] | None = None

    async def start(self, host: str, port: int) -> int:
        """Begin to serve.

        Args:
            host: address to listen on.
            port: TCP port, 0 for a free one.

        Returns:
            The port.

        Raises:
            OSError: the address cannot be listened on.
        """
        listening = _listen(host, port)
        self._task = asyncio.create_task(self._server.serve([listening]), name="certgate API")
        await self._server.accepting.wait()
        return int(listening.getsockname()[1])

    async def stop(self) -> None:
        """Serve no more; requests under way are answered first."""
        if self._task is not None:
            self._server.leaving.set()
            await self._task


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # Named in full: asyncio turns Nagle's algorithm off for sockets that say TCP, and only for
    # them; with it, every answer on a kept-alive connection waits 40 ms.
    listening = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((host, port))
        listening.listen(1024)
        listening.settimeout(0)
    except OSError:
        listening.close()
        raise
    return listening
