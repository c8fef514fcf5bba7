"""Messages that are kept until a client has taken them."""

from collections import OrderedDict
from typing import Protocol, TypeVar

_OVERHEAD = 512
"""About what a message costs beside its topic and its payload, bytes."""


class _Message(Protocol):
    @property
    def topic(self) -> str: ...

    @property
    def data(self) -> bytes | bytearray: ...


MessageT = TypeVar("MessageT", bound=_Message)


def weight(topic: str, payload: bytes | bytearray) -> int:
    """Tell how much of the memory granted to a client a message takes, in bytes.

    Args:
        topic: its topic name.
        payload: what it carries.
    """
    return len(topic) + len(payload) + _OVERHEAD


class Kept(OrderedDict[int, MessageT]):
    """Messages by packet identifier, oldest first, and what they weigh.

    Attributes:
        size: the sum of their weights, bytes.
    """

    def __init__(self) -> None:
        super().__init__()
        self.size = 0

    def keep(self, packet_id: int, message: MessageT) -> None:
        """Take a message in.

        Args:
            packet_id: one that is free.
            message: the message.
        """
        self[packet_id] = message
        self.size += weight(message.topic, message.data)

    def let_go(self, packet_id: int) -> MessageT | None:
        """Give a message out, None where it is not there.

        Args:
            packet_id: which one.
        """
        message = self.pop(packet_id, None)
        if message is not None:
            self.size -= weight(message.topic, message.data)
        return message
