"""A TLS stream as amqtt wants to see one."""

import asyncio
import logging
import ssl

from amqtt.adapters import ReaderAdapter, WriterAdapter

from certgate_broker.fields import Malformed
from certgate_broker.packets import Kind, check_packet, packet_end
from certgate_broker.tls import TlsStream

_LOGGER = logging.getLogger(__name__)


class StreamReader(ReaderAdapter):
    """Gives amqtt whole and well-formed packets, in as many pieces as it asks for.

    Args:
        stream: where they come from.
        replayed: bytes that were read before amqtt came into play: a CONNECT packet that has been
            checked, and perhaps more.
        packet_limit: the most bytes a packet may have after its fixed header.
        keep_alive: seconds, 0 for none; a client that is silent for half as long again is gone
            (MQTT 3.1.1, 3.1.2.10), which amqtt leaves to others.
    """

    def __init__(
        self, stream: TlsStream, replayed: bytes, packet_limit: int, keep_alive: int
    ) -> None:
        self._stream = stream
        self._limit = packet_limit
        self._patience = keep_alive * 1.5 if keep_alive else None
        self._heard = asyncio.get_running_loop().time()
        self._received = bytearray(replayed)
        self._packet = self._cut(packet_end(replayed, None))
        self._given = 0
        self._over = False

    async def read(self, n: int = -1) -> bytes:
        """Read a piece of the packet at hand, or the first piece of the next one.

        Args:
            n: how many bytes.

        Raises:
            ConnectionResetError: no more packets come, or the next one breaks a rule.
        """
        if self._given == len(self._packet) and n:
            await self._next_packet()
        taken = self._packet[self._given : self._given + n]
        self._given += n
        if len(taken) < n:
            # Once over it stays over: amqtt would take what follows for the next packet.
            self._over, self._packet, self._given = True, b"", 0
            raise ConnectionResetError("nothing more comes from this client")
        return taken

    async def _next_packet(self) -> None:
        """Put the next packet at hand, an empty one where there is none."""
        # What the last packet has set going is at work before amqtt learns of the next, or of the
        # end; at the end it drops what has not begun, such as a DISCONNECT.
        await asyncio.sleep(0)
        self._packet, self._given = b"", 0
        try:
            while not self._over and not (end := packet_end(self._received, self._limit)):
                await self._receive()
            if not self._over:
                self._packet = self._cut(end)
                # What a client sends after DISCONNECT is none of ours (3.14.4).
                self._over = check_packet(self._packet) is Kind.DISCONNECT
        except Malformed as refused:
            _LOGGER.warning("%s:%d broke the protocol: %s", *self._stream.peer, refused)
            self._packet, self._over = b"", True

    def _cut(self, end: int) -> bytes:
        packet = bytes(self._received[:end])
        del self._received[:end]
        return packet

    async def _receive(self) -> None:
        deadline = None if self._patience is None else self._heard + self._patience
        try:
            async with asyncio.timeout_at(deadline):
                data = await self._stream.receive()
        except TimeoutError:
            data = b""
        self._heard = asyncio.get_running_loop().time()
        self._received += data
        self._over = self._over or not data

    def feed_eof(self) -> None:
        """Give no further packet."""
        self._over = True


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
