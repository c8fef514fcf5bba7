"""Faults of the API as values, flags, requests, and in the hands of whoever sets them."""

import contextlib
import json
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from starlette.applications import Starlette

from certgate_broker.desk import Desks
from certgate_certs.registry import Registry, RegistryUnavailable
from certgate_controlplane import statuses
from certgate_controlplane.api import create_app
from certgate_controlplane.catalogue import OPERATIONS
from certgate_controlplane.clock import LabClock
from certgate_controlplane.context import Context
from certgate_controlplane.faults import FAULTS, FaultError, make_fault, read_fault
from certgate_controlplane.faults.errors import documented_error
from certgate_controlplane.faults.routes import FaultRoutes
from certgate_controlplane.faults.service import Faults
from certgate_controlplane.faults.values import ErrorAnswer, NoAnswer
from certgate_controlplane.statuses import documented_codes
from controlplane.harness import Driver, Reply

LISTING = b"Action=ListInstances&Version=2020-04-20"


@pytest.fixture
async def faults(registry: Registry) -> AsyncIterator[Faults]:
    """Give the faults of a process that has no door."""
    made = Faults(registry, Desks(registry, None), LabClock(), None)
    await made.start()
    yield made
    await made.stop()


class TestReading:
    """`read_fault` and `make_fault`."""

    def test_a_flag(self) -> None:
        """A flag names the fault and its fields."""
        text = "api-error:operation=InactivateCaCertificate,code=Throttling.User,next=3,seed=7"
        expected = ErrorAnswer(
            operation="InactivateCaCertificate", code="Throttling.User", next=3, seed=7
        )
        assert read_fault(text) == expected
        assert read_fault("api-drop") == NoAnswer()
        assert read_fault("connack-cut:percent=12.5,devices=a+b").said() == {
            "percent": 12.5,
            "seed": 0,
            "devices": ("a", "b"),
        }

    @pytest.mark.parametrize(
        ("text", "sentence"),
        [
            ("", "there is no fault ''; there are api-error, api-delay"),
            ("api:next=1", "there is no fault 'api'; there are api-error"),
            ("api-drop:next", "is no fault: write name:field=value,field=value"),
            ("api-drop:next=1,next=2", "is no fault: write name:field=value,field=value"),
            ("api-drop:next=many", "api-drop: next is a whole number from 1, not 'many'"),
            ("api-drop:often=1", "api-drop has no field 'often'"),
            ("api-drop:operation=Listen", "operation is one of GetRegisterCode"),
            ("api-delay", "api-delay needs milliseconds, a number from 0"),
            ("api-error:operation=ListInstances", "api-error needs code, a text"),
            ("api-error:code=InternalError", "api-error needs operation, one of"),
            (
                "api-error:operation=GetCaCertificate,code=RegisterCodeUsed",
                "GetCaCertificate has no error 'RegisterCodeUsed'; it has ApiNotSupport",
            ),
        ],
    )
    def test_what_is_none(self, text: str, sentence: str) -> None:
        """It is refused with one sentence."""
        with pytest.raises(FaultError, match=sentence):
            read_fault(text)

    @pytest.mark.parametrize("name", [None, 7, ["connack-cut"]])
    def test_names_that_are_none(self, name: object) -> None:
        """A name of another kind is refused like an unknown one."""
        with pytest.raises(FaultError, match="there is no fault"):
            make_fault(name, {})


class TestDocumentedErrors:
    """The errors that a call may be answered with on purpose."""

    def test_every_code_can_be_made(self) -> None:
        """Each code that any operation may answer with has its error."""
        codes = {code for operation in OPERATIONS for code in documented_codes(operation)}
        assert {documented_error(code).code for code in codes} == codes
        assert codes == set(vars(statuses)["_GENERAL"])

    def test_codes_of_an_operation(self) -> None:
        """An operation has the errors of its own page, and not those of others."""
        register = documented_codes("RegisterCaCertificate")
        assert {"RegisterCodeUsed", "Throttling.User", "InternalError"} <= register
        assert "FindCaBySnError" not in register
        assert "ParameterFieldCheckFailed" not in documented_codes("CloseConnection")


class TestService:
    """`Faults`."""

    async def test_set_list_clear(self, faults: Faults) -> None:
        """What is set is listed with its counts until it is cleared."""
        await faults.set("api-drop", next=1)
        await faults.set(make_fault("connack-cut", {"devices": ["a"]}))
        assert await faults.list() == [
            {"name": "api-drop", "next": 1, "seed": 0, "seen": 0, "struck": 0},
            {"name": "connack-cut", "devices": ["a"], "seed": 0, "seen": 0, "struck": 0},
        ]
        await faults.clear("api-drop")
        assert [item["name"] for item in await faults.list()] == ["connack-cut"]
        await faults.clear("api-drop")
        await faults.clear()
        assert await faults.list() == []

    async def test_what_cannot_be_set(self, faults: Faults) -> None:
        """Unknown faults and fields, and fields beside a fault, are refused with a sentence."""
        with pytest.raises(FaultError, match="there is no fault 'drop'"):
            await faults.set("drop")
        with pytest.raises(FaultError, match="has no field 'fault'"):
            await faults.set("api-drop", fault=1)
        with pytest.raises(FaultError, match="fields go with the name"):
            await faults.set(NoAnswer(), next=1)
        with pytest.raises(FaultError, match="there is no fault 'drop'"):
            await faults.clear("drop")
        assert await faults.list() == []

    async def test_ends_with_its_process(self, registry: Registry, faults: Faults) -> None:
        """When a process ends, what was set there is cleared, and nothing else."""
        other = Faults(registry, Desks(registry, None), LabClock(), None)
        await other.start([NoAnswer()])
        await faults.set("connack-cut")
        await other.stop()
        assert [item["name"] for item in await faults.list()] == ["connack-cut"]

    async def test_a_process_that_was_killed(
        self, registry: Registry, registry_file: Path, faults: Faults
    ) -> None:
        """What it had set is forgotten when another begins; what it had delayed, if nobody does."""
        for others in (["revocation-delay"], []):
            for name in others:
                await faults.set(name, seconds=60)
            killed = await Registry.open(registry_file)
            await killed.faults.put("api-drop", "", "{}")
            await killed.close()
            with contextlib.closing(sqlite3.connect(registry_file)) as connection:
                sql = "INSERT INTO grace_identifier VALUES (NULL, 1, 1, 'a', 'b', 1)"
                connection.execute(sql)
                connection.commit()
                another = Faults(registry, Desks(registry, None), LabClock(), None)
                await another.start()
                assert [item["name"] for item in await another.list()] == others
                sql = "SELECT count(*) FROM grace_identifier"
                assert connection.execute(sql).fetchone() == (len(others),)
            await faults.clear()

    async def test_alive_while_faults_are_set(
        self, registry: Registry, registry_file: Path, faults: Faults
    ) -> None:
        """A process counts as alive from its first fault to the end of the last one."""
        other = await Registry.open(registry_file)
        seen = []
        for change in (faults.set("api-drop"), faults.set("connack-cut"), faults.clear("api-drop")):
            await change
            seen.append((await other.faults.forget_dead(), len(await faults.list())))
        await faults.clear()
        await other.close()
        assert seen == [(False, 1), (False, 2), (False, 1)]
        assert list(registry_file.parent.glob("*-alive-*")) == []

    async def test_a_process_without_a_door_follows(
        self, registry: Registry, faults: Faults, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """It takes over what another has set when it looks, and says where it cannot look."""
        other = Faults(registry, Desks(registry, None), LabClock(), None)
        usual = other.runner.run
        await faults.set("api-drop")
        await other.reload()
        assert other.runner.run != usual
        await faults.clear()

        async def fail() -> None:
            raise RegistryUnavailable("disk full")

        with monkeypatch.context() as patch:
            patch.setattr(registry.faults, "all", fail)
            with pytest.raises(RegistryUnavailable):
                await other.reload()
        assert other.runner.run != usual
        await other.reload()
        assert other.runner.run == usual

    async def test_calls_run_plainly_while_nothing_is_set(
        self, context: Context, faults: Faults
    ) -> None:
        """Without a fault the runner is the usual one; a connection that cannot be cut ends."""
        driver, usual = Driver(create_app(context, runner=faults.runner)), faults.runner.run
        await faults.set("api-drop", next=1)
        assert faults.runner.run != usual
        scope = Driver._scope("GET", LISTING, (("host", "localhost"),), "/")  # noqa: SLF001
        message = {"type": "http.request", "body": b"", "more_body": False}
        assert await driver.run(scope, [message]) == []
        assert (await driver.send(query=LISTING)).status == 200
        await faults.clear()
        assert faults.runner.run == usual


class TestRoutes:
    """`/faults`."""

    @pytest.fixture
    def door(self, faults: Faults) -> Driver:
        """Give the lab's own door, as far as faults go."""
        return Driver(Starlette(routes=FaultRoutes(faults).routes()))

    async def ask(self, door: Driver, method: str, path: str, body: bytes = b"") -> Reply:
        """Send a request."""
        return await door.send(method, path=path, pieces=[body])

    async def test_set_show_clear(self, door: Driver) -> None:
        """Each request is answered with what is set then."""
        body = json.dumps({"name": "connack-cut", "percent": 50}).encode()
        expected = {"name": "connack-cut", "percent": 50, "seed": 0, "seen": 0, "struck": 0}
        for method, path, given in (("POST", "/faults", body), ("GET", "/faults", b"")):
            reply = await self.ask(door, method, path, given)
            assert (reply.status, reply.body) == (200, {"faults": [expected]})
        assert (await self.ask(door, "DELETE", "/faults/api-drop")).body == {"faults": [expected]}
        assert (await self.ask(door, "DELETE", "/faults/connack-cut")).body == {"faults": []}
        await self.ask(door, "POST", "/faults", body)
        assert (await self.ask(door, "DELETE", "/faults")).body == {"faults": []}

    @pytest.mark.parametrize(
        ("body", "sentence"),
        [
            (b"", "a JSON object is expected"),
            (b"\xff", "a JSON object is expected"),
            (b"[]", "a JSON object is expected"),
            (b"{}", "there is no fault None"),
            (b'{"name": "connack-cut", "fault": 1, "self": 2}', "has no field 'fault'"),
            (b'{"name": "connack-cut", "percent": "1"}', "percent is a number above 0"),
        ],
    )
    async def test_wrong_requests(self, door: Driver, body: bytes, sentence: str) -> None:
        """They are answered with 400 and one sentence, and nothing is set."""
        reply = await self.ask(door, "POST", "/faults", body)
        assert (reply.status, reply.body["Code"]) == (400, "BadRequest")
        assert sentence in reply.body["Message"]
        assert (await self.ask(door, "GET", "/faults")).body == {"faults": []}

    async def test_unknown_name(self, door: Driver) -> None:
        """What is no fault cannot be cleared."""
        reply = await self.ask(door, "DELETE", "/faults/nothing")
        assert reply.status == 400
        assert "there is no fault 'nothing'" in reply.body["Message"]


def test_table_of_faults() -> None:
    """Each fault is found by its own name."""
    assert all(FAULTS[name].name == name for name in FAULTS)
