"""The way of one connection: handshake, CONNECT, decision; then the engine, or a refusal.

The engine sees a connection only after it was admitted.
"""

import asyncio
import contextlib
from collections.abc import Mapping
from dataclasses import dataclass

from certgate_broker.adapters import StreamReader, StreamWriter
from certgate_broker.admission import Admission, Clock, Presented, Verdict
from certgate_broker.connect import Connect, ConnectRefused, read_connect
from certgate_broker.decision_log import Attempt, DecisionLog
from certgate_broker.engine import Engine
from certgate_broker.identity import Identity
from certgate_broker.reasons import Reason, ReturnCode
from certgate_broker.sessions import LiveSession, LiveSessions
from certgate_broker.tls import HandshakeError, TlsStream
from certgate_certs.registry import RegistryUnavailable
from certgate_certs.view import CertificateError, CertificateView


@dataclass(frozen=True, slots=True)
class Limits:
    """How much patience and memory a client gets.

    Attributes:
        handshake_seconds: from the TCP connection to the end of the TLS handshake.
        connect_seconds: from there to a complete CONNECT packet.
        connect_bytes: the most bytes of a CONNECT packet after its fixed header.
        packet_bytes: the most bytes of a part of any later packet.
    """

    handshake_seconds: float = 10.0
    connect_seconds: float = 10.0
    connect_bytes: int = 65_536
    packet_bytes: int = 1_048_576


class Refused(Exception):  # noqa: N818  ends a way, never leaves this module
    """The connection goes no further.

    Args:
        verdict: why.
        return_code: what a CONNACK says, or None where no CONNACK can be sent.
    """

    def __init__(self, verdict: Verdict, return_code: ReturnCode | None) -> None:
        super().__init__()
        self.verdict = verdict
        self.return_code = return_code


@dataclass(frozen=True)
class Way:
    """What every connection needs on its way.

    Attributes:
        engines: the MQTT engine of each instance; the first instance is the default one.
        admission: decides.
        log: takes a record of every decision.
        record_first: a record is in the file before the client is answered, for readers in other
            processes; one in this process waits for it instead.
        sessions: the table of those who were admitted.
        limits: how much patience and memory a client gets.
        clock: the lab's clock.
    """

    engines: Mapping[str, Engine]
    admission: Admission
    log: DecisionLog
    record_first: bool
    sessions: LiveSessions
    limits: Limits
    clock: Clock

    async def go(self, stream: TlsStream) -> None:
        """Take a connection from its first byte to its end.

        Args:
            stream: the connection; the caller closes it.
        """
        host, port = stream.peer
        attempt = Attempt(next(iter(self.engines)), f"{host}:{port}")
        try:
            await self._shake_hands(stream, attempt)
            connect = await self._read_connect(stream, attempt)
            session = await self._decide(stream, attempt, connect)
        except Refused as refused:
            await self._refuse(stream, attempt, refused)
        else:
            await self._carry(stream, connect, session)

    async def _shake_hands(self, stream: TlsStream, attempt: Attempt) -> None:
        try:
            async with asyncio.timeout(self.limits.handshake_seconds):
                await stream.handshake()
        except TimeoutError:
            attempt.detail = "the handshake was not completed in time"
            raise _silently(Reason.HANDSHAKE_FAILED) from None
        except HandshakeError as error:
            attempt.detail = str(error)
            missing = error.no_certificate
            reason = Reason.NO_CLIENT_CERTIFICATE if missing else Reason.HANDSHAKE_FAILED
            raise _silently(reason) from None
        attempt.tls_version, attempt.resumed = stream.version, stream.resumed
        instance = stream.server_name.partition(".")[0]
        attempt.instance_id = instance if instance in self.engines else attempt.instance_id

    async def _read_connect(self, stream: TlsStream, attempt: Attempt) -> Connect:
        try:
            async with asyncio.timeout(self.limits.connect_seconds):
                connect = await self._receive_connect(stream)
        except TimeoutError:
            raise _silently(Reason.CONNECT_TIMEOUT) from None
        except ConnectRefused as error:
            attempt.detail = str(error)
            raise Refused(Verdict.refused(error.reason), error.return_code) from None
        attempt.client_id = connect.client_id
        return connect

    async def _receive_connect(self, stream: TlsStream) -> Connect:
        received = b""
        while (connect := read_connect(received, self.limits.connect_bytes)) is None:
            data = await stream.receive()
            if not data:
                detail = "the client closed the connection before CONNECT was complete"
                raise ConnectRefused(Reason.CONNECT_MALFORMED, detail)
            received += data
        return connect

    async def _decide(self, stream: TlsStream, attempt: Attempt, connect: Connect) -> LiveSession:
        presented = _presented(stream, attempt)
        async with self.sessions.turn(attempt.instance_id, connect.client_id):
            identity = await self._admit(presented, attempt)
            session = _session(stream, attempt, identity, since=self.clock())
            await self.sessions.enter(session)
        return session

    async def _admit(self, presented: Presented, attempt: Attempt) -> Identity:
        if not self.log.healthy:
            raise _aloud(Verdict.refused(Reason.REGISTRY_UNAVAILABLE))
        verdict = await self.admission.admit(presented)
        if verdict.identity is None:
            raise _aloud(verdict)
        try:
            await self._record(attempt, verdict)
        except RegistryUnavailable:
            raise _aloud(Verdict.refused(Reason.REGISTRY_UNAVAILABLE)) from None
        return verdict.identity

    async def _record(self, attempt: Attempt, verdict: Verdict) -> None:
        self.log.add(attempt.record(self.clock(), verdict))
        if self.record_first:
            await self.log.flush()

    async def _refuse(self, stream: TlsStream, attempt: Attempt, refused: Refused) -> None:
        if refused.verdict.leaf is None and attempt.tls_version:
            _name_certificate(stream, attempt)
        # The log says itself what is wrong with the file, and a refusal needs no registry.
        with contextlib.suppress(RegistryUnavailable):
            await self._record(attempt, refused.verdict)
        if refused.return_code is not None:
            stream.send(bytes([0x20, 2, 0, refused.return_code]))  # CONNACK (MQTT 3.1.1, 3.2)

    async def _carry(self, stream: TlsStream, connect: Connect, session: LiveSession) -> None:
        identity, limit = session.identity, self.limits.packet_bytes
        reader = StreamReader(stream, connect.packet + connect.rest, limit, connect.keep_alive)
        try:
            engine = self.engines[identity.instance_id]
            await engine.serve(identity, reader, StreamWriter(stream))
        finally:
            self.sessions.leave(session)


def _silently(reason: Reason) -> Refused:
    return Refused(Verdict.refused(reason), None)


def _aloud(verdict: Verdict) -> Refused:
    return Refused(verdict, verdict.decision.reasons[0].return_code)


def _presented(stream: TlsStream, attempt: Attempt) -> Presented:
    return Presented(
        instance_id=attempt.instance_id,
        leaf_der=stream.client_certificate(),
        chain=stream.client_chain(),
        client_id=attempt.client_id,
    )


def _session(stream: TlsStream, attempt: Attempt, identity: Identity, since: int) -> LiveSession:
    task = asyncio.current_task()
    if task is None:
        raise RuntimeError("a connection is served by a task")
    return LiveSession(identity, attempt.remote_address, since, stream.close, task)


def _name_certificate(stream: TlsStream, attempt: Attempt) -> None:
    """Say in the record whose connection was refused before its certificate was looked at."""
    try:
        view = CertificateView.from_der(stream.client_certificate())
    except CertificateError:
        return
    attempt.subject, attempt.device_sn = view.subject, view.sn
