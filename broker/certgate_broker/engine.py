"""The MQTT engine: one amqtt broker an instance, which sees admitted connections only."""

from amqtt.adapters import ReaderAdapter, WriterAdapter
from amqtt.broker import Broker

from certgate_broker.identity import Identity, current_identity

_LISTENER = "default"
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

    async def start(self) -> None:
        """Make ready for connections."""
        await self._broker.start()

    async def stop(self) -> None:
        """End all sessions and forget what is stored for them."""
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
