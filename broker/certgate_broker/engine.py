"""The MQTT engine: one amqtt broker an instance, which sees admitted connections only."""

import re

from certgate_broker.connect import Connect
from certgate_broker.exchange import Exchange
from certgate_broker.identity import Identity, current_identity
from certgate_broker.limits import ConnectionLimits
from certgate_broker.stream import Stream

_P2P = re.compile(r"[^/]+/p2p/([^/]+)")


class Engine:
    """Carries messages for the clients of one instance.

    Nobody gets this far who may not have the session of the client identifier it names.

    Args:
        limits: how much of it a client gets.
    """

    def __init__(self, limits: ConnectionLimits) -> None:
        self._exchange = Exchange(limits)

    async def start(self) -> None:
        """Make ready for connections."""
        await self._exchange.start()

    async def stop(self) -> None:
        """Forget what is stored; call it when no connection is left."""
        await self._exchange.shutdown()

    async def serve(self, identity: Identity, connect: Connect, stream: Stream) -> None:
        """Serve one connection until it ends.

        Args:
            identity: who it is; its client identifier has no other connection.
            connect: what it began with.
            stream: the connection.
        """
        current_identity.set(identity)
        await self._exchange.carry(connect, identity.owner, stream)

    async def send(self, topic: str, payload: bytes) -> None:
        """Publish a message on the operator's behalf.

        Args:
            topic: topic name. ``<parent>/p2p/<client identifier>`` reaches that client without a
                subscription, as the cloud's clients expect, while it is connected.
            payload: as it shall arrive.
        """
        addressee = _P2P.fullmatch(topic)
        if addressee is None:
            await self._exchange.internal_message_broadcast(topic, payload)
        else:
            self._exchange.send_to(addressee[1], topic, payload)
