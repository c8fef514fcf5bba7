"""The lab: registry, broker and API started together. The one module that wires."""

import contextlib
import os
import socket
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import asdict
from typing import Any, Self

from OpenSSL import SSL
from starlette.applications import Starlette
from starlette.routing import Mount, Route

from certgate_broker.desk import Answers, Desks
from certgate_broker.door import Door, DoorSettings
from certgate_broker.watch import Watch
from certgate_certs.registry import Registry
from certgate_controlplane.access.gates import make_gate
from certgate_controlplane.access.mqtt import secret_of
from certgate_controlplane.address import Address
from certgate_controlplane.api import create_app
from certgate_controlplane.calls import CallLog
from certgate_controlplane.clock import LabClock, SharedClock
from certgate_controlplane.context import Context, Limits
from certgate_controlplane.faults.routes import FaultRoutes
from certgate_controlplane.faults.service import QUESTION, Faults
from certgate_controlplane.management import Management
from certgate_controlplane.operations import Operations
from certgate_controlplane.preconditions import check
from certgate_controlplane.scenario import Premises, ScenarioRoutes, Scenarios, read_file
from certgate_controlplane.serving import ApiServer
from certgate_controlplane.settings import LabError, Settings, Side
from certgate_controlplane.state import StateDirectory


class LabServer:
    """A lab in the running event loop; ``async with LabServer(settings) as lab: …``.

    Args:
        settings: how it is set up.

    Attributes:
        address: where it is; set, as what follows, once it runs.
        clock: moves the lab's clock.
        faults: sets and clears faults on purpose.
        operations: calls the cloud's operations from inside.
        desks: reach the doors of every process that shares the registry.
        registry: the registry.
        scenarios: exports and replaces what the lab holds.
        calls: what the API was asked.
        now: the lab's clock.
    """

    address: Address
    clock: SharedClock
    operations: Operations
    desks: Desks
    faults: Faults
    registry: Registry
    scenarios: Scenarios

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._state = StateDirectory(settings.state_dir.resolve())
        self._running = contextlib.AsyncExitStack()
        self.now = LabClock()
        self.calls = CallLog(self.now)

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def start(self) -> None:
        """Start; on return every side accepts connections.

        Raises:
            LabError: an address cannot be listened on, an instance or account id cannot be one,
                or the server's certificate and key cannot be used.
            CredentialsError: the access keys cannot be used.
            ScenarioError: the scenario to start with cannot be loaded.
            StateError: the state directory cannot be used.
            RegistryError: the registry cannot be used.
        """
        check(self._settings)
        self._state.prepare()
        async with contextlib.AsyncExitStack() as stack:
            self.registry = await Registry.open(self._state.registry_file)
            stack.push_async_callback(self.registry.close)
            self.now.set_offset(await self.registry.clock.get())
            if self._settings.side is not Side.BROKER:  # Whoever deletes clears up.
                self.registry.remains.start(self.now)
                stack.push_async_callback(self.registry.remains.stop)
            door = None if self._settings.side is Side.API else self._door()
            self.desks = Desks(self.registry, None if door is None else door.desk)
            self.clock = SharedClock(self.now, self.registry, self.desks)
            self.faults = Faults(self.registry, self.desks, self.now, door)
            stack.push_async_callback(self.faults.stop)
            await self.faults.start(self._settings.faults)
            self.scenarios = self._scenarios()
            if self._settings.load is not None:
                await self.scenarios.load(read_file(self._settings.load))
            self._start_watch(stack)
            self.operations = Operations(self._context())
            mqtts_port = None if door is None else await self._open_door(door, stack)
            await self.faults.reload()  # What was set elsewhere before this door could be told.
            api_port = None
            if self._settings.side is not Side.BROKER:
                api_port = await self._open_api(stack)
            self.address = self._address(api_port, mqtts_port)
            self._running = stack.pop_all()

    def own_routes(self) -> list[Route]:
        """Give the routes of the lab's own door, below ``/_certgate``."""
        management = Management(
            self.registry, self.desks, self._about, self.calls, self.now, self.clock
        )
        return [
            *management.routes(),
            *FaultRoutes(self.faults).routes(),
            *ScenarioRoutes(self.scenarios).routes(),
        ]

    async def stop(self) -> None:
        """Stop every side, the API first."""
        await self._running.aclose()

    def _start_watch(self, stack: contextlib.AsyncExitStack) -> None:
        """Follow what other processes change; doors are asked besides, and know it at once."""
        watch = Watch(self.registry.standing, clock=self.clock.follow, **self._followers())
        watch.start()
        stack.push_async_callback(watch.stop)

    def _followers(self) -> dict[str, Callable[[], Awaitable[None]]]:
        return {"faults": self.faults.reload} if self._settings.side is Side.API else {}

    def _scenarios(self) -> Scenarios:
        settings = self._settings
        premises = Premises(self._state, settings.instance_ids, settings.max_cas, self.now)
        also = [self.faults.clear, self._forget_calls]
        return Scenarios(self.registry, self.desks, self.clock, premises, also)

    async def _forget_calls(self) -> None:
        self.calls.clear()

    async def _adopt_faults(self) -> None:
        await self.faults.reload()

    async def _adopt_clock(self, offset_ms: int) -> None:
        self.now.set_offset(offset_ms)

    def _door(self) -> Door:
        settings = self._settings
        pair = self._state.server(settings.certificate_names)
        door_settings = DoorSettings(
            host=settings.host,
            port=settings.mqtts_port,
            instance_ids=settings.instance_ids,
            certificate_file=pair.chain_file,
            key_file=pair.key_file,
            policy=settings.policy,
            limits=settings.limits,
            secret_of=secret_of(settings.credentials, settings.owners),
        )
        further: Answers = {"clock": self._adopt_clock, QUESTION: self._adopt_faults}
        return Door(door_settings, self.registry, self.now, further)

    async def _open_door(self, door: Door, stack: contextlib.AsyncExitStack) -> int:
        try:
            with _taken(self._settings.host, self._settings.mqtts_port, "--mqtts-port"):
                port = await door.start()
        except SSL.Error as error:
            raise LabError(
                f"the server's certificate and key in {self._state.path} cannot be used:"
                " delete its folder `server`, and they are made anew"
            ) from error
        stack.push_async_callback(door.stop)
        return port

    def _context(self) -> Context:
        instance_ids = frozenset(self._settings.instance_ids)
        limits = Limits(self._settings.max_cas)
        return Context(self.registry, instance_ids, limits, self.desks, self.calls)

    async def _open_api(self, stack: contextlib.AsyncExitStack) -> int:
        settings = self._settings
        server = ApiServer(self._app())
        with _taken(settings.host, settings.api_port, "--api-port"):
            port = await server.start(settings.host, settings.api_port)
        stack.push_async_callback(server.stop)
        return port

    def _app(self) -> Starlette:
        settings = self._settings
        # Its own door asks for no signature, so it stays shut where strangers could knock.
        is_among_friends = settings.is_local or settings.allow_remote
        own = [Mount("/_certgate", routes=self.own_routes())] if is_among_friends else []
        return create_app(
            self._context(),
            profile=settings.status_profile,
            gate=make_gate(settings.credentials, settings.owners, settings.throttle, self.now),
            allowed_hosts=(settings.host, *settings.server_names),
            extra_routes=own,
            runner=self.faults.runner,
        )

    def _address(self, api_port: int | None, mqtts_port: int | None) -> Address:
        host = self._settings.host
        shown = f"[{host}]" if ":" in host else host
        has_door = mqtts_port is not None
        return Address(
            pid=os.getpid(),
            api_url=None if api_port is None else f"http://{shown}:{api_port}",
            mqtts_host=host if has_door else None,
            mqtts_port=mqtts_port,
            server_ca_file=str(self._state.server_ca_file) if has_door else None,
            instance_ids=self._settings.instance_ids,
            state_dir=str(self._state.path),
        )

    def _about(self) -> dict[str, Any]:
        return asdict(self.address)


@contextlib.contextmanager
def _taken(host: str, port: int, option: str) -> Iterator[None]:
    try:
        yield
    except UnicodeError as error:
        raise LabError(f"{host!r} cannot be a host name: {error}") from error
    except socket.gaierror as error:
        raise LabError(f"{host} cannot be listened on: {error.strerror}") from error
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno else str(error)
        raise LabError(
            f"{host}:{port} cannot be listened on ({reason}):"
            f" choose another port with {option}, 0 for any free one"
        ) from error
