"""A TLS stream as amqtt wants to see one."""

import asyncio
import ssl

from amqtt.adapters import ReaderAdapter, WriterAdapter

from certgate_broker.tls import TlsStream


class StreamReader(ReaderAdapter):
    """Gives amqtt exactly as many bytes as it asks for.

    Args:
        stream: where they come from.
        replayed: bytes that were read before amqtt came into play.
        packet_limit: the most bytes of one packet that are held in memory.
        keep_alive: seconds, 0 for none; a client that is silent for half as long again is gone
            (MQTT 3.1.1, 3.1.2.10), which amqtt leaves to others.
    """

    def __init__(
        self, stream: TlsStream, replayed: bytes, packet_limit: int, keep_alive: int
    ) -> None:
        self._stream = stream
        self._buffer = bytearray(replayed)
        self._limit = packet_limit
        self._patience = keep_alive * 1.5 if keep_alive else None
        self._heard = asyncio.get_running_loop().time()
        self._over = False

    async def read(self, n: int = -1) -> bytes:
        """Read.

        Args:
            n: how many bytes.

        Raises:
            ConnectionResetError: fewer will come, or more were asked for than a packet may have.
        """
        # Once over it stays over: amqtt would take what follows for the next packet.
        self._over = self._over or n > self._limit
        while len(self._buffer) < n and not self._over:
            data = await self._receive()
            self._buffer += data
            self._over = not data
        if self._over:
            raise ConnectionResetError("nothing more comes from this client")
        taken = bytes(self._buffer[:n])
        del self._buffer[:n]
        return taken

    async def _receive(self) -> bytes:
        deadline = None if self._patience is None else self._heard + self._patience
        try:
            async with asyncio.timeout_at(deadline):
                data = await self._stream.receive()
        except TimeoutError:
            return b""
        self._heard = asyncio.get_running_loop().time()
        return data

    def feed_eof(self) -> None:
        """Nothing to do: the stream knows its own end."""


class StreamWriter(WriterAdapter):
    """Sends what amqtt writes.

    Args:
        stream: where it goes.
    """

    def __init__(self, stream: TlsStream) -> None:
        self._stream = stream

    def write(self, data: bytes) -> None:
        """Send bytes."""
        self._stream.send(bytes(data))

    async def drain(self) -> None:
        """Wait until the client has taken enough of them."""
        await self._stream.drain()

    def get_peer_info(self) -> tuple[str, int]:
        """Give the client's address and port."""
        return self._stream.peer

    def get_ssl_info(self) -> ssl.SSLObject | None:
        """Give nothing: who the client is stands in `current_identity`."""
        return None

    async def close(self) -> None:
        """Hang up."""
        self._stream.close()
