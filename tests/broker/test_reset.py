"""A door whose registry's contents are replaced: as after a start, with nothing left of before."""

import asyncio
import concurrent.futures
import contextlib
import ssl
import threading
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import pytest

from broker.conftest import (
    ACCEPTED,
    FIRST,
    PATIENCE,
    SECOND,
    House,
    Knock,
    OpenHouse,
    connect_packet,
    eventually,
    register,
)
from certgate_broker.decision_log import DecisionLog
from certgate_broker.desk import Desks
from certgate_broker.door import Door, DoorSettings
from certgate_broker.engine import Engine
from certgate_broker.policy import LiveSessionRule, Policy
from certgate_broker.sessions import LiveSession, LiveSessions
from certgate_certs.authority import CertificateAuthority
from certgate_certs.issued import IssuedCertificate
from certgate_certs.registry import Contents, Registry, RegistryUnavailable

NOT_AUTHORIZED = b"\x20\x02\x00\x05"
VERSIONS = pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])


async def reset(house: House, contents: Contents | None = None) -> None:
    """Replace what the registry holds, by nothing where nothing is given, and tell the door."""
    era = await house.registry.everything.replace(contents or Contents())
    await Desks(house.registry, house.door.desk).ask(kind="reset", era=era)


@pytest.fixture
def lamp(ca: CertificateAuthority) -> IssuedCertificate:
    """Issue a device certificate."""
    return ca.issue_device("lamp")


class TestForgotten:
    """What a reset leaves."""

    async def test_connections_are_closed(self, house: House, lamp: IssuedCertificate) -> None:
        """Who is connected is cut off before the reset answers, and refused afterwards."""
        device = house.device(lamp, "m")
        await device.connect()
        await reset(house)
        assert len(house.door.sessions) == 0
        await device.cut_off()
        await device.leave()
        assert await house.ask(house.context(lamp), connect_packet("m")) == NOT_AUTHORIZED

    async def test_sessions_are_forgotten(
        self, house: House, ca: CertificateAuthority, lamp: IssuedCertificate
    ) -> None:
        """A session that was kept, with its subscription and queue, is not there any more."""
        device = house.device(lamp, "m", clean=False)
        await device.connect()
        await device.subscribe("a/b")
        await device.leave()
        await reset(house, await house.registry.everything.read())
        back = house.device(lamp, "m", clean=False)
        assert await back.connect() == ("Success", False)
        await back.publish("a/b", b"for nobody")
        await back.subscribe("a/c")
        await back.publish("a/c", b"for me")
        assert await back.message() == b"for me"
        assert back.messages.empty()
        await back.leave()

    async def test_retained_messages_are_forgotten(
        self, house: House, lamp: IssuedCertificate
    ) -> None:
        """A message that was kept for later subscribers is not there any more."""
        device = house.device(lamp, "m")
        await device.connect()
        sent = device.client.publish("a/b", b"kept", 1, retain=True)
        await asyncio.to_thread(sent.wait_for_publish, PATIENCE)
        await device.leave()
        await reset(house, await house.registry.everything.read())
        back = house.device(lamp, "m")
        await back.connect()
        await back.subscribe("a/b")
        await back.publish("a/b", b"live")
        assert await back.message() == b"live"
        assert back.messages.empty()
        await back.leave()

    async def test_records_are_forgotten(self, house: House, lamp: IssuedCertificate) -> None:
        """Decisions made before, written or on their way, do not turn up; later ones do."""
        context = house.context(lamp)
        for _ in range(3):
            assert await house.ask(context, connect_packet("m")) == ACCEPTED
            await reset(house, await house.registry.everything.read())
        await reset(house)
        assert await house.records() == []
        assert await house.ask(context, connect_packet("m")) == NOT_AUTHORIZED
        assert [record.reasons for record in await house.records()] == [("ca_not_registered",)]

    async def test_no_closing_is_recorded(
        self, open_house: OpenHouse, ca: CertificateAuthority, lamp: IssuedCertificate
    ) -> None:
        """A reset is no withdrawal, where withdrawn sessions are closed either."""
        house = await open_house(policy=Policy(live_sessions=LiveSessionRule.CLOSE))
        await register(house.registry, ca)
        device = house.device(lamp, "m")
        await device.connect()
        await reset(house)
        await device.cut_off()
        await device.leave()
        await Desks(house.registry, house.door.desk).flush()
        assert await house.registry.closings.since(0, 10) == []

    @VERSIONS
    async def test_tls_sessions_are_not_resumed(
        self, house: House, lamp: IssuedCertificate, version: ssl.TLSVersion
    ) -> None:
        """A ticket from before the reset costs a full handshake, and nothing else."""
        context, registered = house.context(lamp, version), await house.registry.everything.read()
        session = await asyncio.to_thread(visit, house, context, None)
        session = await asyncio.to_thread(visit, house, context, session)
        await reset(house, registered)
        session = await asyncio.to_thread(visit, house, context, session)
        await asyncio.to_thread(visit, house, context, session)
        assert [record.resumed for record in await house.records()] == [False, True]

    async def test_instances(self, house: House) -> None:
        """Each instance has an engine of its own again, and none has that of before."""
        before = dict(house.door.way.engines)
        await reset(house)
        after = house.door.way.engines
        assert (list(after), len(after)) == ([FIRST, SECOND], 2)
        assert not {id(engine) for engine in before.values()} & set(map(id, after.values()))

    async def test_again_and_again(
        self, house: House, ca: CertificateAuthority, lamp: IssuedCertificate
    ) -> None:
        """Every reset is as good as the first one."""
        registered = await house.registry.everything.read()
        for _ in range(5):
            device = house.device(lamp, "m", clean=False)
            assert await device.connect() == ("Success", False)
            await device.subscribe("a/b")
            await reset(house, registered)
            await device.cut_off()
            await device.leave()
            assert await house.records() == []


def visit(house: House, context: ssl.SSLContext, session: ssl.SSLSession | None) -> ssl.SSLSession:
    """Connect, resuming a TLS session if there is one; give the session for the next time."""
    with contextlib.closing(Knock(house.port, context, session=session)) as knock:
        assert knock.ask(connect_packet("m")) == ACCEPTED
        assert knock.tls.session is not None
        return knock.tls.session


class TestWhoever:
    """Whoever resets, and however."""

    async def test_from_elsewhere(self, house: House, lamp: IssuedCertificate) -> None:
        """Another process waits until this one's connections are closed."""
        device = house.device(lamp, "m")
        await device.connect()
        era = await house.registry.everything.replace(Contents())
        await Desks(house.registry, None).ask(kind="reset", era=era)
        assert len(house.door.sessions) == 0
        await device.cut_off()
        await device.leave()

    async def test_whoever_began_it_is_gone(self, house: House, lamp: IssuedCertificate) -> None:
        """The door notices by itself where nobody tells it."""
        device = house.device(lamp, "m")
        await device.connect()
        await house.registry.everything.replace(Contents())
        await device.cut_off()
        await device.leave()
        await eventually(lambda: len(house.door.sessions) == 0)

    async def test_told_twice(
        self, house: House, ca: CertificateAuthority, lamp: IssuedCertificate
    ) -> None:
        """Who connects after a reset stays, though the door hears of that reset again."""
        await reset(house, await house.registry.everything.read())
        device = house.device(lamp, "m")
        await device.connect()
        era = await house.registry.everything.era()
        for late in (era, era - 1):
            await house.door.reset(late)
        assert [item.identity.client_id for item in house.door.sessions.all()] == ["m"]
        await device.leave()

    async def test_a_door_that_is_not_open(
        self, settings: DoorSettings, registry: Registry
    ) -> None:
        """A door that has not been opened has nothing to forget, and opens in the new era."""
        door = Door(settings, registry, lambda: 0)
        era = await registry.everything.replace(Contents())
        await door.reset(era)
        assert (registry.decisions.era, registry.closings.era) == (None, None)
        await door.start()
        assert (registry.decisions.era, registry.closings.era) == (era, era)
        await door.stop()

    async def test_at_once(self, house: House, lamp: IssuedCertificate) -> None:
        """Several resets at a time do no harm."""
        device = house.device(lamp, "m")
        await device.connect()
        await asyncio.gather(*(reset(house) for _ in range(4)))
        await device.cut_off()
        await device.leave()
        assert len(house.door.sessions) == 0


class Halting(LiveSessions):
    """A table that keeps a connection waiting between its decision and its entry."""

    def __init__(self) -> None:
        super().__init__()
        self.reached, self.go_on = asyncio.Event(), asyncio.Event()
        self.entered: list[str] = []

    async def enter(self, session: LiveSession) -> None:
        """Wait, then enter."""
        self.reached.set()
        await self.go_on.wait()
        await super().enter(session)
        self.entered.append(session.identity.client_id)


class TestInBetween:
    """Connections that are on their way when a reset comes."""

    async def test_decided_before_entered_after(
        self,
        open_house: OpenHouse,
        ca: CertificateAuthority,
        lamp: IssuedCertificate,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        """Who was admitted before the reset is not entered after it, though nothing refused it."""
        monkeypatch.setattr("certgate_broker.door.LiveSessions", Halting)
        house = await open_house()
        await register(house.registry, ca)
        table = house.door.sessions
        assert isinstance(table, Halting)
        answer = asyncio.create_task(house.ask(house.context(lamp), connect_packet("m")))
        await table.reached.wait()
        await reset(house, await house.registry.everything.read())
        table.go_on.set()
        assert await answer == b""
        assert (table.entered, table.all()) == ([], [])
        assert await house.records() == []

    @VERSIONS
    async def test_storm(
        self, house: House, ca: CertificateAuthority, version: ssl.TLSVersion
    ) -> None:
        """However they fall, nobody who was admitted before a reset is there after it."""
        contexts = [house.context(ca.issue_device(f"{n}"), version) for n in range(8)]
        registered = await house.registry.everything.read()
        async with storming(house, contexts) as storm:
            for number in range(1, 41):
                storm.resets = number
                await reset(house, registered)
                assert await orphans(house) == []
                await eventually(lambda: all(held == storm.resets for held in storm.held.values()))
                if number % 3:  # Every third falls on those who are on their way.
                    before = storm.accepted
                    await eventually(lambda: storm.accepted > before)  # noqa: B023  awaited at once
                await asyncio.sleep(0.001 * (number % 7))
            await eventually(lambda: storm.accepted > 40)

    async def test_storm_of_records(self, house: House, ca: CertificateAuthority) -> None:
        """No record tells of an admission before the reset."""
        contexts = [house.context(ca.issue_device(f"{n}")) for n in range(6)]
        async with storming(house, contexts) as storm:
            for _ in range(8):
                before = storm.accepted
                await eventually(lambda: storm.accepted > before)  # noqa: B023  awaited at once
                await reset(house)
                assert all(not record.accepted for record in await house.records())
                await register(house.registry, ca)


@dataclass
class Storm:
    """Devices that connect, stay until they are cut off, and connect again.

    Attributes:
        resets: how many resets have begun.
        held: who is connected, each with the number of resets that had begun at its admission.
        accepted: how many admissions there were.
        over: nobody connects any more.
    """

    resets: int = 0
    held: dict[str, int] = field(default_factory=dict)
    accepted: int = 0
    over: threading.Event = field(default_factory=threading.Event)

    def rage(self, house: House, context: ssl.SSLContext, name: str) -> None:
        """Be one of the devices; every other time with a session that is to be kept."""
        clean = True
        while not self.over.is_set():
            with contextlib.suppress(OSError), contextlib.closing(Knock(house.port, context)) as it:
                clean = not clean
                if it.ask(connect_packet(name, clean=clean))[3:] == b"\0":
                    self.accepted += 1
                    self.held[name] = self.resets
                    assert it.ask(b"", 1) == b""
                    del self.held[name]


@contextlib.asynccontextmanager
async def storming(house: House, contexts: list[ssl.SSLContext]) -> AsyncIterator[Storm]:
    """Have a device rage for each context."""
    storm, loop = Storm(), asyncio.get_running_loop()
    # Threads of their own: what the lab does in threads must not wait for them.
    with concurrent.futures.ThreadPoolExecutor(len(contexts)) as pool:
        raging = [
            loop.run_in_executor(pool, storm.rage, house, context, f"client-{number}")
            for number, context in enumerate(contexts)
        ]
        try:
            yield storm
        finally:
            storm.over.set()
            await reset(house)
            await asyncio.gather(*raging)


async def orphans(house: House) -> list[str]:
    """Name the clients that are connected without being registered."""
    rights = {item.identity.device_id: item.identity.ca_id for item in house.door.sessions.all()}
    gone = house.registry.standing.withdrawn(rights)
    return [
        item.identity.client_id
        for item in house.door.sessions.all()
        if item.identity.device_id in gone
    ]


class TestTrouble:
    """What does not go well."""

    async def test_an_engine_that_does_not_stop(
        self, house: House, lamp: IssuedCertificate, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """An old engine that cannot be stopped is written down, and the door goes on."""
        real, failed = Engine.stop, []

        async def fail(self: Engine) -> None:
            await real(self)
            failed.append(self)
            raise ZeroDivisionError

        registered = await house.registry.everything.read()
        with monkeypatch.context() as patch:
            patch.setattr(Engine, "stop", fail)
            await reset(house, registered)
        assert len(failed) == 2
        assert await house.ask(house.context(lamp), connect_packet("m")) == ACCEPTED

    async def test_an_engine_that_does_not_start(
        self, house: House, lamp: IssuedCertificate, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Where no fresh engines can be had the reset fails, and is made up for later."""
        real, tries = Engine.start, []

        async def fail_first(self: Engine) -> None:
            tries.append(self)
            if len(tries) == 2:
                raise RegistryUnavailable("not now")
            await real(self)

        device = house.device(lamp, "m")
        await device.connect()
        with monkeypatch.context() as patch:
            patch.setattr(Engine, "start", fail_first)
            with contextlib.suppress(RegistryUnavailable):
                await reset(house)
            await device.cut_off()
        await device.leave()
        assert len(tries) == 4

    async def test_server_files_are_gone(
        self, house: House, settings: DoorSettings, lamp: IssuedCertificate
    ) -> None:
        """Where no new TLS context can be had the present one goes on, and all else is reset."""
        device, context = house.device(lamp, "m"), house.context(lamp)
        await device.connect()
        settings.key_file.unlink()
        await reset(house)
        await device.cut_off()
        await device.leave()
        assert await house.ask(context, connect_packet("m")) == NOT_AUTHORIZED

    async def test_a_stubborn_connection(
        self, house: House, lamp: IssuedCertificate, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A connection whose engine mistakes its end for something else is ended all the same."""
        monkeypatch.setattr("certgate_broker.listener._PATIENCE_SECONDS", 0.01)
        swallowed: list[str] = []

        async def stubborn(*_: object) -> None:
            while len(swallowed) < 3:
                try:
                    await asyncio.Event().wait()
                except asyncio.CancelledError:
                    swallowed.append("once")
            await asyncio.Event().wait()

        monkeypatch.setattr(Engine, "serve", stubborn)
        asking = asyncio.create_task(house.ask(house.context(lamp), connect_packet("m")))
        await eventually(lambda: len(house.door.sessions) == 1)
        await reset(house)
        assert (len(house.door.sessions), len(swallowed)) == (0, 3)
        assert await asking == b""


class TestForgetfulLog:
    """`DecisionLog.forget`."""

    async def test_what_waits_is_dropped_and_what_comes_is_not(
        self, registry: Registry, house: House, lamp: IssuedCertificate
    ) -> None:
        """Records that wait are dropped for good, and nobody waits for them in vain."""
        context = house.context(lamp)
        assert await house.ask(context, connect_packet("m")) == ACCEPTED
        record = (await house.records())[0]
        log = DecisionLog(registry.decisions)
        log.add(record)
        log.forget()
        log.add(record)
        log.start()
        await log.flush()
        await log.stop()
        assert len(await registry.decisions.since(0, 10)) == 2
