"""What can be asked of running doors, in one process and across processes."""

import asyncio
import contextlib
import json
from pathlib import Path
from typing import Any

import pytest

from broker.conftest import FIRST, House, eventually
from certgate_broker import desk as desk_module
from certgate_broker.desk import Desk, Desks, OpenDesk
from certgate_broker.sessions import LiveSession, LiveSessions
from certgate_certs.authority import CertificateAuthority
from certgate_certs.registry import Registry, RegistryUnavailable, Status


@pytest.fixture
def elsewhere(house: House) -> Desks:
    """Ask as another process would: without a desk, so through the mailbox."""
    return Desks(house.registry, None)


@pytest.fixture
def here(house: House) -> Desks:
    """Ask in the process that runs the door."""
    return Desks(house.registry, house.door.desk)


class TestQuestions:
    """Every question, asked here and from elsewhere."""

    @pytest.fixture(params=["here", "elsewhere"])
    def desks(self, request: pytest.FixtureRequest) -> Desks:
        """Ask from both places."""
        found = request.getfixturevalue(request.param)
        assert isinstance(found, Desks)
        return found

    async def test_online(self, house: House, ca: CertificateAuthority, desks: Desks) -> None:
        """Those who are connected are found, others and other instances' are not."""
        device = house.device(ca.issue_device("meter-1"), "m")
        await device.connect()
        assert await desks.online(FIRST, ["m", "n"]) == {"m"}
        assert await desks.online("another", ["m"]) == set()
        await device.leave()

    async def test_close(self, house: House, ca: CertificateAuthority, desks: Desks) -> None:
        """A connection that was closed is gone when the answer comes, and may come back."""
        issued = ca.issue_device("meter-1")
        device = house.device(issued, "m")
        await device.connect()
        assert await desks.close(FIRST, "m")
        assert len(house.door.sessions) == 0
        await device.cut_off()
        assert not await desks.close(FIRST, "m")
        await device.leave()
        again = house.device(issued, "m")
        assert (await again.connect())[0] == "Success"
        await again.leave()

    async def test_send(self, house: House, ca: CertificateAuthority, desks: Desks) -> None:
        """A message reaches subscribers, and by p2p a client that has not subscribed."""
        device = house.device(ca.issue_device("meter-1"), "m")
        await device.connect()
        await device.subscribe("a/b")
        await desks.send(FIRST, "a/b", "for subscribers")
        assert await device.message() == b"for subscribers"
        await desks.send(FIRST, "a/p2p/m", "for one")
        assert await device.message() == b"for one"
        await desks.send(FIRST, "a/p2p/nobody", "for nobody")
        await desks.send("another", "a/b", "for nobody")
        await desks.send(FIRST, "a/b", "last")
        assert await device.message() == b"last"
        await device.leave()

    async def test_sessions(self, house: House, ca: CertificateAuthority, desks: Desks) -> None:
        """Sessions are listed with who they are."""
        device = house.device(issued := ca.issue_device("meter-1"), "m")
        await device.connect()
        (session,) = await desks.sessions()
        assert (session["client_id"], session["device_sn"]) == ("m", issued.view.sn)
        assert session["remote_address"].startswith("127.0.0.1:")
        await device.leave()

    async def test_flush(self, house: House, ca: CertificateAuthority, desks: Desks) -> None:
        """After a flush no decision is missing."""
        device = house.device(ca.issue_device("meter-1"), "m")
        await device.connect()
        await desks.flush()
        assert len(await house.registry.decisions.since(0, 10)) == 1
        await device.leave()


async def test_close_finds_who_is_being_admitted(
    house: House, here: Desks, ca: CertificateAuthority, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A connection that was admitted before the call, and is entered after it, is closed, too.

    Else a device whose CA was inactivated after its admission, and whose connection an operator
    then closes, would stay connected.
    """
    admitted, going_on, enter = asyncio.Event(), asyncio.Event(), LiveSessions.enter

    async def slowly(self: LiveSessions, session: LiveSession) -> None:
        admitted.set()
        await going_on.wait()
        await enter(self, session)

    monkeypatch.setattr(LiveSessions, "enter", slowly)
    device = house.device(ca.issue_device("meter-1"), "m")
    await asyncio.to_thread(device.client.connect, "127.0.0.1", house.port)
    device.client.loop_start()
    async with asyncio.timeout(5):
        await admitted.wait()
    await house.registry.cas.set_status(FIRST, ca.issued.view.sn, Status.INACTIVE)
    closing = asyncio.create_task(here.close(FIRST, "m"))
    await asyncio.wait([closing], timeout=0.05)
    going_on.set()
    assert await closing
    await eventually(lambda: len(house.door.sessions) == 0)
    await device.cut_off()
    await device.leave()


class TestTrouble:
    """What does not go well elsewhere."""

    async def test_a_question_that_fails_is_not_answered(
        self, house: House, elsewhere: Desks, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A fault there is a clear refusal here, in bounded time, and the desk goes on."""

        async def fail(_self: Desk, _question: dict[str, Any]) -> None:
            raise KeyError("no such thing")

        with monkeypatch.context() as patch:
            patch.setattr(Desk, "answer", fail)
            patch.setattr(desk_module, "_ANSWER_SECONDS", 0.3)
            with pytest.raises(RegistryUnavailable, match="does not answer"):
                await elsewhere.sessions()
        assert await elsewhere.sessions() == []

    async def test_a_registry_that_cannot_be_read_is_waited_for(
        self, house: House, elsewhere: Desks, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A desk that cannot read its mailbox tries again, and then answers what waited."""
        calls = []

        def broken() -> int:
            calls.append(1)
            raise RegistryUnavailable("disk on holiday")

        with monkeypatch.context() as patch:
            patch.setattr(house.registry.standing, "version", broken)
            asking = asyncio.create_task(elsewhere.sessions())
            await eventually(lambda: len(calls) > 2)
            assert not asking.done()
        assert await asking == []

    async def test_an_answer_that_cannot_be_given_is_given_later(
        self, house: House, elsewhere: Desks, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Where the question itself meets an unavailable registry it is answered once it can be."""
        real = Desk.answer
        tries = []

        async def sometimes(self: Desk, question: dict[str, Any]) -> Any:
            tries.append(question)
            if len(tries) == 1:
                raise RegistryUnavailable("not now")
            return await real(self, question)

        monkeypatch.setattr(Desk, "answer", sometimes)
        assert await elsewhere.sessions() == []
        assert len(tries) == 2

    async def test_nobody_to_ask(self, tmp_path: Path) -> None:
        """Without any broker nobody is connected, and nothing is left in the mailbox."""
        registry = await Registry.open(tmp_path / "registry.db")
        desks = Desks(registry, None)
        assert await desks.sessions() == []
        assert not await desks.close(FIRST, "m")
        assert await registry.mailbox.since(0) == []
        await registry.close()

    async def test_a_desk_that_never_opened(self, house: House) -> None:
        """Closing one that was not opened does nothing."""
        await OpenDesk(house.door.desk.desk, house.registry).close()
        assert await house.registry.mailbox.processes() == {house.door.desk.process}

    async def test_what_is_posted_is_taken_away(self, house: House, elsewhere: Desks) -> None:
        """A question leaves neither itself nor its answers behind."""
        await elsewhere.sessions()
        assert await house.registry.mailbox.since(0) == []

    async def test_unknown_questions_do_no_harm(self, house: House, elsewhere: Desks) -> None:
        """Whatever lies in the mailbox, the desk goes on."""
        for body in ("", "[]", json.dumps({"kind": "dance"}), json.dumps({"kind": "close"})):
            await house.registry.mailbox.post(body)
        with contextlib.suppress(RegistryUnavailable):
            await elsewhere.flush()
        assert await elsewhere.sessions() == []
