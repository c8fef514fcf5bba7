"""Each fault of the devices' door does over the wire what its name says."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from certgate_broker.limits import ConnectionLimits
from certgate_broker.policy import Policy, RefusalStyle
from certgate_certs.authority import CertificateAuthority
from e2e.faulty import Rig, faulty, gone, handshake

BRIEF = ConnectionLimits(handshake_seconds=0.6)
VERSIONS = pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])


@pytest.fixture
async def rig(tmp_path: Path) -> AsyncIterator[Rig]:
    """Run a lab that has little patience with handshakes."""
    async with faulty(tmp_path, limits=BRIEF) as running:
        yield running


@pytest.fixture
async def ca(rig: Rig) -> CertificateAuthority:
    """Give a registered CA."""
    return await rig.new_ca()


class TestConnectRefuse:
    """``connect-refuse``."""

    async def test_the_next_two(self, rig: Rig, ca: CertificateAuthority) -> None:
        """Two connections are refused for `fault_injected`, the third is admitted."""
        tls = rig.tls(ca.issue_device("lamp"))
        await rig.lab.faults.set("connect-refuse", next=2)
        assert [await rig.knock(tls) for _ in range(3)] == [5, 5, 0]
        records = await rig.records()
        assert [record.reasons for record in records] == [("fault_injected",)] * 2 + [()]
        assert records[0].detail == "fault injected: connect-refuse"
        assert records[0].subject == "CN=lamp"
        assert await rig.struck() == {"connect-refuse": (3, 2)}

    async def test_same_seed_same_draws(self, rig: Rig, ca: CertificateAuthority) -> None:
        """Half of them by one seed are the same half at every run, and another by another."""
        tls = rig.tls(ca.issue_device("lamp"))
        runs = []
        for seed in (3, 3, 4):
            await rig.lab.faults.set("connect-refuse", percent=50, seed=seed)
            runs.append([await rig.knock(tls) for _ in range(12)])
            assert await rig.struck() == {"connect-refuse": (12, runs[-1].count(5))}
        assert runs[0] == runs[1] != runs[2]
        assert {0, 5} == {*runs[0]}

    async def test_chosen_devices(self, rig: Rig, ca: CertificateAuthority) -> None:
        """Devices are chosen by common name, serial number or client identifier."""
        issued = [ca.issue_device(name) for name in ("by-name", "x", "y", "z")]
        contexts = [rig.tls(each) for each in issued]
        serial = issued[1].view.sn.upper()
        chosen = ["by-name", f"00:{serial[:2]}:{serial[2:]}", "by-client-id"]
        await rig.lab.faults.set("connect-refuse", devices=chosen)
        client_ids = ["a", "b", "by-client-id", "d"]
        codes = [await rig.knock(*pair) for pair in zip(contexts, client_ids, strict=True)]
        assert codes == [5, 5, 5, 0]
        assert await rig.struck() == {"connect-refuse": (3, 3)}

    @pytest.mark.parametrize(("style", "code"), [("connack-4", 4), ("close", None)])
    async def test_chosen_style(self, tmp_path: Path, style: str, code: int | None) -> None:
        """It looks as other refusals do."""
        async with faulty(tmp_path, policy=Policy(refusal=RefusalStyle(style))) as rig:
            tls = rig.tls((await rig.new_ca()).issue_device("lamp"))
            await rig.lab.faults.set("connect-refuse")
            assert await rig.knock(tls) == code
            assert (await rig.last()).reasons == ("fault_injected",)


class TestHandshakeStall:
    """``handshake-stall``."""

    async def test_at_accept(self, rig: Rig, ca: CertificateAuthority) -> None:
        """A client hears nothing at all; the next one is served."""
        tls = rig.tls(ca.issue_device("lamp"))
        await rig.lab.faults.set("handshake-stall", next=1)
        first = asyncio.to_thread(handshake, tls, rig.port, 0.3)
        assert await first == "silence in the handshake"
        assert await rig.knock(tls) == 0
        record = (await rig.records())[0]
        assert (record.reasons, record.tls_version) == (("fault_injected",), "")

    async def test_hangs_up_in_the_end(self, rig: Rig, ca: CertificateAuthority) -> None:
        """A patient client is left after the time that a handshake may take."""
        tls = rig.tls(ca.issue_device("lamp"))
        await rig.lab.faults.set("handshake-stall")
        with pytest.raises((ssl.SSLEOFError, ConnectionResetError)):
            await asyncio.to_thread(handshake, tls, rig.port, 5)
        assert (await rig.last()).detail == "fault injected: handshake-stall"

    @VERSIONS
    async def test_chosen_device(
        self, rig: Rig, ca: CertificateAuthority, version: ssl.TLSVersion
    ) -> None:
        """From its certificate on a chosen device hears nothing; others are served.

        A TLS 1.2 client waits for the end of the handshake; a TLS 1.3 client has seen the server's
        last flight before it sends its certificate, so it waits for CONNACK.
        """
        chosen = rig.tls(ca.issue_device("chosen"), version)
        await rig.lab.faults.set("handshake-stall", devices="chosen")
        where = {ssl.TLSVersion.TLSv1_2: "in the", ssl.TLSVersion.TLSv1_3: "after the"}[version]
        seen = await asyncio.to_thread(handshake, chosen, rig.port, 0.3)
        assert seen == f"silence {where} handshake"
        assert await rig.knock(rig.tls(ca.issue_device("lamp"), version)) == 0
        records = {record.subject: record.reasons for record in await rig.records()}
        assert records == {"CN=chosen": ("fault_injected",), "CN=lamp": ()}
        assert await rig.struck() == {"handshake-stall": (1, 1)}

    @VERSIONS
    async def test_chosen_and_spared(
        self, rig: Rig, ca: CertificateAuthority, version: ssl.TLSVersion
    ) -> None:
        """A chosen device that the draw spares is served as if nothing had been held back."""
        tls = rig.tls(ca.issue_device("chosen"), version)
        await rig.lab.faults.set("handshake-stall", devices="chosen", next=1)
        await asyncio.to_thread(handshake, tls, rig.port, 0.3)
        assert await asyncio.to_thread(handshake, tls, rig.port, 5) == "CONNACK"

    async def test_chosen_by_client_identifier(self, rig: Rig, ca: CertificateAuthority) -> None:
        """One that is known by its client identifier only is stalled when it has said it."""
        tls = rig.tls(ca.issue_device("nameless"))
        await rig.lab.faults.set("handshake-stall", devices="lamp")
        seen = await asyncio.to_thread(handshake, tls, rig.port, 0.3)
        assert seen == "silence after the handshake"
        assert await rig.knock(tls, "other") == 0

    async def test_alert_style(self, tmp_path: Path) -> None:
        """Where chains are judged in the handshake, a chosen device is stalled there as well."""
        policy = Policy(refusal=RefusalStyle.ALERT)
        async with faulty(tmp_path, limits=BRIEF, policy=policy) as rig:
            chosen = rig.tls((await rig.new_ca()).issue_device("chosen"), ssl.TLSVersion.TLSv1_2)
            stranger = CertificateAuthority.create_root("stranger").issue_device("chosen")
            await rig.lab.faults.set("handshake-stall", devices="chosen")
            seen = await asyncio.to_thread(handshake, chosen, rig.port, 0.3)
            assert seen == "silence in the handshake"
            tls = rig.tls(stranger, ssl.TLSVersion.TLSv1_2)
            with pytest.raises(ssl.SSLError, match="unknown ca"):
                await asyncio.to_thread(handshake, tls, rig.port, 5)


class TestConnackCut:
    """``connack-cut``."""

    async def test_accepted_and_cut(self, rig: Rig, ca: CertificateAuthority) -> None:
        """The client is told that it is accepted, and is cut off; the record says both."""
        tls = rig.tls(ca.issue_device("lamp"))
        await rig.lab.faults.set("connack-cut", next=1)
        client = await rig.paho(tls)
        assert client.accepted
        await gone(client)
        record = await rig.last()
        assert (record.accepted, record.detail) == (True, "fault injected: connack-cut")
        again = await rig.paho(tls)
        await asyncio.to_thread(again.subscribe, "a/b")
        assert not again.dropped.is_set()
        assert (await rig.last()).detail == ""
        await asyncio.to_thread(again.leave)
        assert await rig.struck() == {"connack-cut": (2, 1)}

    async def test_who_is_refused_anyway(self, rig: Rig) -> None:
        """A refused connection is not counted: there is nothing to cut."""
        stranger = CertificateAuthority.create_root("stranger").issue_device("lamp")
        await rig.lab.faults.set("connack-cut")
        assert await rig.knock(rig.tls(stranger)) == 5
        assert (await rig.last()).detail == ""
        assert await rig.struck() == {"connack-cut": (0, 0)}


class TestRegistryUnavailable:
    """``registry-unavailable``."""

    async def test_until_it_is_cleared(self, rig: Rig, ca: CertificateAuthority) -> None:
        """Calls fail as they would, devices are refused; afterwards both go on."""
        tls = rig.tls(ca.issue_device("lamp"))
        await rig.lab.faults.set("registry-unavailable")
        refusal = await rig.sdk.refusal("ListInstances")
        assert (refusal.code, refusal.data["statusCode"]) == ("InternalError", 500)
        assert await rig.knock(tls) == 3
        record = await rig.last()
        assert record.reasons == ("registry_unavailable",)
        assert record.detail == "fault injected: registry-unavailable"
        assert await rig.struck() == {"registry-unavailable": (2, 2)}
        await rig.lab.faults.clear("registry-unavailable")
        await rig.sdk.call("ListInstances")
        assert await rig.knock(tls) == 0

    async def test_the_next_one(self, rig: Rig, ca: CertificateAuthority) -> None:
        """Calls and devices draw from the same count."""
        tls = rig.tls(ca.issue_device("lamp"))
        await rig.lab.faults.set("registry-unavailable", next=1)
        assert await rig.knock(tls) == 3
        await rig.sdk.call("ListInstances")
        assert await rig.knock(tls) == 0


async def test_several_at_once(rig: Rig, ca: CertificateAuthority) -> None:
    """Faults for other devices do not disturb each other; set again, one replaces the earlier."""
    contexts = {name: rig.tls(ca.issue_device(name)) for name in ("a", "b")}
    await rig.lab.faults.set("connect-refuse", devices="a")
    await rig.lab.faults.set("connect-refuse", devices="b", next=5)
    await rig.lab.faults.set("connect-refuse", devices="b", next=1)
    assert [await rig.knock(contexts["b"], "b") for _ in range(2)] == [5, 0]
    assert [await rig.knock(contexts["a"], "a") for _ in range(2)] == [5, 5]
    assert len(await rig.lab.faults.list()) == 2
    await rig.lab.faults.clear()
    assert [await rig.knock(tls, name) for name, tls in contexts.items()] == [0, 0]
