"""A client's session: what outlives its connections."""

from asyncio import Queue
from typing import Any

from amqtt.session import OutgoingApplicationMessage, Session

from certgate_broker.connect import Will
from certgate_broker.kept import Kept
from certgate_broker.packets import Publish

_UNUSED: Queue[Any] = Queue()
"""In place of amqtt's two queues in each session: here messages are in `Kept`."""


class ClientSession(Session):
    """amqtt's session without its state machine, which costs more than all the rest of it.

    Args:
        client_id: the client identifier.
        owner: number of the identifier's ownership.

    Attributes:
        owner: as given; whoever has another number has no right to the session.
        will: that of the connection there is, or None.
        filters: what the client is subscribed to.
        warned: it has been logged that messages for the client were dropped.
        unacknowledged: what the client has not acknowledged, or not been sent, yet.
        unreleased: what the client has sent with QoS 2 and not released yet.
    """

    def __init__(self, client_id: str, owner: int, *, clean: bool) -> None:
        super().__init__()
        self.client_id, self.clean_session = client_id, clean
        self.retained_messages = self.delivered_message_queue = _UNUSED
        self.owner = owner
        self.will: Will | None = None
        self.filters: set[str] = set()
        self.warned = False
        self.unacknowledged: Kept[OutgoingApplicationMessage] = Kept()
        self.unreleased: Kept[Publish] = Kept()
        self.inflight_out = self.unacknowledged  # amqtt's identifiers are none of these.

    def _init_states(self) -> None:
        """Make no state machine."""

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.client_id!r})"
