"""Two instances behind one port, and TLS sessions that are resumed at it."""

import asyncio
import contextlib
import ssl

import pytest

from broker.conftest import ACCEPTED, FIRST, SECOND, House, Knock, connect_packet, register
from certgate_certs.authority import CertificateAuthority
from certgate_certs.registry import Status

VERSIONS = pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])


class TestInstances:
    """Two instances behind one port."""

    async def test_name_chooses(self, house: House, ca: CertificateAuthority) -> None:
        """The first label of the server name is the instance; another name means the first one."""
        other = CertificateAuthority.create_root("Other")
        await register(house.registry, other, SECOND)
        mine, theirs = (house.context(item.issue_device("m")) for item in (ca, other))
        for context, name, expected in [
            (mine, f"{FIRST}.localhost", 0),
            (mine, f"{SECOND}.localhost", 5),
            (mine, "localhost", 0),
            (theirs, f"{SECOND}.localhost", 0),
            (theirs, "localhost", 5),
        ]:
            assert (await house.ask(context, connect_packet("m"), name))[3] == expected
        found = [record.instance_id for record in await house.records()]
        assert found == [FIRST, SECOND, FIRST, SECOND, FIRST]

    async def test_they_do_not_see_each_other(self, house: House, ca: CertificateAuthority) -> None:
        """One identifier is connected to both, and what one instance hears the other does not."""
        other = CertificateAuthority.create_root("Other")
        await register(house.registry, other, SECOND)
        device = house.device(ca.issue_device("m"), "m")
        assert (await device.connect())[0] == "Success"
        await device.subscribe("#", 0)
        context = house.context(other.issue_device("m"))
        publish = b"\x32\x09\x00\x01t\x00\x01else"
        answer = await house.ask(context, connect_packet("m") + publish, f"{SECOND}.localhost", 8)
        assert answer == ACCEPTED + b"\x40\x02\x00\x01"
        await device.publish("t", b"mine")
        assert await device.message() == b"mine"
        await device.leave()


class TestResumption:
    """TLS sessions that are resumed."""

    @staticmethod
    async def first(house: House, context: ssl.SSLContext, name: str) -> ssl.SSLSession:
        """Connect for the first time and give the TLS session."""

        def once() -> ssl.SSLSession | None:
            with contextlib.closing(Knock(house.port, context, name)) as knock:
                assert knock.ask(connect_packet("m")) == ACCEPTED
                return knock.tls.session

        session = await asyncio.to_thread(once)
        assert session is not None
        return session

    @staticmethod
    async def again(
        house: House, context: ssl.SSLContext, session: ssl.SSLSession, name: str
    ) -> bytes:
        """Connect with that session, which must be resumed, and give the answer."""

        def once() -> bytes:
            with contextlib.closing(Knock(house.port, context, name, session)) as knock:
                answer = knock.ask(connect_packet("m"))
                assert knock.tls.session_reused
                return answer

        return await asyncio.to_thread(once)

    @VERSIONS
    async def test_judged_anew(
        self, house: House, ca: CertificateAuthority, version: ssl.TLSVersion
    ) -> None:
        """A resumed session gets in for as long as its certificate would, and not longer."""
        issued = ca.issue_device("meter-1")
        context = house.context(issued, version)
        session = await self.first(house, context, "localhost")
        cas, sn = house.registry.cas, ca.issued.view.sn
        answers = [await self.again(house, context, session, "localhost")]
        await cas.set_status(FIRST, sn, Status.INACTIVE)
        answers.append(await self.again(house, context, session, "localhost"))
        await cas.delete(FIRST, sn)
        answers.append(await self.again(house, context, session, "localhost"))
        assert [answer[3] for answer in answers] == [0, 5, 5]
        found = [(record.resumed, record.reasons) for record in await house.records()]
        assert found == [
            (False, ()),
            (True, ()),
            (True, ("ca_inactive",)),
            (True, ("ca_not_registered",)),
        ]
        assert {record.device_sn for record in await house.records()} == {issued.view.sn}

    @VERSIONS
    async def test_of_the_second_instance(self, house: House, version: ssl.TLSVersion) -> None:
        """A resumed session belongs to the instance it was made for."""
        other = CertificateAuthority.create_root("Other")
        await register(house.registry, other, SECOND)
        context = house.context(other.issue_device("m"), version)
        name = f"{SECOND}.localhost"
        session = await self.first(house, context, name)
        assert await self.again(house, context, session, name) == ACCEPTED
        found = [(record.instance_id, record.resumed) for record in await house.records()]
        assert found == [(SECOND, False), (SECOND, True)]

    @VERSIONS
    @pytest.mark.parametrize(("mine", "asked"), [(FIRST, SECOND), (SECOND, FIRST)])
    async def test_under_the_name_of_another_instance(
        self, house: House, version: ssl.TLSVersion, mine: str, asked: str
    ) -> None:
        """A session made for one instance is not resumed at another, which judges for itself."""
        maker = CertificateAuthority.create_root("Maker of one")
        await register(house.registry, maker, mine)
        context = house.context(maker.issue_device("m"), version)
        session = await self.first(house, context, f"{mine}.localhost")

        def elsewhere() -> tuple[bytes, bool | None]:
            with contextlib.closing(
                Knock(house.port, context, f"{asked}.localhost", session)
            ) as knock:
                return knock.ask(connect_packet("m")), knock.tls.session_reused

        answer, resumed = await asyncio.to_thread(elsewhere)
        assert (answer[3], resumed) == (5, False)
        last = (await house.records())[-1]
        assert (last.instance_id, last.reasons) == (asked, ("ca_not_registered",))
