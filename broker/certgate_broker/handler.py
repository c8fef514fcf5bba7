"""One client's packets: every acknowledgement counts, and what waits for the client is bounded.

amqtt forgets a message that is not acknowledged within five seconds, or before the connection ends
(Yakifo/amqtt#391, Yakifo/amqtt#401), so this takes the place of its handler. Section numbers are
those of MQTT 3.1.1.
"""

import logging
from typing import Protocol

from amqtt.mqtt.constants import QOS_1, QOS_2
from amqtt.mqtt.pingresp import PingRespPacket
from amqtt.mqtt.puback import PubackPacket
from amqtt.mqtt.pubcomp import PubcompPacket
from amqtt.mqtt.publish import PublishPacket
from amqtt.mqtt.pubrec import PubrecPacket
from amqtt.mqtt.pubrel import PubrelPacket
from amqtt.mqtt.suback import SubackPacket
from amqtt.mqtt.unsuback import UnsubackPacket
from amqtt.session import OutgoingApplicationMessage

from certgate_broker.connect import write_connack
from certgate_broker.kept import weight
from certgate_broker.packets import Kind, Publish, Received, Subscribe, Unsubscribe
from certgate_broker.reasons import ReturnCode
from certgate_broker.receiver import Receiver
from certgate_broker.sender import ANSWER, Packet, Sender
from certgate_broker.session import ClientSession
from certgate_broker.stream import Stream

_LOGGER = logging.getLogger(__name__)


class Counter(Protocol):
    """Takes what a client wants of others."""

    async def publish(self, message: Publish) -> None:
        """Pass a message on."""

    async def subscribe(self, session: ClientSession, asked: Subscribe) -> list[int]:
        """Subscribe; give the return codes."""

    def unsubscribe(self, session: ClientSession, asked: Unsubscribe) -> None:
        """Subscribe no longer."""

    def send_retained(self, session: ClientSession, asked: Subscribe, granted: list[int]) -> None:
        """Send what is retained for new subscriptions."""


class Handler:
    """Speaks with one client, from CONNACK to the end of its connection.

    Nothing here ever waits for the client to take something.

    Args:
        session: whose connection it is.
        stream: where its packets go to.
        counter: takes what it wants of others.
        limit: the most bytes that may wait for it, and that it may leave unreleased.

    Attributes:
        polite: the client has said DISCONNECT.
    """

    def __init__(
        self, session: ClientSession, stream: Stream, counter: Counter, limit: int
    ) -> None:
        self._session, self._stream, self._counter = session, stream, counter
        self._limit = limit
        # As much of what is kept may be on its way as of everything else. A client can acknowledge
        # what it has not read, so it is not enough that what is kept is counted where it is kept.
        self._sender = Sender(stream, 2 * limit, self.give_up)
        self._over = False
        self.polite = False

    def welcome(self, *, session_present: bool) -> None:
        """Say CONNACK, and send what the session has kept since its last connection (4.4).

        Args:
            session_present: there was such a session.
        """
        self._stream.send(write_connack(ReturnCode.ACCEPTED, session_present=session_present))
        for message in list(self._session.unacknowledged.values()):
            self.deliver(message)

    async def serve(self, receiver: Receiver) -> None:
        """Deal with one packet after the other, until one side has no more to say.

        Args:
            receiver: gives the client's packets.
        """
        while not self._over and (packet := await receiver.next()) is not None:
            await self._deal_with(packet)

    async def stop(self) -> None:
        """Say and hear no more, and hang up."""
        self._over = True
        self._sender.stop()
        self._stream.close()

    def give_up(self, why: str) -> None:
        """End the session of a client that asks too much.

        Args:
            why: in words.
        """
        if not self._over:
            _LOGGER.warning("client %r is cut off: %s", self._session.client_id, why)
            self._over = True
            self._stream.close()

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
        if not self._over:
            self._sender.send(packet, counts)

    async def _deal_with(self, packet: Received) -> None:
        match packet:
            case Publish():
                await self._take(packet)
            case Subscribe():
                await self._subscribe(packet)
            case Unsubscribe():
                self._counter.unsubscribe(self._session, packet)
                self._send(UnsubackPacket.build(packet.packet_id))
            case Received(kind=Kind.PINGREQ):
                self._send(PingRespPacket.build())
            case Received(kind=Kind.DISCONNECT):
                # What a client sends after it is none of ours (3.14.4).
                self.polite = self._over = True
            case _:
                await self._acknowledged(packet)

    async def _take(self, message: Publish) -> None:
        """Take a message; with QoS 2 it waits to be released (4.3.3)."""
        if message.qos == QOS_2:
            self._take_in(message)
            self._send(PubrecPacket.build(message.packet_id))
            return
        await self._counter.publish(message)
        if message.qos == QOS_1:
            self._send(PubackPacket.build(message.packet_id))

    def _take_in(self, message: Publish) -> None:
        kept, packet_id = self._session.unreleased, message.packet_id
        if packet_id in kept:
            return
        if kept.size + weight(message.topic, message.data) > self._limit:
            self.give_up(f"more than {self._limit} bytes of its messages wait to be released")
            return
        kept.keep(packet_id, message)

    async def _subscribe(self, asked: Subscribe) -> None:
        granted = await self._counter.subscribe(self._session, asked)
        self._send(SubackPacket.build(asked.packet_id, granted))
        self._counter.send_retained(self._session, asked, granted)

    async def _acknowledged(self, packet: Received) -> None:
        match packet.kind:
            case Kind.PUBACK:
                self._let_go(packet.packet_id, QOS_1)
            case Kind.PUBREC:
                self._release(packet.packet_id)
            case Kind.PUBREL:
                await self._released(packet.packet_id)
            case Kind.PUBCOMP:
                self._let_go(packet.packet_id, QOS_2)

    def _let_go(self, packet_id: int, qos: int) -> None:
        """Forget a message that has arrived."""
        kept = self._session.unacknowledged
        if packet_id in kept and kept[packet_id].qos == qos:
            kept.let_go(packet_id)

    def _release(self, packet_id: int) -> None:
        """Release a message with QoS 2: it is not sent again."""
        message = self._session.unacknowledged.get(packet_id)
        release = PubrelPacket.build(packet_id)
        if message is not None and message.qos == QOS_2:
            message.pubrel_packet = release
        self._send(release)

    async def _released(self, packet_id: int) -> None:
        """Pass a released message on."""
        message = self._session.unreleased.let_go(packet_id)
        if message is not None:
            await self._counter.publish(message)
        self._send(PubcompPacket.build(packet_id))
