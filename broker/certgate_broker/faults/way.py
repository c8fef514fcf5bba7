"""The way of one connection while faults are set."""

import asyncio
import contextlib
from collections.abc import Sequence
from contextvars import ContextVar
from dataclasses import dataclass, fields, replace
from functools import partial
from typing import NoReturn

from certgate_broker.admission import Presented, Verdict
from certgate_broker.closer import Closer
from certgate_broker.connect import Connect
from certgate_broker.decision_log import Attempt
from certgate_broker.faults.cutting import CuttingEngine, NotingAdmission
from certgate_broker.faults.drawing import FaultSet, Names
from certgate_broker.faults.values import (
    ConnackCut,
    ConnectRefuse,
    Fault,
    HandshakeStall,
    RegistryOutage,
)
from certgate_broker.identity import Identity
from certgate_broker.reasons import Reason
from certgate_broker.sessions import LiveSession
from certgate_broker.tls import TlsStream
from certgate_broker.way import Refused, Way

_cut: ContextVar[bool] = ContextVar("certgate_cut", default=False)
"""The connection that the running task serves is to be cut after its CONNACK."""


@dataclass(frozen=True)
class FaultyWay(Way):
    """What every connection needs on its way while faults are set.

    Attributes:
        faults: the faults.
    """

    faults: FaultSet

    @classmethod
    def beside(cls, way: Way, faults: FaultSet, closer: Closer | None) -> "FaultyWay":
        """Make the way that is taken in place of another.

        Args:
            way: the other one.
            faults: what can happen on it.
            closer: closes connections whose right was withdrawn; None where they are kept.
        """
        given = {item.name: getattr(way, item.name) for item in fields(Way)}
        return cls(**{**given, "closer": closer, "faults": faults})

    async def _shake_hands(self, stream: TlsStream, attempt: Attempt) -> None:
        if await self.faults.draw(HandshakeStall, lambda fault: not fault.devices):
            await self._stall(stream, attempt)
        stream.examine = partial(self._hold, stream)
        try:
            await super()._shake_hands(stream, attempt)
            names = Names.of(stream.client_certificate())
            if await self.faults.draw(HandshakeStall, partial(_is_chosen, names)):
                await self._stall(stream, attempt)
        finally:
            stream.held = attempt.detail == _words(HandshakeStall)

    def _hold(self, stream: TlsStream, chain: Sequence[bytes]) -> bool:
        """Keep the next flight back until it has been drawn whether this device is stalled."""
        names = Names.of(chain[-1])
        stalls = self.faults.of(HandshakeStall)
        stream.held = any(_is_chosen(names, fault) for _, fault in stalls)
        return True

    def _examine(
        self, stream: TlsStream, attempt: Attempt, found: list[Reason], chain: Sequence[bytes]
    ) -> bool:
        self._hold(stream, chain)
        return super()._examine(stream, attempt, found, chain)

    async def _read_connect(self, stream: TlsStream, attempt: Attempt) -> Connect:
        connect = await super()._read_connect(stream, attempt)
        names = Names.of(stream.client_certificate(), connect.client_id)
        if await self.faults.draw(HandshakeStall, partial(_is_chosen_late, names)):
            await self._stall(stream, attempt)
        return connect

    async def _stall(self, stream: TlsStream, attempt: Attempt) -> NoReturn:
        """Answer nothing until the client goes, or has waited as long as for a handshake."""
        stream.held, attempt.detail = True, _words(HandshakeStall)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self.limits.handshake_seconds):
                while await stream.receive():
                    pass
        raise Refused(Verdict.refused(Reason.FAULT_INJECTED), None)

    async def _admit(self, presented: Presented, attempt: Attempt) -> Identity:
        names = Names.of(presented.leaf_der, presented.client_id)
        if await self.faults.draw(RegistryOutage):
            raise _refused(Reason.REGISTRY_UNAVAILABLE, RegistryOutage, attempt)
        if await self.faults.draw(ConnectRefuse, lambda fault: names.anywhere(fault.devices)):
            raise _refused(Reason.FAULT_INJECTED, ConnectRefuse, attempt)

        async def admitted() -> None:
            if await self.faults.draw(ConnackCut, lambda fault: names.anywhere(fault.devices)):
                attempt.detail = _words(ConnackCut)
                _cut.set(True)

        noting = replace(self, admission=NotingAdmission(self.admission, admitted))
        return await Way._admit(noting, presented, attempt)  # noqa: SLF001  its own base's

    async def _carry(self, stream: TlsStream, connect: Connect, session: LiveSession) -> None:
        way: Way = self
        if _cut.get():
            instance_id = session.identity.instance_id
            way = replace(self, engines={instance_id: CuttingEngine(self.engines[instance_id])})
        await Way._carry(way, stream, connect, session)  # noqa: SLF001  its own base's


def _is_chosen(names: Names, fault: HandshakeStall) -> bool:
    return names.in_certificate(fault.devices)


def _is_chosen_late(names: Names, fault: HandshakeStall) -> bool:
    return names.client_id in fault.devices and not names.in_certificate(fault.devices)


def _refused(reason: Reason, fault: type[Fault], attempt: Attempt) -> Refused:
    attempt.detail = _words(fault)
    return Refused(Verdict.refused(reason), reason.return_code)


def _words(fault: type[Fault]) -> str:
    return f"fault injected: {fault.name}"
