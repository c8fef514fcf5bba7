"""The MQTT engine: one amqtt broker an instance, which sees admitted connections only."""

import re

from amqtt.adapters import ReaderAdapter, WriterAdapter

from certgate_broker.distribution import LISTENER
from certgate_broker.exchange import Exchange
from certgate_broker.identity import Identity, current_identity
from certgate_broker.limits import ConnectionLimits

_P2P = re.compile(r"[^/]+/p2p/([^/]+)")


class Engine:
    """Carries messages for the clients of one instance.

    amqtt looks up, takes over or deletes the session of the named client *before* it asks its auth
    plugins. Here that is harmless: nobody gets this far who may not have that session.

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

    async def serve(self, identity: Identity, reader: ReaderAdapter, writer: WriterAdapter) -> None:
        """Serve one connection until it ends.

        Args:
            identity: who it is; its client identifier has no other connection.
            reader: gives the client's bytes, the CONNECT packet first.
            writer: takes the answers.
        """
        await self._forget_foreign_session(identity)
        current_identity.set(identity)
        await self._exchange.external_connected(reader, writer, LISTENER)

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

    async def _forget_foreign_session(self, identity: Identity) -> None:
        """Drop a stored session of an earlier owner of the identifier."""
        session, _ = self._exchange.sessions.get(identity.client_id, (None, None))
        if session is not None and session.attributes.get(OWNER) != identity.owner:
            await self._exchange.forget(identity.client_id)


OWNER = "certgate.owner"
"""The key under which a session's attributes say whose it is."""
