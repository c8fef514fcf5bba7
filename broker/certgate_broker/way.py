"""The way of one connection: handshake, CONNECT, decision; then the engine, or a refusal.

The engine sees a connection only after it was admitted.
"""

import asyncio
import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from certgate_broker.admission import Admission, Clock, Presented, Verdict
from certgate_broker.closer import Closer
from certgate_broker.connect import Connect, ConnectRefused, read_connect, write_connack
from certgate_broker.decision_log import Attempt, DecisionLog
from certgate_broker.engine import Engine
from certgate_broker.identity import Identity
from certgate_broker.limits import ConnectionLimits
from certgate_broker.login import SecretOf, is_signed
from certgate_broker.policy import Policy, RefusalStyle
from certgate_broker.reasons import Reason, ReturnCode
from certgate_broker.sessions import LiveSession, LiveSessions
from certgate_broker.tls import HandshakeError, TlsStream
from certgate_broker.waiting import WaitingRoom
from certgate_certs.registry import RegistryUnavailable
from certgate_certs.view import CertificateError, CertificateView


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
        sessions: the table of those who were admitted.
        waiting: those who were not, yet.
        policy: what the operator chose.
        secret_of: knows the access keys that CONNECT packets are signed with.
        closer: closes connections whose right was withdrawn; None where they are kept.
        limits: how much patience and memory a client gets.
        clock: the lab's clock.
    """

    engines: Mapping[str, Engine]
    admission: Admission
    log: DecisionLog
    sessions: LiveSessions
    waiting: WaitingRoom
    policy: Policy
    secret_of: SecretOf
    closer: Closer | None
    limits: ConnectionLimits
    clock: Clock

    async def go(self, stream: TlsStream) -> None:
        """Take a connection from its first byte to its end.

        Args:
            stream: the connection; the caller closes it.
        """
        host, port = stream.peer
        attempt = Attempt(next(iter(self.engines)), f"{host}:{port}")
        with self.waiting.seat(host, stream.close) as seat:
            try:
                await self._shake_hands(stream, attempt)
                connect = await self._read_connect(stream, attempt)
                session = await self._decide(stream, attempt, connect)
            except Refused as refused:
                lost = _silently(Reason.TOO_MANY_CONNECTIONS)
                self._refuse(stream, attempt, lost if seat.lost else refused)
                return
        await self._carry(stream, connect, session)

    async def _shake_hands(self, stream: TlsStream, attempt: Attempt) -> None:
        found: list[Reason] = []
        if self.policy.refusal is RefusalStyle.ALERT:
            stream.examine = partial(self._examine, stream, attempt, found)
        try:
            async with asyncio.timeout(self.limits.handshake_seconds):
                await stream.handshake()
        except TimeoutError:
            attempt.detail = "the handshake was not completed in time"
            raise _silently(Reason.HANDSHAKE_FAILED) from None
        except HandshakeError as error:
            attempt.detail += str(error)
            missing = error.no_certificate
            reason = Reason.NO_CLIENT_CERTIFICATE if missing else Reason.HANDSHAKE_FAILED
            raise _silently(found[0] if found else reason) from None
        attempt.tls_version, attempt.resumed = stream.version, stream.resumed
        attempt.instance_id = self._instance(stream)

    def _instance(self, stream: TlsStream) -> str:
        return stream.instance_id or next(iter(self.engines))

    def _examine(
        self, stream: TlsStream, attempt: Attempt, found: list[Reason], chain: Sequence[bytes]
    ) -> bool:
        """Look at a chain while TLS can still refuse it: is there an active CA of that name?"""
        attempt.instance_id = self._instance(stream)
        reason = self.admission.issuer_trouble(attempt.instance_id, chain)
        if reason is not None:
            found.append(reason)
            _name_refused(chain[-1], attempt)
        return reason is None

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
        presented = self._presented(stream, attempt, connect)
        async with self.sessions.turn(attempt.instance_id, connect.client_id):
            identity = await self._admit(presented, attempt)
            session = _session(stream, attempt, identity, since=self.clock())
            await self.sessions.enter(session)
        return session

    def _presented(self, stream: TlsStream, attempt: Attempt, connect: Connect) -> Presented:
        return Presented(
            instance_id=attempt.instance_id,
            leaf_der=stream.client_certificate(),
            chain=stream.client_chain(),
            client_id=connect.client_id,
            client_id_assigned=connect.client_id_assigned,
            signed=is_signed(connect, attempt.instance_id, self.secret_of),
        )

    async def _admit(self, presented: Presented, attempt: Attempt) -> Identity:
        if not self.log.healthy:
            raise _aloud(Verdict.refused(Reason.REGISTRY_UNAVAILABLE))
        if len(self.sessions) >= self.limits.sessions:
            raise _aloud(Verdict.refused(Reason.TOO_MANY_CONNECTIONS))
        verdict = await self.admission.admit(presented)
        if verdict.identity is None:
            raise _aloud(verdict)
        try:
            await self.log.write(attempt.record(self.clock(), verdict))
        except RegistryUnavailable:
            raise _aloud(Verdict.refused(Reason.REGISTRY_UNAVAILABLE)) from None
        return verdict.identity

    def _refuse(self, stream: TlsStream, attempt: Attempt, refused: Refused) -> None:
        if refused.verdict.leaf is None and attempt.tls_version:
            _name_certificate(stream.client_certificate(), attempt)
        # The log says itself what is wrong with the file, and a refusal needs no registry.
        with contextlib.suppress(RegistryUnavailable):
            self.log.add(attempt.record(self.clock(), refused.verdict))
        code = self._return_code(refused)
        if code is not None:
            stream.send(write_connack(code))

    def _return_code(self, refused: Refused) -> ReturnCode | None:
        style, code = self.policy.refusal, refused.return_code
        if style in {RefusalStyle.CLOSE, RefusalStyle.ALERT}:
            return None
        if style is RefusalStyle.CONNACK_4 and code is ReturnCode.NOT_AUTHORIZED:
            return ReturnCode.BAD_USER_NAME_OR_PASSWORD
        return code

    async def _carry(self, stream: TlsStream, connect: Connect, session: LiveSession) -> None:
        identity = session.identity
        try:
            await self._look_again(session)
            await self.engines[identity.instance_id].serve(identity, connect, stream)
        finally:
            self.sessions.leave(session)

    async def _look_again(self, session: LiveSession) -> None:
        """Close a session whose right was withdrawn after its decision, before it was entered."""
        if self.closer is not None:
            with contextlib.suppress(RegistryUnavailable):
                await self.closer.close([session])


def _silently(reason: Reason) -> Refused:
    return Refused(Verdict.refused(reason), None)


def _aloud(verdict: Verdict) -> Refused:
    return Refused(verdict, verdict.decision.reasons[0].return_code)


def _session(stream: TlsStream, attempt: Attempt, identity: Identity, since: int) -> LiveSession:
    task = asyncio.current_task()
    if task is None:
        raise RuntimeError("a connection is served by a task")
    return LiveSession(identity, attempt.remote_address, since, stream.close, task)


def _name_certificate(der: bytes, attempt: Attempt) -> None:
    """Say in the record whose connection was refused before its certificate was looked at."""
    with contextlib.suppress(CertificateError):
        view = CertificateView.from_der(der)
        attempt.subject, attempt.device_sn = view.subject, view.sn


def _name_refused(der: bytes, attempt: Attempt) -> None:
    """Say in the record what is known of a chain that was refused during the handshake."""
    with contextlib.suppress(CertificateError):
        view = CertificateView.from_der(der)
        if view.is_ca:
            attempt.detail = f"no active CA for {view.subject}: "
        else:
            _name_certificate(der, attempt)
