"""Messages that are kept until a client has taken them."""

from collections import OrderedDict
from typing import TypeVar, cast

from amqtt.session import (
    ApplicationMessage,
    IncomingApplicationMessage,
    OutgoingApplicationMessage,
    Session,
)

_OVERHEAD = 512
"""About what a message costs beside its topic and its payload, bytes."""

MessageT = TypeVar("MessageT", bound=ApplicationMessage)


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


def make_room(session: Session) -> None:
    """Let a new session keep its messages so.

    Args:
        session: one that nothing is kept for yet.
    """
    session.inflight_in, session.inflight_out = Kept(), Kept()


def unacknowledged(session: Session) -> Kept[OutgoingApplicationMessage]:
    """Give what a client has not acknowledged, or not been sent, yet.

    Args:
        session: one that room was made in.
    """
    return cast("Kept[OutgoingApplicationMessage]", session.inflight_out)


def unreleased(session: Session) -> Kept[IncomingApplicationMessage]:
    """Give what a client has sent with QoS 2 and not released yet.

    Args:
        session: one that room was made in.
    """
    return cast("Kept[IncomingApplicationMessage]", session.inflight_in)
