"""The lab: registry, broker and API started together. The one module that wires."""

import contextlib
import json
import os
import re
import socket
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

from OpenSSL import SSL
from starlette.routing import Mount

from certgate_broker.desk import Desks
from certgate_broker.door import Door, DoorSettings
from certgate_broker.policy import MqttAuth
from certgate_certs.registry import Registry
from certgate_controlplane.access.credentials import ACCOUNT_ID
from certgate_controlplane.access.gates import make_gate
from certgate_controlplane.access.mqtt import secret_of
from certgate_controlplane.api import create_app
from certgate_controlplane.context import Context, Limits
from certgate_controlplane.management import Management
from certgate_controlplane.serving import ApiServer
from certgate_controlplane.settings import Settings, Side
from certgate_controlplane.state import StateDirectory

_INSTANCE_ID = re.compile(r"[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?")
"""A label of a server name (RFC 1123, 2.1): the first one names the instance."""


class LabError(Exception):
    """The lab cannot start; the text says what is wrong and what to do."""


@dataclass(frozen=True, slots=True)
class Address:
    """Where a running lab is; keys of a side that does not run are None.

    Attributes:
        pid: the process.
        api_url: the API, such as ``http://127.0.0.1:8080``.
        mqtts_host: where devices connect.
        mqtts_port: likewise.
        server_ca_file: the certificate that devices have to trust, PEM.
        instance_ids: the instances; the first one serves devices that name none.
        state_dir: the state directory.
    """

    pid: int
    api_url: str | None
    mqtts_host: str | None
    mqtts_port: int | None
    server_ca_file: str | None
    instance_ids: tuple[str, ...]
    state_dir: str

    def write(self, file: Path) -> None:
        """Write it as JSON, atomically: whoever sees the file sees all of it.

        Args:
            file: the ready file.

        Raises:
            LabError: it cannot be written.
        """
        draft = file.with_name(f".{file.name}-{self.pid}")
        try:
            draft.write_text(json.dumps(asdict(self), indent=2) + "\n")
            draft.replace(file)
        except OSError as error:
            raise LabError(f"{file} cannot be written: {error.strerror}") from error


class AsyncLab:
    """A lab in the running event loop; ``async with AsyncLab(settings) as lab: …``.

    Args:
        settings: how it is set up.

    Attributes:
        address: where it is; set once it runs.
    """

    address: Address

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._state = StateDirectory(settings.state_dir.resolve())
        self._running = contextlib.AsyncExitStack()

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
            StateError: the state directory cannot be used.
            RegistryError: the registry cannot be used.
        """
        self._check_host()
        self._check_login()
        self._check_instance_ids()
        self._state.prepare()
        async with contextlib.AsyncExitStack() as stack:
            registry = await Registry.open(self._state.registry_file)
            stack.push_async_callback(registry.close)
            door = None
            if self._settings.side is not Side.API:
                door = self._door(registry)
            mqtts_port = None if door is None else await self._open_door(door, stack)
            api_port = None
            if self._settings.side is not Side.BROKER:
                api_port = await self._open_api(registry, door, stack)
            self.address = self._address(api_port, mqtts_port)
            self._running = stack.pop_all()

    async def stop(self) -> None:
        """Stop every side, the API first."""
        await self._running.aclose()

    def _check_host(self) -> None:
        settings = self._settings
        if not (settings.is_local or settings.allow_remote or settings.credentials):
            raise LabError(
                f"{settings.host} is not loopback, and the API does not check who calls it:"
                " name access keys with --credentials, or add --allow-remote if everybody who can"
                " reach this machine may do so"
            )

    def _check_login(self) -> None:
        signed = self._settings.policy.mqtt_auth is MqttAuth.CERTIFICATE_AND_SIGNATURE
        if signed and self._settings.credentials is None:
            raise LabError(
                "--mqtt-auth certificate+signature needs access keys: name them with --credentials"
            )

    def _check_instance_ids(self) -> None:
        for instance_id in self._settings.instance_ids:
            if not _INSTANCE_ID.fullmatch(instance_id):
                raise LabError(
                    f"{instance_id!r} cannot be an instance id, because devices name theirs in the"
                    " server name: use up to 63 letters, digits and hyphens"
                )
        for account in self._settings.accounts.values():
            if not ACCOUNT_ID.fullmatch(account):
                raise LabError(f"{account!r} cannot be an account id: use up to 32 digits")

    def _door(self, registry: Registry) -> Door:
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
        return Door(door_settings, registry, now)

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

    async def _open_api(
        self, registry: Registry, door: Door | None, stack: contextlib.AsyncExitStack
    ) -> int:
        settings = self._settings
        desks = Desks(registry, None if door is None else door.desk)
        management = Management(registry, desks, self._about)
        # Its own door asks for no signature, so it stays shut where strangers could knock.
        is_among_friends = settings.is_local or settings.allow_remote
        own = [Mount("/_certgate", routes=management.routes())] if is_among_friends else []
        app = create_app(
            Context(registry, frozenset(settings.instance_ids), Limits(settings.max_cas), desks),
            profile=settings.status_profile,
            gate=make_gate(settings.credentials, settings.owners, settings.throttle, now),
            allowed_hosts=(settings.host, *settings.server_names),
            extra_routes=own,
        )
        server = ApiServer(app)
        with _taken(settings.host, settings.api_port, "--api-port"):
            port = await server.start(settings.host, settings.api_port)
        stack.push_async_callback(server.stop)
        return port

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


def now() -> int:
    """Give the lab's time, milliseconds since the epoch."""
    return time.time_ns() // 1_000_000


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
