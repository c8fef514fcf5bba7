"""Write packets to one client, in order and no more than it takes."""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Any

from amqtt.mqtt.packet import MQTTPacket

from certgate_broker.stream import Stream

Packet = MQTTPacket[Any, Any, Any]

_PATIENCE = 30.0
"""Seconds within which a client takes enough of what was sent for more to be sent."""
ANSWER = 4096
"""Bytes that an answer counts for: nobody needs thousands of them to wait."""


class Sender:
    """Takes packets without ever waiting; a client that does not take them is given up.

    amqtt lets each packet wait in a task of its own, in any number, for as long as it takes. Here
    there is one task, and only while packets wait.

    Args:
        stream: where the packets go.
        limit: the most bytes that may wait.
        give_up: told in words why the client cannot be served any longer.
    """

    def __init__(self, stream: Stream, limit: int, give_up: Callable[[str], None]) -> None:
        self._stream = stream
        self._limit = limit
        self._give_up = give_up
        self._waiting: deque[tuple[Packet, int]] = deque()
        self._size = 0
        self._task: asyncio.Task[None] | None = None

    def send(self, packet: Packet, weight: int) -> None:
        """Write a packet, or let it wait for its turn.

        Args:
            packet: the packet.
            weight: what it counts for, bytes.
        """
        if not self._waiting and not self._stream.full:
            self._stream.send(packet.to_bytes())
            return
        if self._size and self._size + weight > self._limit:
            self._give_up(f"more than {self._limit} bytes wait for it")
            return
        self._size += weight
        self._waiting.append((packet, weight))
        if self._task is None:
            self._task = asyncio.create_task(self._write_on())

    def stop(self) -> None:
        """Write no more."""
        self._waiting.clear()
        if self._task is not None:
            self._task.cancel()

    async def _write_on(self) -> None:
        try:
            # Where nobody is there any more nothing has to wait, and nothing is taken.
            while self._waiting and not self._stream.closed:
                async with asyncio.timeout(_PATIENCE):
                    await self._stream.drain()
                self._write()
        except TimeoutError:
            self._give_up(f"it took nothing for {_PATIENCE:.0f} s")
        self._task = None

    def _write(self) -> None:
        while self._waiting and not self._stream.full:
            packet, weight = self._waiting.popleft()
            self._size -= weight
            self._stream.send(packet.to_bytes())
