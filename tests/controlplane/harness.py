"""What the tests of the control plane share: a server, a client, an ASGI driver, a row reader."""

import asyncio
import contextlib
import json
import re
import socket
import sqlite3
from collections.abc import AsyncIterator, Iterable, MutableMapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import uvicorn
from alibabacloud_onsmqtt20200420 import models
from alibabacloud_onsmqtt20200420.client import Client

# The way its own documentation imports it.
from alibabacloud_tea_openapi.models import Config  # type: ignore[attr-defined]
from starlette.types import ASGIApp
from Tea.exceptions import TeaException

from certgate_certs.authority import CertificateAuthority
from certgate_certs.chain import FOREVER
from certgate_certs.chain import Path as CertificatePath
from certgate_certs.issued import IssuedCertificate
from certgate_certs.registry import Application, FirstUse, Registration, Registry

INSTANCE = "post-cn-test"
EMPTY_INSTANCE = "post-cn-empty"
TABLES = ("ca_certificate", "device_certificate", "client_identifier", "registration_code")

Headers = Iterable[tuple[str, str]]


def rows(path: Path) -> dict[str, list[tuple[object, ...]]]:
    """Read everything that API calls could change, past the code under test."""
    with contextlib.closing(sqlite3.connect(path)) as connection:
        return {
            table: connection.execute(f"SELECT * FROM {table} ORDER BY 1").fetchall()
            for table in TABLES
        }


@dataclass(frozen=True)
class Reply:
    """What an HTTP client gets."""

    status: int
    headers: dict[str, str]
    raw: bytes

    @property
    def body(self) -> dict[str, Any]:
        """The answer, read as JSON."""
        read: dict[str, Any] = json.loads(self.raw)
        return read


class Driver:
    """Calls an ASGI application without a socket."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def send(
        self,
        method: str = "GET",
        query: bytes = b"",
        headers: Headers = (("host", "localhost"),),
        pieces: Iterable[bytes] = (),
        path: str = "/",
    ) -> Reply:
        """Send a request, its body in pieces; the client hangs up after the last one."""
        scope = self._scope(method, query, headers, path)
        parts = [{"type": "http.request", "body": piece, "more_body": True} for piece in pieces]
        incoming = [*parts, {"type": "http.request", "body": b"", "more_body": False}]
        sent = await self.run(scope, incoming)
        start = sent[0]
        return Reply(
            start["status"],
            {name.decode(): value.decode() for name, value in start["headers"]},
            b"".join(message["body"] for message in sent[1:]),
        )

    async def run(
        self, scope: dict[str, Any], incoming: Iterable[dict[str, Any]]
    ) -> list[MutableMapping[str, Any]]:
        """Run the application on these messages and give what it sends."""
        waiting = iter(incoming)
        sent: list[MutableMapping[str, Any]] = []

        async def receive() -> dict[str, Any]:
            return next(waiting, {"type": "http.disconnect"})

        async def send(message: MutableMapping[str, Any]) -> None:
            sent.append(message)

        await self._app(scope, receive, send)
        return sent

    @staticmethod
    def _scope(method: str, query: bytes, headers: Headers, path: str) -> dict[str, Any]:
        return {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": method,
            "scheme": "http",
            "path": path,
            "raw_path": path.encode(),
            "query_string": query,
            "root_path": "",
            "headers": [
                (name.lower().encode("latin-1"), v.encode("latin-1")) for name, v in headers
            ],
        }


class _Server(uvicorn.Server):
    """A server that tells when it listens and stops as soon as it is told to."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.listens = asyncio.Event()
        self.stops = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.listens.set()

    async def main_loop(self) -> None:
        await self.on_tick(0)
        await self.stops.wait()


@contextlib.asynccontextmanager
async def served(app: ASGIApp) -> AsyncIterator[str]:
    """Serve an application on loopback; gives ``host:port``."""
    config = uvicorn.Config(
        app, http="h11", lifespan="off", log_config=None, h11_max_incomplete_event_size=128 * 1024
    )
    server = _Server(config)
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        task = asyncio.create_task(server.serve(sockets=[listener]))
        await server.listens.wait()
        try:
            yield f"127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.stops.set()
            await task


class Cloud:
    """The official SDK, pointed at a server.

    Args:
        address: ``host:port``.
        algorithm: "" for the SDK's default (V3), "v2" for its old signature (V1).
    """

    def __init__(self, address: str, algorithm: str = "") -> None:
        self._client = Client(
            Config(
                endpoint=address,
                protocol="http",
                access_key_id="any",
                access_key_secret="any",
                signature_algorithm=algorithm,
            )
        )

    async def call(self, action: str, **parameters: str) -> dict[str, Any]:
        """Call an action as a user of the SDK does and give the answer's body."""
        method = getattr(self._client, re.sub(r"(?<!^)(?=[A-Z])", "_", action).lower())
        request = getattr(models, f"{action}Request")().from_map(parameters)
        response = await asyncio.to_thread(method, request)
        assert response.status_code == 200
        body: dict[str, Any] = response.body.to_map()
        return body

    async def refusal(self, action: str, **parameters: str) -> TeaException:
        """Call an action that is to be refused and give the SDK's exception."""
        try:
            answer = await self.call(action, **parameters)
        except TeaException as refusal:
            return refusal
        raise AssertionError(f"{action} was not refused: {answer}")


async def register(registry: Registry, ca: CertificateAuthority, name: str = "ca") -> int:
    """Register a CA certificate past the API and give the number of its registration."""
    code = await registry.codes.issue(INSTANCE)
    verification = ca.issue_verification(code).pem
    application = Application(INSTANCE, name, ca.issued.view, ca.pem, verification, code)
    assert await registry.cas.register(application, most=1000) is Registration.DONE
    registered = await registry.cas.find(INSTANCE, ca.issued.view.sn)
    assert registered is not None
    return registered.id


async def enrol(registry: Registry, ca_id: int, device: IssuedCertificate, client_id: str) -> None:
    """Register a device certificate as its first connection does."""
    path = CertificatePath(anchor=0, between=(), valid_from=0, valid_until=FOREVER)
    first = FirstUse(INSTANCE, ca_id, None, device.view, path, client_id, None)
    assert await registry.devices.enrol(first) is not None
