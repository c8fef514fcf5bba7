"""The devices' door: engines, listener, sessions and decision log, started and stopped together."""

import asyncio
import contextlib
import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from OpenSSL import SSL

from certgate_broker.admission import Admission, Clock
from certgate_broker.closer import Closer
from certgate_broker.contexts import ServerContexts, server_contexts
from certgate_broker.decision_log import DecisionLog
from certgate_broker.desk import Answers, Desk, OpenDesk
from certgate_broker.engines import Engines
from certgate_broker.limits import ConnectionLimits
from certgate_broker.listener import Listener
from certgate_broker.login import SecretOf, nobody
from certgate_broker.memory import give_back_soon
from certgate_broker.policy import LiveSessionRule, Policy
from certgate_broker.sessions import LiveSessions
from certgate_broker.waiting import WaitingRoom
from certgate_broker.watch import Watch
from certgate_broker.way import Way
from certgate_certs.registry import Registry

_LOGGER = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class DoorSettings:
    """How the door is set up.

    Attributes:
        host: address to listen on.
        port: TCP port, 0 for a free one.
        instance_ids: the instances; the first one serves clients that name none.
        certificate_file: the server's certificate followed by its issuers, PEM.
        key_file: its private key, PEM.
        policy: what the operator chose.
        limits: how much patience and memory a client gets.
        secret_of: knows the access keys that CONNECT packets are signed with.
    """

    host: str
    port: int
    instance_ids: Sequence[str]
    certificate_file: Path
    key_file: Path
    policy: Policy = field(default_factory=Policy)
    limits: ConnectionLimits = field(default_factory=ConnectionLimits)
    secret_of: SecretOf = nobody


class Door:
    """The running door.

    Args:
        settings: how it is set up.
        registry: whom it asks.
        clock: the lab's clock.
        further: what else other processes may ask of this one, by kind.

    Attributes:
        registry: the door's own view of the registry; it can lag behind.
        sessions: who is connected.
        log: the decision log; its `flush` waits for records on their way.
        way: what becomes of a connection, unless `change` has said otherwise.
        desk: answers what is asked of the door.
    """

    def __init__(
        self,
        settings: DoorSettings,
        registry: Registry,
        clock: Clock,
        further: Answers | None = None,
    ) -> None:
        self._settings, limits = settings, settings.limits
        self.registry = registry.view()
        self.sessions = LiveSessions()
        closes = settings.policy.live_sessions is LiveSessionRule.CLOSE
        closer = Closer(self.registry, self.sessions, clock) if closes else None
        self.log = DecisionLog(registry.decisions)
        self._engines = Engines(settings.instance_ids, limits)
        self.way = self._way = Way(
            engines=self._engines,
            admission=Admission(self.registry, settings.policy, clock),
            log=self.log,
            sessions=self.sessions,
            waiting=WaitingRoom(limits.waiting, limits.waiting_of_one, give_back_soon),
            policy=settings.policy,
            secret_of=settings.secret_of,
            closer=closer,
            limits=limits,
            clock=clock,
        )
        answers = {**(further or {}), "reset": self.reset}
        desk = Desk(self._engines, self.sessions, self.log, closer, answers)
        self.desk = OpenDesk(desk, registry)
        self._watch = Watch(
            registry.standing,
            era=self._look,
            withdrawals=self._look_at_rights,
            requests=self.desk.look,
        )
        self._registry, self._era = registry, 0
        self._resetting = asyncio.Lock()
        self._listener: Listener | None = None
        self._running = contextlib.AsyncExitStack()

    async def start(self) -> int:
        """Open.

        Returns:
            The TCP port.

        Raises:
            OSError: the address cannot be listened on.
            SSL.Error: the server's certificate or key cannot be used.
        """
        settings = self._settings
        listener = Listener(self._contexts(), self._way)
        async with contextlib.AsyncExitStack() as stack:
            self.log.start()
            stack.push_async_callback(self.log.stop)
            self._begin(await self._registry.everything.era())
            await self._engines.start()
            stack.push_async_callback(self._engines.stop)
            await self.desk.open()
            stack.push_async_callback(self.desk.close)
            self._watch.start()
            stack.push_async_callback(self._watch.stop)
            port = await listener.start(settings.host, settings.port)
            stack.push_async_callback(listener.stop)
            self._listener, listener.way = listener, self._way  # Changed meanwhile, perhaps.
            self._running = stack.pop_all()
        return port

    async def stop(self) -> None:
        """Close: no more connections, none left, every record written."""
        await self._running.aclose()

    async def reset(self, era: int) -> None:
        """Be as after a start, because all that the registry holds was replaced.

        Every connection is ended, whether it was admitted or still on its way. Sessions, messages
        and subscriptions are forgotten, TLS sessions are not resumed, and records of what was
        decided before do not reach the registry any more.

        Args:
            era: the one that has begun; where the door is in it already, nothing happens.
        """
        async with self._resetting:
            listener = self._listener
            if listener is None or era <= self._era:
                return
            fresh = await self._engines.prepare()
            contexts = self._contexts_or(listener.contexts)
            # In one step: whoever is decided on from here on finds the new era everywhere, and
            # whoever was decided on before is cut off before taking a further step.
            self._begin(era)
            self._engines.exchange(fresh)
            listener.contexts = contexts
            await listener.end_all()
            await self._engines.retire()

    def change(self, way: Way, closer: Closer | None) -> None:
        """Let connections go another way from now on; those under way stay on theirs.

        Args:
            way: what becomes of a connection.
            closer: closes connections whose right was withdrawn; None keeps them.
        """
        self._way, self.desk.desk.closer = way, closer
        if self._listener is not None:
            self._listener.way = way

    async def _look_at_rights(self) -> None:
        if self.desk.desk.closer is not None:
            await self.desk.desk.closer.close(self.sessions.all())

    async def _look(self) -> None:
        """Notice a new era even where whoever began it did not live to tell."""
        await self.reset(await self._registry.everything.era())

    def _contexts(self) -> ServerContexts:
        settings = self._settings
        return server_contexts(settings.instance_ids, settings.certificate_file, settings.key_file)

    def _contexts_or(self, present: ServerContexts) -> ServerContexts:
        """Make new contexts; without their files, TLS sessions go on being resumed."""
        try:
            return self._contexts()
        except SSL.Error as error:
            _LOGGER.warning("TLS goes on as it was, the server's files cannot be read: %s", error)
            return present

    def _begin(self, era: int) -> None:
        self._era = era
        self._registry.decisions.era = self._registry.closings.era = era
        self.log.forget()
