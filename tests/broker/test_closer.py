"""What becomes of open connections when their right is withdrawn."""

import asyncio
import time
from collections.abc import Sequence
from functools import partial

import pytest

from broker.conftest import FIRST, House, OpenHouse, eventually, register
from certgate_broker.closer import Closer
from certgate_broker.desk import Desks
from certgate_broker.identity import Identity
from certgate_broker.policy import LiveSessionRule, Policy
from certgate_broker.sessions import LiveSession, LiveSessions
from certgate_certs.authority import CertificateAuthority
from certgate_certs.registry import Registry, RegistryUnavailable, Status
from certgate_certs.rows import Cause, Closing

CLOSE = Policy(live_sessions=LiveSessionRule.CLOSE)


@pytest.fixture
async def strict(open_house: OpenHouse, ca: CertificateAuthority) -> House:
    """Open a door that closes sessions whose right is withdrawn."""
    house = await open_house(policy=CLOSE)
    await register(house.registry, ca)
    return house


async def withdraw(registry: Registry, ca_sn: str, device_sn: str, cause: Cause) -> None:
    """Take a right away."""
    match cause:
        case Cause.CA_INACTIVE:
            await registry.cas.set_status(FIRST, ca_sn, Status.INACTIVE)
        case Cause.CA_DELETED:
            await registry.cas.delete(FIRST, ca_sn)
        case Cause.DEVICE_INACTIVE:
            await registry.devices.set_status(FIRST, ca_sn, device_sn, Status.INACTIVE)
        case Cause.DEVICE_DELETED:
            await registry.devices.delete(FIRST, ca_sn, device_sn)


CAUSES = pytest.mark.parametrize("cause", list(Cause))


class TestClose:
    """``live_sessions = close``."""

    @CAUSES
    async def test_closed_at_once_and_recorded(
        self, strict: House, ca: CertificateAuthority, cause: Cause
    ) -> None:
        """The connection is closed within 250 ms, its cause is recorded, others stay."""
        issued, other_ca = ca.issue_device("meter-1"), CertificateAuthority.create_root("other")
        await register(strict.registry, other_ca)
        bystander = strict.device(other_ca.issue_device("meter-2"), "bystander")
        device = strict.device(issued, "m")
        await bystander.connect()
        await device.connect()
        await withdraw(strict.registry, ca.issued.view.sn, issued.view.sn, cause)
        answered = time.monotonic()
        await device.cut_off()
        assert time.monotonic() - answered < 2.5, "ten times what it should take at most"
        await eventually(lambda: len(strict.door.sessions) == 1)
        await Desks(strict.registry, strict.door.desk).flush()
        ((_, closing),) = await strict.registry.closings.since(0, 10)
        assert (closing.client_id, closing.cause) == ("m", cause)
        assert (closing.ca_sn, closing.device_sn) == (ca.issued.view.sn, issued.view.sn)
        assert bystander.client.is_connected()
        await bystander.leave()
        await device.leave()

    async def test_the_stored_session_stays_with_its_device(
        self, strict: House, ca: CertificateAuthority
    ) -> None:
        """After reactivation the device resumes what was stored for it."""
        issued = ca.issue_device("meter-1")
        device = strict.device(issued, "m", clean=False)
        await device.connect()
        await device.subscribe("a/b")
        await withdraw(strict.registry, ca.issued.view.sn, "", Cause.CA_INACTIVE)
        await device.cut_off()
        await device.leave()
        await strict.registry.cas.set_status(FIRST, ca.issued.view.sn, Status.ACTIVE)
        again = strict.device(issued, "m", clean=False)
        assert await again.connect() == ("Success", True)
        await again.leave()

    async def test_withdrawn_between_decision_and_entry(
        self, strict: House, ca: CertificateAuthority, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A connection that was admitted and not yet in the table is closed all the same."""
        real = strict.door.sessions.enter

        async def late(session: object) -> None:
            await withdraw(strict.registry, ca.issued.view.sn, "", Cause.CA_INACTIVE)
            await asyncio.sleep(0.1)  # Long enough for the watch to look and find nobody.
            await real(session)  # type: ignore[arg-type]

        monkeypatch.setattr(strict.door.sessions, "enter", late)
        device = strict.device(ca.issue_device("meter-1"), "m")
        await asyncio.to_thread(device.client.connect, "127.0.0.1", strict.port)
        device.client.loop_start()
        await device.cut_off()
        await eventually(lambda: len(strict.door.sessions) == 0)
        await Desks(strict.registry, strict.door.desk).flush()
        ((_, closing),) = await strict.registry.closings.since(0, 10)
        assert closing.cause is Cause.CA_INACTIVE
        await device.leave()

    async def test_cut_off_while_it_is_looked_at_again(
        self, strict: House, ca: CertificateAuthority, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A connection that is cancelled at that moment leaves nothing in the table."""
        looked_at = asyncio.Event()

        async def never(_self: Closer, sessions: list[LiveSession]) -> None:
            if not sessions:  # The watch's own look, before anybody has connected.
                return
            looked_at.set()
            await asyncio.Event().wait()

        monkeypatch.setattr(Closer, "close", never)
        device = strict.device(ca.issue_device("meter-1"), "m")
        await asyncio.to_thread(device.client.connect, "127.0.0.1", strict.port)
        device.client.loop_start()
        async with asyncio.timeout(5):
            await looked_at.wait()
        (session,) = strict.door.sessions.all()
        session.task.cancel()
        async with asyncio.timeout(5):
            await session.ended.wait()
        assert len(strict.door.sessions) == 0
        await device.leave()

    async def test_an_unavailable_registry_delays_the_record_and_not_the_closing(
        self, strict: House, ca: CertificateAuthority, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Who was found is cut off though the closing cannot be written."""

        async def fail(_: object) -> None:
            raise RegistryUnavailable("disk full")

        device = strict.device(ca.issue_device("meter-1"), "m")
        await device.connect()
        monkeypatch.setattr(strict.registry.closings, "append", fail)
        await withdraw(strict.registry, ca.issued.view.sn, "", Cause.CA_INACTIVE)
        await device.cut_off()
        await device.leave()

    @pytest.mark.parametrize("elsewhere", [False, True])
    async def test_a_reader_misses_no_closing(
        self,
        strict: House,
        ca: CertificateAuthority,
        monkeypatch: pytest.MonkeyPatch,
        elsewhere: bool,
    ) -> None:
        """Whoever has seen the end of a connection and asks for closings finds its record."""
        real = strict.registry.closings.append

        async def slowly(closings: Sequence[Closing]) -> None:
            await asyncio.sleep(0.2)
            await real(closings)

        monkeypatch.setattr(strict.registry.closings, "append", slowly)
        device = strict.device(ca.issue_device("meter-1"), "m")
        await device.connect()
        await withdraw(strict.registry, ca.issued.view.sn, "", Cause.CA_INACTIVE)
        await device.cut_off()
        await Desks(strict.registry, None if elsewhere else strict.door.desk).flush()
        assert len(await strict.registry.closings.since(0, 10)) == 1
        await device.leave()


async def test_others_have_their_turn(registry: Registry) -> None:
    """While many connections are closed everybody else goes on."""
    hung_up: list[int] = []
    identity = Identity(FIRST, "m", 1, "01", 1, "02", 1)  # Its CA has been deleted.
    task = asyncio.create_task(asyncio.Event().wait())
    sessions = [
        LiveSession(identity, "", 0, partial(hung_up.append, number), task)  # type: ignore[arg-type]
        for number in range(500)
    ]
    closing = asyncio.create_task(Closer(registry, LiveSessions(), lambda: 0).close(sessions))
    seen = set()
    while not closing.done():
        seen.add(len(hung_up))
        await asyncio.sleep(0)
    assert hung_up == list(range(500))
    assert len(seen) > 5, "hardly anything else happened meanwhile"
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_gone_by_itself(registry: Registry) -> None:
    """Who has left while others were closed is recorded as closed by nobody."""
    identity = Identity(FIRST, "m", 1, "01", 1, "02", 1)  # Its CA has been deleted.
    task = asyncio.create_task(asyncio.sleep(60))
    stays, leaves = (LiveSession(identity, "", 0, lambda: None, task) for _ in range(2))
    asyncio.get_running_loop().call_soon(leaves.ended.set)
    await Closer(registry, LiveSessions(), lambda: 0).close([stays, leaves])
    assert (stays.closing, leaves.closing) == (True, False)
    assert len(await registry.closings.since(0, 10)) == 1
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_nobody_waits_for_the_closing_of_others(
    strict: House, ca: CertificateAuthority, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A device comes in while the closing of others is still being recorded."""
    done, other_ca = asyncio.Event(), CertificateAuthority.create_root("other")
    real = strict.registry.closings.append

    async def late(closings: Sequence[Closing]) -> None:
        await done.wait()
        await real(closings)

    monkeypatch.setattr(strict.registry.closings, "append", late)
    await register(strict.registry, other_ca)
    device = strict.device(ca.issue_device("meter-1"), "m")
    await device.connect()
    await withdraw(strict.registry, ca.issued.view.sn, "", Cause.CA_INACTIVE)
    await device.cut_off()
    comes = strict.device(other_ca.issue_device("meter-2"), "n")
    async with asyncio.timeout(5):
        assert await comes.connect() == ("Success", False)
    done.set()
    await Desks(strict.registry, strict.door.desk).flush()
    assert len(await strict.registry.closings.since(0, 10)) == 1
    await comes.leave()
    await device.leave()


class TestKeep:
    """``live_sessions = keep``, the default."""

    @CAUSES
    async def test_open_connections_stay(
        self, house: House, ca: CertificateAuthority, cause: Cause
    ) -> None:
        """They go on and exchange messages; nothing is recorded as closed."""
        issued = ca.issue_device("meter-1")
        device = house.device(issued, "m")
        await device.connect()
        await device.subscribe("a/b")
        await withdraw(house.registry, ca.issued.view.sn, issued.view.sn, cause)
        await asyncio.sleep(0.1)  # Five times as long as the watch takes to look.
        await device.publish("a/b", b"still here")
        assert await device.message() == b"still here"
        assert await house.registry.closings.since(0, 10) == []
        await device.leave()
