"""Withdrawals that take effect later: new connections and open ones, by the lab's clock."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from certgate_broker.policy import LiveSessionRule, Policy
from certgate_certs.authority import CertificateAuthority
from e2e.faulty import Rig, faulty, gone
from e2e.support import INSTANCE, PATIENCE

MINUTE = 60_000
OPERATIONS = pytest.mark.parametrize(
    "operation", ["InactivateCaCertificate", "DeleteCaCertificate"]
)
REASON = {"InactivateCaCertificate": "ca_inactive", "DeleteCaCertificate": "ca_not_registered"}


@pytest.fixture
async def rig(tmp_path: Path) -> AsyncIterator[Rig]:
    """Run a lab that closes connections whose right is withdrawn."""
    policy = Policy(live_sessions=LiveSessionRule.CLOSE)
    async with faulty(tmp_path, policy=policy) as running:
        yield running


@pytest.fixture
async def ca(rig: Rig) -> CertificateAuthority:
    """Give a registered CA."""
    return await rig.new_ca()


def ca_of(ca: CertificateAuthority) -> dict[str, str]:
    """Name a CA as its operations do."""
    return {"MqttInstanceId": INSTANCE, "Sn": ca.issued.view.sn}


def device_of(ca: CertificateAuthority, sn: str) -> dict[str, str]:
    """Name a device as its operations do."""
    return {"MqttInstanceId": INSTANCE, "CaSn": ca.issued.view.sn, "DeviceSn": sn}


async def listed(rig: Rig) -> list[str]:
    """List the device certificates' names."""
    page = {"MqttInstanceId": INSTANCE, "PageNo": "1", "PageSize": "100"}
    answer = await rig.sdk.call("ListDeviceCertificate", **page)
    return sorted(item["DeviceName"] for item in answer["Data"]["DeviceCertificateVOS"])


@OPERATIONS
async def test_old_and_new_devices(rig: Rig, ca: CertificateAuthority, operation: str) -> None:
    """For a minute both are admitted as before; who was inactive is not; then nobody is."""
    old, new, inactive = (rig.tls(ca.issue_device(name)) for name in ("old", "new", "later"))
    bad = ca.issue_device("bad")
    refused = rig.tls(bad)
    assert await rig.knock(old, "old") == await rig.knock(refused, "bad") == 0
    await rig.sdk.call("InactivateDeviceCertificate", **device_of(ca, bad.view.sn))
    await rig.lab.faults.set("revocation-delay", preset="vernemq-crl")
    await rig.sdk.call(operation, **ca_of(ca))
    assert await rig.struck() == {"revocation-delay": (1, 1)}
    for _ in range(2):
        assert await rig.knock(old, "old") == 0
        assert await rig.knock(new, "new") == 0
        assert await rig.knock(refused, "bad") == 5
    assert (await rig.last()).reasons == ("device_inactive",)
    await rig.lab.clock.advance(MINUTE - 10_000)
    assert await rig.knock(old, "old") == 0
    await rig.lab.clock.advance(10_000)
    assert [await rig.knock(tls, "x") for tls in (old, new, inactive)] == [5] * 3
    assert {record.reasons for record in (await rig.records())[-3:]} == {(REASON[operation],)}


async def test_the_api_knows_at_once(rig: Rig, ca: CertificateAuthority) -> None:
    """A deleted CA is listed no more, nor is any device of it, whoever connects meanwhile."""
    old, new = (rig.tls(ca.issue_device(name)) for name in ("old", "new"))
    assert await rig.knock(old, "old") == 0
    assert await listed(rig) == ["old"]
    await rig.lab.faults.set("revocation-delay", seconds=60)
    await rig.sdk.call("DeleteCaCertificate", **ca_of(ca))
    assert await rig.knock(new, "new") == await rig.knock(old, "another") == 0
    assert await listed(rig) == []
    assert (await rig.sdk.refusal("GetCaCertificate", **ca_of(ca))).code == "FindCaBySnError"


@OPERATIONS
async def test_identifiers_stay_with_their_owners(
    rig: Rig, ca: CertificateAuthority, operation: str
) -> None:
    """While a withdrawal is not seen, nobody gets the client identifier of another device."""
    old, new, thief = (rig.tls(ca.issue_device(name)) for name in ("old", "new", "thief"))
    assert await rig.knock(old, "old") == 0
    await rig.lab.faults.set("revocation-delay", seconds=60)
    await rig.sdk.call(operation, **ca_of(ca))
    assert await rig.knock(new, "new") == 0
    for client_id in ("old", "new"):
        assert await rig.knock(thief, client_id) == 5
        assert (await rig.last()).reasons == ("client_identifier_bound_elsewhere",)
    assert await rig.knock(thief, "thief") == 0


@OPERATIONS
async def test_a_newer_certificate_takes_over(
    rig: Rig, ca: CertificateAuthority, operation: str
) -> None:
    """A device that changes its certificate meanwhile keeps its identifier, and the old owner not.

    That is what the brokers would have done before the call.
    """
    first, second = (rig.tls(ca.issue_device("lamp")) for _ in range(2))
    thief = rig.tls(ca.issue_device("thief"))
    assert await rig.knock(first, "lamp") == 0
    await rig.lab.faults.set("revocation-delay", seconds=60)
    await rig.sdk.call(operation, **ca_of(ca))
    for _ in range(2):
        assert await rig.knock(second, "lamp") == 0
    assert [await rig.knock(tls, "lamp") for tls in (first, thief)] == [5, 5]


@pytest.mark.parametrize("operation", ["InactivateDeviceCertificate", "DeleteDeviceCertificate"])
async def test_one_device(rig: Rig, ca: CertificateAuthority, operation: str) -> None:
    """A withdrawn device goes on as before, under new identifiers too; then it is judged anew."""
    issued = ca.issue_device("lamp")
    tls, thief = rig.tls(issued), rig.tls(ca.issue_device("thief"))
    assert await rig.knock(tls, "lamp") == 0
    await rig.lab.faults.set("revocation-delay", seconds=60)
    await rig.sdk.call(operation, **device_of(ca, issued.view.sn))
    assert [await rig.knock(tls, name) for name in ("lamp", "second", "lamp")] == [0, 0, 0]
    assert [await rig.knock(thief, name) for name in ("lamp", "second")] == [5, 5]
    gone_at_once = operation == "DeleteDeviceCertificate"
    assert await listed(rig) == ([] if gone_at_once else ["lamp"])
    await rig.lab.clock.advance(MINUTE)
    assert await rig.knock(tls, "lamp") == (0 if gone_at_once else 5)
    assert await listed(rig) == ["lamp"]


async def test_activation_ends_it(rig: Rig, ca: CertificateAuthority) -> None:
    """A CA or device that is activated again stays so when the delay would have ended."""
    issued = ca.issue_device("lamp")
    tls = rig.tls(issued)
    assert await rig.knock(tls) == 0
    await rig.lab.faults.set("revocation-delay", seconds=60)
    await rig.sdk.call("InactivateCaCertificate", **ca_of(ca))
    await rig.sdk.call("InactivateDeviceCertificate", **device_of(ca, issued.view.sn))
    await rig.sdk.call("ActiveCaCertificate", **ca_of(ca))
    await rig.sdk.call("ActiveDeviceCertificate", **device_of(ca, issued.view.sn))
    await rig.lab.clock.advance(MINUTE)
    assert await rig.knock(tls) == 0


async def test_one_after_the_other(rig: Rig, ca: CertificateAuthority) -> None:
    """Each withdrawal is seen when its own time has come, in their order."""
    issued = ca.issue_device("lamp")
    tls, other = rig.tls(issued), rig.tls(ca.issue_device("other"))
    assert await rig.knock(tls) == await rig.knock(other, "other") == 0
    await rig.lab.faults.set("revocation-delay", seconds=60)
    await rig.sdk.call("InactivateDeviceCertificate", **device_of(ca, issued.view.sn))
    await rig.lab.clock.advance(MINUTE // 2)
    await rig.sdk.call("DeleteCaCertificate", **ca_of(ca))
    assert await rig.knock(tls) == 0
    await rig.lab.clock.advance(MINUTE // 2)
    assert await rig.knock(tls) == 5
    assert (await rig.last()).reasons == ("device_inactive",)
    assert await rig.knock(other, "other") == 0
    await rig.lab.clock.advance(MINUTE // 2)
    assert await rig.knock(other, "other") == 5


async def test_what_there_is_not(rig: Rig, ca: CertificateAuthority) -> None:
    """A withdrawal that the API refuses delays nothing, and is not counted."""
    await rig.lab.faults.set("revocation-delay", seconds=60)
    refusal = await rig.sdk.refusal("DeleteCaCertificate", MqttInstanceId=INSTANCE, Sn="01")
    assert refusal.code == "FindCaBySnError"
    refusal = await rig.sdk.refusal("InactivateDeviceCertificate", **device_of(ca, "01"))
    assert refusal.code == "FindDeviceBySnError"
    assert await rig.struck() == {"revocation-delay": (0, 0)}


async def test_a_shorter_delay(rig: Rig, ca: CertificateAuthority) -> None:
    """What is withdrawn under a shorter delay is not seen before what was withdrawn earlier."""
    tls = rig.tls(ca.issue_device("lamp"))
    await rig.lab.faults.set("revocation-delay", seconds=60)
    await rig.sdk.call("InactivateCaCertificate", **ca_of(ca))
    await rig.lab.faults.set("revocation-delay", seconds=5)
    await rig.sdk.call("DeleteCaCertificate", **ca_of(ca))
    assert await rig.knock(tls) == 0
    await rig.lab.clock.advance(5_000)
    assert await rig.knock(tls) == 5


async def test_clearing_ends_it(rig: Rig, ca: CertificateAuthority) -> None:
    """When the fault is cleared, withdrawals that wait are seen at once, and not again later."""
    tls = rig.tls(ca.issue_device("lamp"))
    client = await rig.paho(tls)
    await rig.lab.faults.set("revocation-delay", seconds=60)
    await rig.sdk.call("InactivateCaCertificate", **ca_of(ca))
    await rig.lab.faults.clear()
    await gone(client)
    assert await rig.knock(tls) == 5
    await rig.lab.faults.set("revocation-delay", seconds=60)
    assert await rig.knock(tls) == 5


async def test_registered_again(rig: Rig, ca: CertificateAuthority) -> None:
    """A CA that is deleted and registered anew is seen as it is: its devices are registered."""
    tls = rig.tls(ca.issue_device("lamp"))
    assert await rig.knock(tls) == 0
    await rig.lab.faults.set("revocation-delay", seconds=60)
    await rig.sdk.call("DeleteCaCertificate", **ca_of(ca))
    await rig.register(ca)
    assert await rig.knock(tls) == 0
    assert await listed(rig) == ["lamp"]


class TestOpenConnections:
    """Connections that are open when their right is withdrawn."""

    @OPERATIONS
    async def test_closed_when_the_delay_ends(
        self, rig: Rig, ca: CertificateAuthority, operation: str
    ) -> None:
        """They stay for as long as new ones are admitted, then they are closed."""
        clients = [await rig.paho(rig.tls(ca.issue_device("a")), "a")]
        await rig.lab.faults.set("revocation-delay", preset="rabbitmq-trust-store")
        began = rig.lab.now()
        await rig.sdk.call(operation, **ca_of(ca))
        clients.append(await rig.paho(rig.tls(ca.issue_device("b")), "b"))
        for client in clients:
            await asyncio.to_thread(client.subscribe, "x")
        await rig.lab.clock.advance(30_000)
        for client in clients:
            await gone(client)
        assert [at - began >= 30_000 for at in await closings(rig)] == [True, True]

    async def test_after_seconds(self, rig: Rig, ca: CertificateAuthority) -> None:
        """With ``closed=after`` they are closed that much later, by the lab's clock."""
        client = await rig.paho(rig.tls(ca.issue_device("lamp")))
        await rig.lab.faults.set("live-sessions", closed="after", seconds=300)
        began = rig.lab.now()
        await rig.sdk.call("InactivateCaCertificate", **ca_of(ca))
        await counted(rig, 1)
        await rig.lab.clock.advance(300_000)
        await gone(client)
        assert [at - began >= 300_000 for at in await closings(rig)] == [True]

    async def test_right_given_back(self, rig: Rig, ca: CertificateAuthority) -> None:
        """One whose CA is activated in time stays when others are closed."""
        other = await rig.new_ca("other")
        client = await rig.paho(rig.tls(ca.issue_device("lamp")))
        bystander = await rig.paho(rig.tls(other.issue_device("b")), "b")
        await rig.lab.faults.set("live-sessions", closed="after", seconds=300)
        for each in (ca, other):
            await rig.sdk.call("InactivateCaCertificate", **ca_of(each))
        await counted(rig, 2)
        await rig.sdk.call("ActiveCaCertificate", **ca_of(ca))
        await rig.lab.clock.advance(300_000)
        await gone(bystander)
        await asyncio.to_thread(client.subscribe, "x")
        await asyncio.to_thread(client.leave)
        assert len(await closings(rig)) == 1

    async def test_never(self, rig: Rig, ca: CertificateAuthority) -> None:
        """With ``closed=never`` they stay though the lab was told to close them."""
        client = await rig.paho(rig.tls(ca.issue_device("lamp")))
        await rig.lab.faults.set("live-sessions", closed="never")
        await rig.sdk.call("InactivateCaCertificate", **ca_of(ca))
        await counted(rig, 1)
        await rig.lab.clock.advance(86_400_000)
        await asyncio.to_thread(client.subscribe, "x")
        assert await closings(rig) == []
        await rig.lab.faults.clear()
        await gone(client)

    async def test_at_once(self, tmp_path: Path) -> None:
        """With ``closed=at-once`` they are closed though the lab was told to keep them."""
        async with faulty(tmp_path) as rig:
            ca = await rig.new_ca()
            client = await rig.paho(rig.tls(ca.issue_device("lamp")))
            await rig.lab.faults.set("live-sessions", closed="at-once")
            await rig.sdk.call("InactivateCaCertificate", **ca_of(ca))
            await gone(client)
            await counted(rig, 1)


async def closings(rig: Rig) -> list[int]:
    """Give the times of the closings that are recorded."""
    await rig.lab.desks.flush()
    return [closing.at for _, closing in await rig.lab.registry.closings.since(0, 100)]


async def counted(rig: Rig, times: int) -> None:
    """Wait until ``live-sessions`` has dealt with so many connections."""
    async with asyncio.timeout(PATIENCE):
        while await rig.struck() != {"live-sessions": (times, times)}:  # noqa: ASYNC110
            await asyncio.sleep(0.005)  # The brokers tell nobody when they have looked.
