"""One client's packets: every acknowledgement counts, and what waits for the client is bounded.

amqtt forgets a message that is not acknowledged within five seconds, or before the connection ends
(Yakifo/amqtt#391, Yakifo/amqtt#401). Section numbers are those of MQTT 3.1.1.
"""

import asyncio
import logging
from typing import TYPE_CHECKING, Protocol

from amqtt.adapters import ReaderAdapter, WriterAdapter
from amqtt.mqtt.constants import QOS_1, QOS_2
from amqtt.mqtt.disconnect import DisconnectPacket
from amqtt.mqtt.protocol.broker_handler import (
    BrokerProtocolHandler,
    Subscription,
    UnSubscription,
)
from amqtt.mqtt.puback import PubackPacket
from amqtt.mqtt.pubcomp import PubcompPacket
from amqtt.mqtt.publish import PublishPacket
from amqtt.mqtt.pubrec import PubrecPacket
from amqtt.mqtt.pubrel import PubrelPacket
from amqtt.mqtt.subscribe import SubscribePacket
from amqtt.mqtt.unsubscribe import UnsubscribePacket
from amqtt.plugins.manager import PluginManager
from amqtt.session import IncomingApplicationMessage, OutgoingApplicationMessage, Session

from certgate_broker.kept import unacknowledged, unreleased, weight
from certgate_broker.sender import ANSWER, Packet, Sender

if TYPE_CHECKING:
    from amqtt.broker import BrokerContext

_LOGGER = logging.getLogger(__name__)


class Counter(Protocol):
    """Takes what a client wants of others."""

    async def publish(self, message: IncomingApplicationMessage) -> None:
        """Pass a message on."""

    async def subscribe(self, session: Session, asked: Subscription) -> list[int]:
        """Subscribe; give the return codes."""

    def unsubscribe(self, session: Session, asked: UnSubscription) -> None:
        """Subscribe no longer."""

    def send_retained(self, session: Session, asked: Subscription, granted: list[int]) -> None:
        """Send what is retained for new subscriptions."""


class Handler(BrokerProtocolHandler):
    """Speaks with one client, from CONNACK to the end of its connection.

    Each packet is dealt with in one step; only `_sender` ever waits for the client.

    Attributes:
        over: set once the session has no more to say or hear.
        polite: the client has said DISCONNECT.
    """

    _session: Session
    _sender: Sender
    _counter: Counter
    _limit: int

    def __init__(
        self,
        plugins_manager: "PluginManager[BrokerContext]",
        session: Session | None = None,
        loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(plugins_manager, session, loop)
        self.over = asyncio.Event()
        self.polite = False

    def engage(
        self,
        session: Session,
        streams: tuple[ReaderAdapter, WriterAdapter],
        counter: Counter,
        limit: int,
    ) -> None:
        """Begin to serve a session.

        Args:
            session: whose connection it is.
            streams: where its packets come from and go to.
            counter: takes what it wants of others.
            limit: the most bytes that may wait for it, and that it may leave unreleased.
        """
        self.attach(session, *streams)
        self._session, self._counter, self._limit = session, counter, limit
        # As much of what is kept may be on its way as of everything else. A client can acknowledge
        # what it has not read, so it is not enough that what is kept is counted where it is kept.
        self._sender = Sender(streams[1], 2 * limit, self.give_up)

    async def stop(self) -> None:
        """Say and hear no more."""
        self.over.set()
        if self.reader is not None:
            # Cancelled in the very step that gives it a packet, amqtt's reader goes on: before
            # Python 3.12 `asyncio.wait_for` prefers the result.
            self.reader.feed_eof()
            self._sender.stop()
        await super().stop()

    def give_up(self, why: str) -> None:
        """End the session of a client that asks too much.

        Args:
            why: in words.
        """
        if not self.over.is_set():
            _LOGGER.warning("client %r is cut off: %s", self._session.client_id, why)
            self.over.set()

    def tell(self, topic: str, payload: bytes, *, retain: bool) -> None:
        """Send a message with QoS 0.

        Args:
            topic: topic name.
            payload: what it carries.
            retain: it had been retained.
        """
        packet = PublishPacket.build(topic, payload, None, dup_flag=False, qos=0, retain=retain)
        self._send(packet, weight(topic, payload))

    def deliver(self, message: OutgoingApplicationMessage) -> None:
        """Send a message with QoS 1 or 2, or what is left to be said of it.

        Args:
            message: one that is kept; it stays so until it is acknowledged.
        """
        packet: Packet | None = message.pubrel_packet
        if packet is None:
            again = message.publish_packet is not None
            packet = message.publish_packet = message.build_publish_packet(dup=again)
        self._send(packet, weight(message.topic, message.data))

    def _send(self, packet: Packet, counts: int = ANSWER) -> None:
        if not self.over.is_set():
            self._sender.send(packet, counts)

    async def _send_packet(self, packet: Packet) -> None:
        self._send(packet)

    def resume(self) -> None:
        """Send what the session has kept since its last connection (4.4)."""
        for message in unacknowledged(self._session).values():
            self.deliver(message)

    async def _retry_deliveries(self) -> None:
        """Do nothing: by now messages of others may be on their way, and `resume` came before."""

    async def handle_publish(self, publish_packet: PublishPacket) -> None:
        """Take a message; with QoS 2 it waits to be released (4.3.3)."""
        packet_id, qos = publish_packet.packet_id or 0, publish_packet.qos
        topic, payload = publish_packet.topic_name or "", publish_packet.data or b""
        retain = publish_packet.retain_flag
        message = IncomingApplicationMessage(packet_id, topic, qos, payload, retain)
        if qos == QOS_2:
            self._take_in(packet_id, message)
            self._send(PubrecPacket.build(packet_id))
            return
        await self._counter.publish(message)
        if qos == QOS_1:
            self._send(PubackPacket.build(packet_id))

    def _take_in(self, packet_id: int, message: IncomingApplicationMessage) -> None:
        kept = unreleased(self._session)
        if packet_id in kept:
            return
        if kept.size + weight(message.topic, message.data) > self._limit:
            self.give_up(f"more than {self._limit} bytes of its messages wait to be released")
            return
        kept.keep(packet_id, message)

    async def handle_pubrel(self, pubrel: PubrelPacket) -> None:
        """Pass a released message on."""
        message = unreleased(self._session).let_go(pubrel.packet_id)
        if message is not None:
            await self._counter.publish(message)
        self._send(PubcompPacket.build(pubrel.packet_id))

    async def handle_puback(self, puback: PubackPacket) -> None:
        """Forget a message with QoS 1."""
        self._let_go(puback.packet_id, QOS_1)

    async def handle_pubrec(self, pubrec: PubrecPacket) -> None:
        """Release a message with QoS 2: it is not sent again."""
        message = unacknowledged(self._session).get(pubrec.packet_id)
        release = PubrelPacket.build(pubrec.packet_id)
        if message is not None and message.qos == QOS_2:
            message.pubrel_packet = release
        self._send(release)

    async def handle_pubcomp(self, pubcomp: PubcompPacket) -> None:
        """Forget a message with QoS 2."""
        self._let_go(pubcomp.packet_id, QOS_2)

    def _let_go(self, packet_id: int, qos: int) -> None:
        kept = unacknowledged(self._session)
        if packet_id in kept and kept[packet_id].qos == qos:
            kept.let_go(packet_id)

    async def handle_subscribe(self, subscribe: SubscribePacket) -> None:
        """Subscribe, in the order asked."""
        await super().handle_subscribe(subscribe)
        asked = self._pending_subscriptions.get_nowait()
        granted = await self._counter.subscribe(self._session, asked)
        await self.mqtt_acknowledge_subscription(asked.packet_id, granted)
        self._counter.send_retained(self._session, asked, granted)

    async def handle_unsubscribe(self, unsubscribe: UnsubscribePacket) -> None:
        """Subscribe no longer, in the order asked."""
        await super().handle_unsubscribe(unsubscribe)
        asked = self._pending_unsubscriptions.get_nowait()
        self._counter.unsubscribe(self._session, asked)
        await self.mqtt_acknowledge_unsubscription(asked.packet_id)

    async def handle_disconnect(self, disconnect: DisconnectPacket | None) -> None:
        """Note the end of the connection, and whether the client said goodbye (3.14.4)."""
        self.polite = self.polite or (disconnect is not None and not self.over.is_set())
        self.over.set()
