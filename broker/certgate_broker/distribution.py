"""Who is subscribed to what, and who gets a message.

amqtt's broker with its own ways of that where amqtt's show retained messages to clients that are
subscribed to nothing, or let one client that takes nothing hold up the accounts of all. Section
numbers are those of MQTT 3.1.1.
"""

import logging
from typing import cast

from amqtt.broker import Broker
from amqtt.mqtt.constants import QOS_0, QOS_1
from amqtt.plugins.base import BaseAuthPlugin
from amqtt.session import OutgoingApplicationMessage, Session

from certgate_broker.handler import Handler
from certgate_broker.kept import weight
from certgate_broker.limits import ConnectionLimits
from certgate_broker.packets import Publish, Subscribe, Unsubscribe
from certgate_broker.session import ClientSession

LISTENER = "default"
_PLUGIN = "certgate_broker.plugin.AdmittedPlugin"
_LOGGER = logging.getLogger(__name__)

_REFUSED = 0x80
"""The return code of a subscription that is not granted (3.9.3)."""
_MOST_FILTERS = 1_000
"""Subscriptions a client may have: each is compared with every message."""
_MOST_IDENTIFIERS = 65_535
"""Messages with QoS 1 and 2 that can be on their way to a client (2.3.1)."""


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
        plugins = self.plugins_manager.plugins
        self._guards = [item for item in plugins if isinstance(item, BaseAuthPlugin)]
        self._limits = limits
        self._live: dict[str, Handler] = {}
        self._retained_size = 0

    async def publish(self, message: Publish) -> None:
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
        session = self._session(client_id)
        if session is not None and client_id in self._live:
            self._pass_on(session, topic, payload, QOS_1)

    def _session(self, client_id: str) -> ClientSession | None:
        session, _ = self._sessions.get(client_id, (None, None))
        return cast("ClientSession | None", session)

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
                    self._pass_on(cast("ClientSession", subscriber), topic, payload, qos)

    def _pass_on(
        self, session: ClientSession, topic: str, payload: bytes, qos: int, *, retain: bool = False
    ) -> None:
        handler = self._live.get(session.client_id or "")
        if qos == QOS_0:
            if handler is not None:
                handler.tell(topic, payload, retain=retain)
        elif self._has_room(session, weight(topic, payload)):
            packet_id = session.next_packet_id
            message = OutgoingApplicationMessage(packet_id, topic, qos, payload, retain)
            session.unacknowledged.keep(packet_id, message)
            if handler is not None:
                handler.deliver(message)

    def _has_room(self, session: ClientSession, size: int) -> bool:
        """Tell whether one more message may be kept; a client's first that may not is logged."""
        kept, limit = session.unacknowledged, self._limits.kept_bytes
        if kept.size + size <= limit and len(kept) < _MOST_IDENTIFIERS:
            return True
        if not session.warned:
            session.warned = True
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
        mine = cast("ClientSession", session).filters
        if topic_filter not in mine and len(mine) >= _MOST_FILTERS:
            return _REFUSED
        self._drop(topic_filter, session)
        granted = await super().add_subscription(subscription, session)
        if granted != _REFUSED:
            mine.add(topic_filter)
        return granted

    async def subscribe(self, session: ClientSession, asked: Subscribe) -> list[int]:
        """Subscribe to what a client asks for.

        Args:
            session: whose subscriptions they are.
            asked: topic filters, each with a QoS.

        Returns:
            A return code for each.
        """
        return [await self.add_subscription(topic, session) for topic in asked.topics]

    def unsubscribe(self, session: ClientSession, asked: Unsubscribe) -> None:
        """End subscriptions, those that there are.

        Args:
            session: whose subscriptions they are.
            asked: topic filters.
        """
        for topic_filter in asked.topics:
            self._drop(topic_filter, session)

    async def _del_all_subscriptions(self, session: Session) -> None:
        for topic_filter in list(cast("ClientSession", session).filters):
            self._drop(topic_filter, session)

    def _drop(self, topic_filter: str, session: Session) -> None:
        cast("ClientSession", session).filters.discard(topic_filter)
        if self._del_subscription(topic_filter, session) and not self._subscriptions[topic_filter]:
            del self._subscriptions[topic_filter]

    def send_retained(self, session: ClientSession, asked: Subscribe, granted: list[int]) -> None:
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
