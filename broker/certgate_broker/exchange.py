"""What becomes of sessions and wills: amqtt's broker with certgate's life of a session.

amqtt lets a will be sent twice, or not at all, or with the retain flag of an earlier connection,
keeps sessions whose connection it has ended itself for connected ones, and clears clean sessions
away up to a second later, when their client may be back. Section numbers are those of MQTT 3.1.1.
"""

from amqtt.adapters import ReaderAdapter, WriterAdapter
from amqtt.broker import Server
from amqtt.mqtt.connack import NOT_AUTHORIZED, ConnackPacket
from amqtt.mqtt.protocol.broker_handler import BrokerProtocolHandler
from amqtt.session import Session

from certgate_broker.distribution import WARNED, Distribution
from certgate_broker.handler import Handler
from certgate_broker.kept import make_room

_OF_A_CONNECTION = (
    "will_flag",
    "will_topic",
    "will_message",
    "will_qos",
    "will_retain",
    "keep_alive",
    "username",
    "password",
    "remote_address",
    "remote_port",
)


class Exchange(Distribution):
    """Carries messages for the clients of one instance, from connection to connection."""

    async def forget(self, client_id: str) -> None:
        """Drop the stored session of a client that is not connected.

        Args:
            client_id: its client identifier.
        """
        await self._delete_session(client_id)

    async def _session_monitor(self) -> None:
        """Watch nothing: a clean session ends with its connection (3.1.2.4)."""

    async def _initialize_client_session(
        self,
        reader: ReaderAdapter,
        writer: WriterAdapter,
        remote_address: str,  # noqa: ARG002  the writer knows both
        remote_port: int,  # noqa: ARG002
    ) -> tuple[BrokerProtocolHandler, Session]:
        """Read CONNECT; what is stored for the client is not touched before it was admitted."""
        return await Handler.init_from_connect(reader, writer, self.plugins_manager)

    async def _handle_client_session(  # noqa: PLR0913, PLR0917  amqtt's signature
        self,
        reader: ReaderAdapter,
        writer: WriterAdapter,
        client_session: Session,
        handler: BrokerProtocolHandler,
        server: Server,  # noqa: ARG002  that is us
        listener_name: str,
    ) -> None:
        """Serve a connection to its end."""
        admitted = await self._authenticate(client_session, self.listeners_config[listener_name])
        if not admitted or not isinstance(handler, Handler):
            await ConnackPacket.build(0, NOT_AUTHORIZED).to_stream(writer)
            await writer.close()
            return
        session = await self._take_up(client_session)
        handler.engage(session, (reader, writer), self, self._limits.kept_bytes)
        self._enter(session, handler)
        try:
            await handler.mqtt_connack_authorize(authorize=True)
            handler.resume()
            await handler.start()
            await handler.over.wait()
        finally:
            await self._leave(session, handler)

    async def _take_up(self, new: Session) -> Session:
        """Give the session that a connection goes on with: the stored one, or the new."""
        stored, _ = self._sessions.get(new.client_id or "", (None, None))
        if stored is None or new.clean_session:
            await self._delete_session(new.client_id or "")
            make_room(new)
            return new
        for name in _OF_A_CONNECTION:
            setattr(stored, name, getattr(new, name))
        stored.attributes.update(new.attributes)
        stored.parent = 1  # "Session present" in CONNACK.
        return stored

    def _enter(self, session: Session, handler: Handler) -> None:
        session.transitions.connect()
        session.attributes.pop(WARNED, None)
        self._live[session.client_id] = handler
        self._sessions[session.client_id or ""] = (session, handler)

    async def _leave(self, session: Session, handler: Handler) -> None:
        """End a connection; until the last but one step nothing here waits, or can be cancelled."""
        del self._live[session.client_id]
        session.transitions.disconnect()
        if session.will_flag and not handler.polite:
            await self._send_will(session)
        if session.clean_session:
            await self._delete_session(session.client_id or "")
        else:
            await self._store(session, handler)
        await handler.stop()
        handler.detach()  # Else what is stored would hold on to the connection.

    async def _send_will(self, session: Session) -> None:
        """Publish the will of a client that has gone without a DISCONNECT (3.1.2.5)."""
        topic, message, qos = session.will_topic, session.will_message, session.will_qos
        await self._broadcast_message(session, topic, message, qos)
        if session.will_retain:
            await self.retain_message(session, topic, message, qos)

    async def _store(self, session: Session, handler: Handler) -> None:
        """Keep a session for its client's return, and forget whose client has been gone longest."""
        client_id = session.client_id or ""
        self._sessions.pop(client_id, None)
        self._sessions[client_id] = (session, handler)
        if len(self._sessions) - len(self._live) > self._limits.sessions:
            await self.forget(next(name for name in self._sessions if name not in self._live))
