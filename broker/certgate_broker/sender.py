"""Write packets to one client, in order and no more than it takes."""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Any

from amqtt.adapters import WriterAdapter
from amqtt.mqtt.packet import MQTTPacket

Packet = MQTTPacket[Any, Any, Any]

_PATIENCE = 30.0
"""Seconds within which a client takes enough of what was sent for more to be sent."""
ANSWER = 4096
"""Bytes that an answer counts for: nobody needs thousands of them to wait."""


class Sender:
    """Takes packets without ever waiting; a client that does not take them is given up.

    amqtt lets each packet wait in a task of its own, in any number, for as long as it takes.

    Args:
        writer: where the packets go.
        limit: the most bytes that may wait.
        give_up: told in words why the client cannot be served any longer.
    """

    def __init__(self, writer: WriterAdapter, limit: int, give_up: Callable[[str], None]) -> None:
        self._writer = writer
        self._limit = limit
        self._give_up = give_up
        self._waiting: deque[tuple[Packet, int]] = deque()
        self._size = 0
        self._work = asyncio.Event()
        self._task = asyncio.create_task(self._write_on())

    def send(self, packet: Packet, weight: int) -> None:
        """Let a packet wait for its turn.

        Args:
            packet: the packet.
            weight: what it counts for, bytes.
        """
        if self._size and self._size + weight > self._limit:
            self._give_up(f"more than {self._limit} bytes wait for it")
            return
        self._size += weight
        self._waiting.append((packet, weight))
        self._work.set()

    def stop(self) -> None:
        """Write no more."""
        self._task.cancel()
        self._waiting.clear()

    async def _write_on(self) -> None:
        try:
            while True:
                await self._work.wait()
                self._work.clear()
                while self._waiting:
                    packet, weight = self._waiting.popleft()
                    async with asyncio.timeout(_PATIENCE):
                        await packet.to_stream(self._writer)
                    self._size -= weight
        except TimeoutError:
            self._give_up(f"it took nothing for {_PATIENCE:.0f} s")
