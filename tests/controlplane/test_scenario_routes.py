"""Scenarios over HTTP: for the lab's users, and not for pages that a browser shows them."""

import asyncio
import contextlib
import json
import socket
from collections.abc import AsyncIterator, Callable, Iterable
from pathlib import Path
from typing import TypeVar

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount, Route

from certgate_certs.authority import CertificateAuthority
from certgate_certs.registry import Registry, RegistryUnavailable
from certgate_controlplane.api import create_app
from certgate_controlplane.client import CallError
from certgate_controlplane.context import Context
from certgate_controlplane.scenario import Loaded, ScenarioRoutes, routes
from certgate_controlplane.scenario.remote import RemoteScenarios
from controlplane.harness import Driver, Headers, Reply, register, rows, served
from controlplane.scenario_kit import Bench, by_hand, ca_entry, scenario
from controlplane.test_scenario_service import BAD_NAMES

_Result = TypeVar("_Result")
OURS = ("host", "127.0.0.1:8080")
FOREIGN = [
    [("host", "attacker.example")],
    [OURS, ("origin", "https://attacker.example")],
    [OURS, ("origin", "null")],
    [OURS, ("sec-fetch-site", "cross-site")],
    [OURS, ("sec-fetch-site", "same-site")],
]
CHANGING = [("/import", b""), ("/snapshots/x", b""), ("/reset", b""), ("/reset", b"snapshot=base")]


class Door:
    """The lab's own door, as `create_app` puts it up."""

    def __init__(self, bench: Bench, context: Context) -> None:
        own = Mount("/_certgate", routes=ScenarioRoutes(bench.scenarios).routes())
        self.app = create_app(context, extra_routes=[own])
        self._driver = Driver(self.app)

    async def ask(
        self,
        method: str,
        path: str,
        query: bytes = b"",
        pieces: Iterable[bytes] = (),
        headers: Headers = (OURS,),
    ) -> Reply:
        """Send a request."""
        return await self._driver.send(method, query, headers, pieces, f"/_certgate{path}")


@pytest.fixture
async def bench(registry: Registry, tmp_path: Path) -> Bench:
    """Set up a lab without sockets."""
    made = Bench.over(registry, tmp_path / "state")
    made.state.prepare()
    return made


@pytest.fixture
def door(bench: Bench, context: Context) -> Door:
    """Put up its door."""
    return Door(bench, context)


class TestAnswers:
    """What each route does."""

    async def test_export_and_import(
        self, bench: Bench, door: Door, ca: CertificateAuthority
    ) -> None:
        """What was exported can be imported as it is."""
        await bench.scenarios.load(scenario(ca_entry(ca)))
        exported = await door.ask("GET", "/export")
        assert (exported.status, exported.headers["content-type"]) == (200, "application/json")
        assert exported.raw.decode() == await bench.scenarios.export()
        await bench.scenarios.reset()
        pieces = [exported.raw[:100], exported.raw[100:]]
        imported = await door.ask("POST", "/import", pieces=pieces)
        assert (imported.status, imported.body) == (200, {"cas": 1, "devices": 0})
        assert (await door.ask("GET", "/export")).raw == exported.raw

    @pytest.mark.parametrize(("query", "has"), [(b"", True), (b"certificates=true", True),
                                                (b"certificates=false", False)])  # fmt: skip
    async def test_export_without_certificates(
        self, door: Door, registry: Registry, ca: CertificateAuthority, query: bytes, has: bool
    ) -> None:
        """Certificates are left out where they are not wanted."""
        await register(registry, ca)
        found = await door.ask("GET", "/export", query)
        assert ("certificate" in found.body["cas"][0]) == has

    async def test_snapshot_and_reset(self, bench: Bench, door: Door) -> None:
        """A snapshot is kept, listed and gone back to; without a name the lab is empty."""
        await bench.scenarios.load(scenario(by_hand("acme")))
        assert (await door.ask("POST", "/snapshots/base")).body == {"snapshot": "base"}
        assert (await door.ask("GET", "/snapshots")).body == {"snapshots": ["base"]}
        assert (await door.ask("POST", "/reset")).body == {"snapshot": None}
        assert (await bench.exported())["cas"] == []
        reply = await door.ask("POST", "/reset", b"snapshot=base")
        assert reply.body == {"snapshot": "base"}
        assert [ca["name"] for ca in (await bench.exported())["cas"]] == ["acme"]
        assert bench.resets == ["first", "second"] * 2

    @pytest.mark.parametrize(("query", "made"), [(b"", {"acme"}), (b"remove_made=true", set()),
                                                 (b"remove_made=false", {"acme"})])  # fmt: skip
    async def test_remove_made(
        self, bench: Bench, door: Door, query: bytes, made: set[str]
    ) -> None:
        """What was made goes where that is asked for."""
        bench.state.new_ca("acme")
        assert (await door.ask("POST", "/reset", query)).status == 200
        assert bench.made() == made


class TestRefusals:
    """What is answered where it does not work."""

    @pytest.mark.parametrize(
        ("request_line", "answer"),
        [
            ("POST /import", "400 ScenarioUnacceptable the scenario is no JSON: line 1"),
            ("POST /reset?snapshot=base", "404 SnapshotUnknown there is no snapshot 'base'"),
            ("POST /reset?snapshot=../x", "400 ScenarioUnacceptable the snapshot: '../x' cannot"),
            ("POST /reset?snapshot=", "400 ScenarioUnacceptable the snapshot: '' cannot be the"),
            ("POST /reset?remove_made=1", "400 ScenarioUnacceptable remove_made is true or false"),
            ("GET /export?certificates=", "400 ScenarioUnacceptable certificates is true or false"),
            ("POST /snapshots/.x", "400 ScenarioUnacceptable the snapshot: '.x' cannot be the"),
            ("POST /snapshots/../x", "400 ScenarioUnacceptable the snapshot: '../x' cannot be"),
            ("POST /snapshots/", "400 ScenarioUnacceptable the snapshot: '' cannot be the name"),
        ],
    )
    async def test_sentences(self, door: Door, request_line: str, answer: str) -> None:
        """One sentence, a code and a status that fits."""
        method, target = request_line.split()
        path, _, query = target.partition("?")
        reply = await door.ask(method, path, query.encode())
        said = f"{reply.status} {reply.body['Code']} {reply.body['Message']}"
        assert said.startswith(answer)

    async def test_registry_gone(
        self, door: Door, registry: Registry, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A registry that cannot be used is nobody's mistake."""

        async def fail() -> None:
            raise RegistryUnavailable("disk on holiday")

        monkeypatch.setattr(registry.everything, "read", fail)
        reply = await door.ask("GET", "/export")
        assert (reply.status, reply.body["Code"]) == (503, "RegistryUnavailable")

    async def test_too_large(
        self,
        door: Door,
        populated: Registry,
        registry_file: Path,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        """A body without end is not read to its end."""
        monkeypatch.setattr(routes, "_MOST_BYTES", 100)
        read: list[bytes] = []

        def pieces() -> Iterable[bytes]:
            while True:
                read.append(b"x" * 60)
                yield read[-1]

        before = rows(registry_file)
        reply = await endless(door, pieces())
        assert (reply.status, reply.body["Code"]) == (413, "ScenarioTooLarge")
        assert len(read) == 2
        assert rows(registry_file) == before

    async def test_as_large_as_it_may_be(self, door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
        """The last byte that is allowed is taken."""
        text = scenario().encode()
        monkeypatch.setattr(routes, "_MOST_BYTES", len(text))
        assert (await door.ask("POST", "/import", pieces=[text])).status == 200

    @pytest.mark.parametrize(
        ("method", "path"),
        [
            ("GET", "/import"),
            ("GET", "/reset"),
            ("GET", "/snapshots/x"),
            ("POST", "/export"),
            ("POST", "/snapshots"),
            ("DELETE", "/snapshots/x"),
            ("PUT", "/import"),
        ],
    )
    async def test_methods(
        self, door: Door, populated: Registry, registry_file: Path, method: str, path: str
    ) -> None:
        """Nothing is changed by a method that is not for it."""
        before = rows(registry_file)
        assert (await door.ask(method, path)).status == 405
        assert rows(registry_file) == before


async def endless(door: Door, pieces: Iterable[bytes]) -> Reply:
    """Send a body whose pieces are made as they are asked for."""
    messages = ({"type": "http.request", "body": piece, "more_body": True} for piece in pieces)
    driver = Driver(door.app)
    scope = driver._scope("POST", b"", (OURS,), "/_certgate/import")  # noqa: SLF001  the harness's
    start, *rest = await driver.run(scope, messages)
    return Reply(start["status"], {}, b"".join(message["body"] for message in rest))


class TestStrangers:
    """Pages of other origins, and names that lead elsewhere."""

    @pytest.mark.parametrize("headers", FOREIGN, ids=str)
    async def test_foreign_pages_change_nothing(
        self,
        door: Door,
        populated: Registry,
        registry_file: Path,
        headers: list[tuple[str, str]],
    ) -> None:
        """A page of another origin, or under another name, is refused before anything is done."""
        before, text = rows(registry_file), scenario().encode()
        for path, query in CHANGING:
            reply = await door.ask("POST", path, query, [text], headers)
            assert reply.status == 403
        assert rows(registry_file) == before

    @pytest.mark.parametrize("headers", FOREIGN, ids=str)
    async def test_foreign_pages_read_nothing(
        self, door: Door, headers: list[tuple[str, str]]
    ) -> None:
        """Nor do they get to read what the lab holds."""
        for path in ("/export", "/snapshots"):
            assert (await door.ask("GET", path, headers=headers)).status == 403

    @pytest.mark.parametrize("name", [name for name in BAD_NAMES if name])
    async def test_names_that_lead_elsewhere(self, bench: Bench, door: Door, name: str) -> None:
        """Whatever a name says, no file is written outside the folder of snapshots."""
        before = set(bench.state.path.rglob("*"))
        reply = await door.ask("POST", f"/snapshots/{name}")
        assert reply.status == 400
        assert set(bench.state.path.rglob("*")) == before


class TestRemote:
    """`RemoteScenarios` against the door."""

    async def test_everything(self, bench: Bench, door: Door, tmp_path: Path) -> None:
        """Another process can do all of it."""
        async with lab(door) as remote:
            text = scenario(by_hand("acme", ["lamp"]))
            assert await thread(remote.load, text.encode()) == Loaded(1, 1)
            assert await thread(remote.export) == await bench.scenarios.export()
            short = await thread(lambda: remote.export(certificates=False))
            assert json.loads(short)["cas"][0]["devices"] == [{"name": "lamp", "status": "active"}]
            await thread(remote.snapshot, "base")
            assert await thread(remote.snapshots) == ["base"]
            await thread(remote.reset)
            assert bench.made() != set()
            await thread(remote.reset, "base")
            assert [ca["name"] for ca in (await bench.exported())["cas"]] == ["acme"]
            await thread(lambda: remote.reset(remove_made=True))
            assert bench.made() == set()

    async def test_refused(self, door: Door) -> None:
        """A refusal is the lab's own sentence."""
        async with lab(door) as remote:
            with pytest.raises(CallError, match=r"^there is no snapshot 'base'$") as refusal:
                await thread(remote.reset, "base")
            assert (refusal.value.code, refusal.value.status) == ("SnapshotUnknown", 404)
            with pytest.raises(CallError, match=r"^the snapshot: '\.\./x' cannot be"):
                await thread(remote.snapshot, "../x")

    async def test_nobody_there(self) -> None:
        """Where nobody answers that is said."""
        with socket.socket() as listening:
            listening.bind(("127.0.0.1", 0))
            remote = RemoteScenarios(f"http://127.0.0.1:{listening.getsockname()[1]}")
            with pytest.raises(CallError, match="no certgate answers at http://127"):
                await thread(remote.export)

    async def test_somebody_else_there(self) -> None:
        """What answers with something else is no certgate."""

        async def other(request: Request) -> Response:
            return Response('["something else"]')

        async with served(Starlette(routes=[Route("/{path:path}", other)])) as address:
            with pytest.raises(CallError, match="no certgate answers at"):
                await thread(RemoteScenarios(f"http://{address}").export)


async def thread(function: Callable[..., _Result], *arguments: object) -> _Result:
    """Run what waits for the lab beside it."""
    return await asyncio.to_thread(function, *arguments)


@contextlib.asynccontextmanager
async def lab(door: Door) -> AsyncIterator[RemoteScenarios]:
    """Serve the door on loopback."""
    async with served(door.app) as address:
        yield RemoteScenarios(f"http://{address}")
