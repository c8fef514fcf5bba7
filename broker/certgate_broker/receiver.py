"""Take a client's packets out of its stream, whole and well-formed."""

import asyncio
import logging

from certgate_broker.fields import Malformed
from certgate_broker.packets import Received, packet_end, read_packet
from certgate_broker.stream import Stream

_LOGGER = logging.getLogger(__name__)
_AT_LEAST = 0.05
"""Seconds for what may have come while others kept us busy."""


class Receiver:
    """Gives what a client sends after its CONNECT, one packet after the other.

    Args:
        stream: where they come from.
        received: bytes that came with the CONNECT.
        limit: the most bytes a packet may have after its fixed header.
        keep_alive: seconds, 0 for none; a client that is silent for half as long again is gone
            (MQTT 3.1.1, 3.1.2.10).
    """

    def __init__(self, stream: Stream, received: bytes, limit: int, keep_alive: int) -> None:
        self._stream = stream
        self._received = bytearray(received)
        self._limit = limit
        self._patience = keep_alive * 1.5 if keep_alive else None
        self._heard = asyncio.get_running_loop().time()

    async def next(self) -> Received | None:
        """Wait for the next packet.

        Returns:
            The packet; None where no more come, or the next one breaks a rule.
        """
        if self._received:
            await asyncio.sleep(0)  # However much comes at once, others have their turn between.
        try:
            while not (end := packet_end(self._received, self._limit)):
                if not await self._receive():
                    return None
            packet = bytes(self._received[:end])
            del self._received[:end]
            return None if self._stream.closed else read_packet(packet)
        except Malformed as refused:
            _LOGGER.warning("%s:%d broke the protocol: %s", *self._stream.peer, refused)
            return None

    def _deadline(self) -> float | None:
        """Give the time at which the client is gone, not before what has come could be read."""
        if self._patience is None:
            return None
        return max(self._heard + self._patience, asyncio.get_running_loop().time() + _AT_LEAST)

    async def _receive(self) -> bool:
        try:
            async with asyncio.timeout_at(self._deadline()):
                data = await self._stream.receive()
        except TimeoutError:
            return False
        self._heard = asyncio.get_running_loop().time()
        self._received += data
        return bool(data)
