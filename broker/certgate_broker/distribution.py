"""Who is subscribed to what, and who gets a message.

amqtt's broker with its own ways of that where amqtt's show retained messages to clients that are
subscribed to nothing, or let one client that takes nothing hold up the accounts of all. Section
numbers are those of MQTT 3.1.1.
"""

import logging

from amqtt.broker import Broker
from amqtt.mqtt.constants import QOS_0, QOS_1
from amqtt.mqtt.protocol.broker_handler import Subscription, UnSubscription
from amqtt.session import IncomingApplicationMessage, OutgoingApplicationMessage, Session

from certgate_broker.handler import Handler
from certgate_broker.kept import unacknowledged, unreleased, weight
from certgate_broker.limits import ConnectionLimits

LISTENER = "default"
_PLUGIN = "certgate_broker.plugin.AdmittedPlugin"
_LOGGER = logging.getLogger(__name__)

_REFUSED = 0x80
"""The return code of a subscription that is not granted (3.9.3)."""
_MOST_FILTERS = 1_000
"""Subscriptions a client may have: each is compared with every message."""
_MOST_IDENTIFIERS = 65_535
"""Messages with QoS 1 and 2 that can be on their way to and from a client (2.3.1)."""
_FILTERS = "certgate.filters"
WARNED = "certgate.warned"
"""The key under which a session's attributes say that messages for it were dropped."""


class Distribution(Broker):
    """Passes messages on to the clients of one instance, each at once and to none for longer.

    Args:
        limits: how much of it a client gets.
    """

    def __init__(self, limits: ConnectionLimits) -> None:
        super().__init__(
            {
                "listeners": {LISTENER: {"type": "external", "bind": "certgate"}},
                "plugins": {_PLUGIN: {}},
            }
        )
        self._limits = limits
        self._live: dict[str | None, Handler] = {}
        self._retained_size = 0

    async def publish(self, message: IncomingApplicationMessage) -> None:
        """Pass a client's message on, and retain it if that is asked for.

        Args:
            message: the message.
        """
        await self._broadcast_message(None, message.topic, message.data, message.qos)
        if message.retain:
            await self.retain_message(None, message.topic, message.data, message.qos)

    def send_to(self, client_id: str, topic: str, payload: bytes) -> None:
        """Send a client a message, subscribed or not, if it is connected.

        Args:
            client_id: its client identifier.
            topic: topic name.
            payload: as it shall arrive.
        """
        if client_id in self._live:
            self._pass_on(self._sessions[client_id][0], topic, payload, QOS_1)

    async def _broadcast_message(
        self,
        session: Session | None,  # noqa: ARG002  nobody is left out, not even the sender
        topic: str | None,
        data: bytes | bytearray | None,
        force_qos: int | None = None,
    ) -> None:
        """Pass a message on, with the lower QoS of it and of each subscription (3.8.4).

        Args:
            session: who sends it.
            topic: its topic name.
            data: what it carries.
            force_qos: its QoS; None for that of the subscription.
        """
        topic, payload = topic or "", bytes(data or b"")
        for topic_filter, subscriptions in self._subscriptions.items():
            if self._matches(topic, topic_filter):
                for subscriber, granted in subscriptions:
                    qos = granted if force_qos is None else min(granted, force_qos)
                    self._pass_on(subscriber, topic, payload, qos)

    def _pass_on(
        self, session: Session, topic: str, payload: bytes, qos: int, *, retain: bool = False
    ) -> None:
        handler = self._live.get(session.client_id)
        if qos == QOS_0:
            if handler is not None:
                handler.tell(topic, payload, retain=retain)
        elif self._has_room(session, weight(topic, payload)):
            packet_id = session.next_packet_id
            message = OutgoingApplicationMessage(packet_id, topic, qos, payload, retain)
            unacknowledged(session).keep(packet_id, message)
            if handler is not None:
                handler.deliver(message)

    def _has_room(self, session: Session, size: int) -> bool:
        """Tell whether one more message may be kept; a client's first that may not is logged."""
        kept, limit = unacknowledged(session), self._limits.kept_bytes
        both = len(kept) + len(unreleased(session))
        if kept.size + size <= limit and both < _MOST_IDENTIFIERS:
            return True
        if not session.attributes.get(WARNED):
            session.attributes[WARNED] = True
            text = "client %r has not taken %d bytes of messages: further ones are dropped"
            _LOGGER.warning(text, session.client_id, kept.size)
        return False

    async def add_subscription(self, subscription: tuple[str, int], session: Session) -> int:
        """Subscribe, in place of an earlier subscription with the same filter (3.8.4).

        Args:
            subscription: topic filter and QoS.
            session: whose it is.

        Returns:
            The return code.
        """
        topic_filter, _ = subscription
        mine = _filters(session)
        if topic_filter not in mine and len(mine) >= _MOST_FILTERS:
            return _REFUSED
        self._drop(topic_filter, session)
        granted = await super().add_subscription(subscription, session)
        if granted != _REFUSED:
            mine.add(topic_filter)
        return granted

    async def subscribe(self, session: Session, asked: Subscription) -> list[int]:
        """Subscribe to what a client asks for.

        Args:
            session: whose subscriptions they are.
            asked: topic filters, each with a QoS.

        Returns:
            A return code for each.
        """
        return [await self.add_subscription(topic, session) for topic in asked.topics]

    def unsubscribe(self, session: Session, asked: UnSubscription) -> None:
        """End subscriptions, those that there are.

        Args:
            session: whose subscriptions they are.
            asked: topic filters.
        """
        for topic_filter in asked.topics:
            self._drop(topic_filter, session)

    async def _del_all_subscriptions(self, session: Session) -> None:
        for topic_filter in list(_filters(session)):
            self._drop(topic_filter, session)

    def _drop(self, topic_filter: str, session: Session) -> None:
        _filters(session).discard(topic_filter)
        if self._del_subscription(topic_filter, session) and not self._subscriptions[topic_filter]:
            del self._subscriptions[topic_filter]

    def send_retained(self, session: Session, asked: Subscription, granted: list[int]) -> None:
        """Send what is retained for new subscriptions (3.3.1.3), and for these only.

        Args:
            session: whose subscriptions they are.
            asked: topic filters.
            granted: a return code for each.
        """
        for (topic_filter, _), qos in zip(asked.topics, granted, strict=True):
            if qos != _REFUSED:
                for message in self._retained_messages.values():
                    if self._matches(message.topic, topic_filter):
                        lower = min(qos, message.qos or QOS_0)
                        payload = bytes(message.data)
                        self._pass_on(session, message.topic, payload, lower, retain=True)

    async def retain_message(
        self,
        source_session: Session | None,  # noqa: ARG002  amqtt's signature
        topic_name: str | None,
        data: bytes | bytearray | None,
        qos: int | None = None,
    ) -> None:
        """Retain a message in place of an earlier one, or drop that one where it carries nothing.

        Args:
            source_session: who sends it; not kept, it would outlive its connection.
            topic_name: its topic name.
            data: what it carries.
            qos: its QoS.
        """
        topic, payload = topic_name or "", bytes(data or b"")
        earlier = self._retained_messages.get(topic)
        if earlier is not None:
            self._retained_size -= weight(topic, earlier.data)
            await super().retain_message(None, topic, b"")
        if not payload:
            return
        # A new subscriber gets them all at once, and must be able to.
        if self._retained_size + weight(topic, payload) > self._limits.kept_bytes // 2:
            _LOGGER.warning("no room to retain a message on %r", topic)
            return
        self._retained_size += weight(topic, payload)
        await super().retain_message(None, topic, payload, qos)


def _filters(session: Session) -> set[str]:
    """Give the topic filters that a client is subscribed to."""
    found: set[str] = session.attributes.setdefault(_FILTERS, set())
    return found
