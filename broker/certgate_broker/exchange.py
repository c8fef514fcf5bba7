"""What becomes of sessions and wills: amqtt's broker with certgate's life of a session.

amqtt lets a will be sent twice, or not at all, or with the retain flag of an earlier connection,
keeps sessions whose connection it has ended itself for connected ones, and clears clean sessions
away up to a second later, when their client may be back. Section numbers are those of MQTT 3.1.1.
"""

from typing import TYPE_CHECKING, cast

from amqtt.adapters import ReaderAdapter, WriterAdapter

from certgate_broker.connect import Connect, Will, write_connack
from certgate_broker.distribution import Distribution
from certgate_broker.handler import Handler
from certgate_broker.packets import Kind, Publish
from certgate_broker.reasons import ReturnCode
from certgate_broker.receiver import Receiver
from certgate_broker.session import ClientSession
from certgate_broker.stream import Stream

if TYPE_CHECKING:
    from amqtt.mqtt.protocol.broker_handler import BrokerProtocolHandler


class Exchange(Distribution):
    """Carries messages for the clients of one instance, from connection to connection."""

    async def carry(self, connect: Connect, owner: int, stream: Stream) -> None:
        """Serve a connection to its end.

        Args:
            connect: what it began with.
            owner: number of the client identifier's ownership.
            stream: the connection.
        """
        new = ClientSession(connect.client_id, owner, clean=connect.clean_session)
        if not await self._is_admitted(new):
            stream.send(write_connack(ReturnCode.NOT_AUTHORIZED))
            return
        session = await self._take_up(new)
        handler = Handler(session, stream, self, self._limits.kept_bytes)
        session.will = connect.will
        self._enter(session, handler)
        try:
            handler.welcome(session_present=session is not new)
            limit, keep_alive = self._limits.packet_bytes, connect.keep_alive
            await handler.serve(Receiver(stream, connect.rest, limit, keep_alive))
        finally:
            await self._leave(session, handler)

    async def forget(self, client_id: str) -> None:
        """Drop the stored session of a client that is not connected.

        Args:
            client_id: its client identifier.
        """
        await self._delete_session(client_id)

    async def _session_monitor(self) -> None:
        """Watch nothing: a clean session ends with its connection (3.1.2.4)."""

    async def _client_connected(
        self,
        listener_name: str,  # noqa: ARG002  amqtt's signature
        reader: ReaderAdapter,  # noqa: ARG002
        writer: WriterAdapter,
    ) -> None:
        """Turn away whoever comes by amqtt's own door: nobody has admitted them."""
        writer.write(write_connack(ReturnCode.NOT_AUTHORIZED))
        await writer.close()

    async def _is_admitted(self, session: ClientSession) -> bool:
        """Ask the auth plugins in turn; amqtt makes a task for each."""
        asked = [await plugin.authenticate(session=session) for plugin in self._guards]
        return bool(asked) and all(asked)

    async def _take_up(self, new: ClientSession) -> ClientSession:
        """Give the session that a connection goes on with: the stored one, or the new."""
        client_id = new.client_id or ""
        stored = self._session(client_id)
        if stored is not None and stored.owner == new.owner and not new.clean_session:
            return stored
        await self._delete_session(client_id)
        return new

    def _enter(self, session: ClientSession, handler: Handler) -> None:
        session.warned = False
        self._live[session.client_id or ""] = handler
        self._keep(session, handler)

    def _keep(self, session: ClientSession, handler: Handler | None) -> None:
        # amqtt asks no more of a handler than that it can be stopped, if there is one.
        self._sessions[session.client_id or ""] = session, cast("BrokerProtocolHandler", handler)

    async def _leave(self, session: ClientSession, handler: Handler) -> None:
        """End a connection; until the last step nothing here waits, or can be cancelled."""
        del self._live[session.client_id or ""]
        if session.will is not None and not handler.polite:
            await self._send_will(session.will)
        session.will = None
        if session.clean_session:
            await self._delete_session(session.client_id or "")
        else:
            await self._store(session)
        await handler.stop()

    async def _send_will(self, will: Will) -> None:
        """Publish the will of a client that has gone without a DISCONNECT (3.1.2.5)."""
        await self.publish(
            Publish(Kind.PUBLISH, 0, will.topic, will.message, will.qos, will.retain)
        )

    async def _store(self, session: ClientSession) -> None:
        """Keep a session for its client's return, and forget whose client has been gone longest."""
        client_id = session.client_id or ""
        del self._sessions[client_id]
        self._keep(session, None)  # With its handler, what is stored would hold the connection.
        if len(self._sessions) - len(self._live) > self._limits.sessions:
            await self.forget(next(name for name in self._sessions if name not in self._live))
