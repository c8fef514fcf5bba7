"""The MQTT engine: one amqtt broker an instance, which sees admitted connections only."""

import asyncio
import re

from amqtt.adapters import ReaderAdapter, WriterAdapter
from amqtt.broker import Broker

from certgate_broker.identity import Identity, current_identity

_LISTENER = "default"
_P2P = re.compile(r"[^/]+/p2p/([^/]+)")
_PLUGIN = "certgate_broker.plugin.AdmittedPlugin"


class Engine:
    """Carries messages for the clients of one instance.

    amqtt looks up, takes over or deletes the session of the named client *before* it asks its auth
    plugins. Here that is harmless: nobody gets this far who may not have that session.
    """

    def __init__(self) -> None:
        self._broker = Broker(
            {
                "listeners": {_LISTENER: {"type": "external", "bind": "certgate"}},
                "plugins": {_PLUGIN: {}},
            }
        )
        self._deliveries: set[asyncio.Task[object]] = set()

    async def start(self) -> None:
        """Make ready for connections."""
        await self._broker.start()

    async def stop(self) -> None:
        """End all sessions and forget what is stored for them."""
        for task in self._deliveries:
            task.cancel()
        await asyncio.gather(*self._deliveries, return_exceptions=True)
        await self._broker.shutdown()

    async def serve(self, identity: Identity, reader: ReaderAdapter, writer: WriterAdapter) -> None:
        """Serve one connection until it ends.

        Args:
            identity: who it is; its client identifier has no other connection.
            reader: gives the client's bytes, the CONNECT packet first.
            writer: takes the answers.
        """
        await self._forget_foreign_session(identity)
        current_identity.set(identity)
        await self._broker.external_connected(reader, writer, _LISTENER)

    async def send(self, topic: str, payload: bytes) -> None:
        """Publish a message on the operator's behalf.

        Args:
            topic: topic name. ``<parent>/p2p/<client identifier>`` reaches that client without a
                subscription, as the cloud's clients expect, while it is connected.
            payload: as it shall arrive.
        """
        addressee = _P2P.fullmatch(topic)
        if addressee is None:
            await self._broker.internal_message_broadcast(topic, payload)
            return
        session, handler = self._broker.sessions.get(addressee[1], (None, None))
        if session is not None and handler is not None and session.transitions.is_connected():
            self._deliveries.add(
                task := asyncio.create_task(handler.mqtt_publish(topic, payload, 1, retain=False))
            )
            task.add_done_callback(self._deliveries.discard)

    async def _forget_foreign_session(self, identity: Identity) -> None:
        """Drop a stored session that this client must not resume.

        That is one of an earlier owner of the identifier, and one made with clean session, which
        amqtt keeps for up to a second after the end of its connection (MQTT 3.1.1, 3.1.2.4).
        """
        session, _ = self._broker.sessions.get(identity.client_id, (None, None))
        if session is None:
            return
        if session.clean_session or session.attributes.get(OWNER) != identity.owner:
            # amqtt 0.12 has no public way to end a stored session; hence the version bound.
            await self._broker._cleanup_session(identity.client_id)  # noqa: SLF001


OWNER = "certgate.owner"
"""The key under which a session's attributes say whose it is."""
