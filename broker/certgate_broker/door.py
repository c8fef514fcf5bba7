"""The devices' door: engines, listener, sessions and decision log, started and stopped together."""

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from certgate_broker.admission import Admission, Clock
from certgate_broker.closer import Closer
from certgate_broker.decision_log import DecisionLog
from certgate_broker.desk import Answers, Desk, OpenDesk
from certgate_broker.engine import Engine
from certgate_broker.limits import ConnectionLimits
from certgate_broker.listener import Listener
from certgate_broker.login import SecretOf, nobody
from certgate_broker.memory import give_back_soon
from certgate_broker.policy import LiveSessionRule, Policy
from certgate_broker.sessions import LiveSessions
from certgate_broker.tls import server_context
from certgate_broker.waiting import WaitingRoom
from certgate_broker.watch import Watch
from certgate_broker.way import Way
from certgate_certs.registry import Registry


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
        sessions: who is connected.
        log: the decision log; its `flush` waits for records on their way.
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
        self.sessions = LiveSessions()
        closes = settings.policy.live_sessions is LiveSessionRule.CLOSE
        closer = Closer(registry, self.sessions, clock) if closes else None
        self.log = DecisionLog(registry.decisions)
        self._engines = {instance: Engine() for instance in settings.instance_ids}
        self._way = Way(
            engines=self._engines,
            admission=Admission(registry, settings.policy, clock),
            log=self.log,
            sessions=self.sessions,
            waiting=WaitingRoom(limits.waiting, limits.waiting_of_one, give_back_soon),
            policy=settings.policy,
            secret_of=settings.secret_of,
            closer=closer,
            limits=limits,
            clock=clock,
        )
        desk = Desk(self._engines, self.sessions, self.log, closer, further)
        self.desk = OpenDesk(desk, registry)
        concerned = [self.desk.look] if closer is None else [closer.look, self.desk.look]
        self._watch = Watch(registry.standing, *concerned)
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
        listener = Listener(server_context(settings.certificate_file, settings.key_file), self._way)
        async with contextlib.AsyncExitStack() as stack:
            self.log.start()
            stack.push_async_callback(self.log.stop)
            for engine in self._engines.values():
                await engine.start()
                stack.push_async_callback(engine.stop)
            await self.desk.open()
            stack.push_async_callback(self.desk.close)
            self._watch.start()
            stack.push_async_callback(self._watch.stop)
            port = await listener.start(settings.host, settings.port)
            stack.push_async_callback(listener.stop)
            self._running = stack.pop_all()
        return port

    async def stop(self) -> None:
        """Close: no more connections, none left, every record written."""
        await self._running.aclose()
