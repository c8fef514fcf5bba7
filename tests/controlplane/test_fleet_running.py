"""A fleet in the event loop of the lab it connects to."""

import asyncio
import contextlib
import io
import json
import os
import re
import signal
import threading
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from certgate_broker.policy import MqttAuth, Policy, RefusalStyle
from certgate_certs.authority import CertificateAuthority
from certgate_controlplane.client import ApiClient, CallError
from certgate_controlplane.fleet import Behaviour, DeviceIdentity, Fleet
from certgate_controlplane.fleet.link import Link
from certgate_controlplane.fleet.show import Show
from certgate_controlplane.lab import LabServer
from certgate_controlplane.runbook import Runbook
from certgate_controlplane.settings import LabError, Settings, Side

CALM = Behaviour(drop_seconds=0, publish_seconds=0, start_seconds=0)
RESTLESS = Behaviour(
    publish_seconds=0.1,
    drop_seconds=0.3,
    start_seconds=0.1,
    back_off_min=0.05,
    back_off_max=0.2,
    steady_seconds=0.1,
)
INSTANCES = ("post-cn-one", "post-cn-two")


def settings(folder: Path, **changes: Any) -> Settings:
    """Give the settings of a lab on free ports."""
    given: dict[str, Any] = {"api_port": 0, "mqtts_port": 0, "instance_ids": INSTANCES}
    return Settings(state_dir=folder / "state", **(given | changes))


@pytest.fixture(scope="module")
def ca() -> CertificateAuthority:
    """Give the devices' CA."""
    return CertificateAuthority.create_root("maker")


@pytest.fixture
async def lab(tmp_path: Path) -> AsyncIterator[LabServer]:
    """Run a lab in this loop."""
    async with LabServer(settings(tmp_path)) as running:
        yield running


async def register(
    lab: LabServer, ca: CertificateAuthority, instance_id: str = INSTANCES[0]
) -> None:
    """Register a CA as its maker does."""
    book = Runbook(ApiClient(str(lab.address.api_url)), instance_id)
    code = await asyncio.to_thread(book.registration_code)
    proof = ca.issue_verification(code).pem
    await asyncio.to_thread(book.register, "maker", ca.pem, proof)


def devices(ca: CertificateAuthority, number: int) -> list[DeviceIdentity]:
    """Make devices; an identifier may hold what a topic name may not."""
    return [DeviceIdentity.issue(f"lamp/#+ {n}", ca) for n in range(number)]


async def test_devices_live_as_firmware_does(lab: LabServer, ca: CertificateAuthority) -> None:
    """They connect, publish, drop, and come back on resumed sessions; then everybody leaves."""
    await register(lab, ca)
    async with Fleet(lab.address, devices(ca, 4), RESTLESS) as fleet:
        counts = await fleet.wait_until(
            lambda c: c.admitted_resumed >= 8 and c.published >= 8 and c.received >= 8
        )
        assert counts.admitted_full == 4
        assert counts.reconnects == counts.admitted_resumed
        assert counts.dropped >= 8
        assert (counts.lost, counts.refused, counts.kept_out) == (0, {}, {})
        assert counts.connected + counts.connecting + counts.waiting == counts.devices == 4
        assert 0 < counts.latency.median <= counts.latency.p95 <= counts.latency.maximum
    records = [item for _, item in await lab.registry.decisions.since(0, 1000)]
    resumed = sum(item.resumed for item in records)
    assert resumed == fleet.counts().admitted_resumed
    assert len(records) == fleet.counts().admitted


async def test_without_resumption_every_handshake_is_full(
    lab: LabServer, ca: CertificateAuthority
) -> None:
    """The lab sees no resumed session either."""
    await register(lab, ca)
    behaviour = replace(RESTLESS, resumption=False)
    async with Fleet(lab.address, devices(ca, 3), behaviour) as fleet:
        counts = await fleet.wait_until(lambda c: c.reconnects >= 6)
        assert counts.admitted_resumed == 0
    records = await lab.registry.decisions.since(0, 1000)
    assert not any(item.resumed for _, item in records)


@pytest.mark.parametrize("style", list(RefusalStyle))
async def test_every_refusal_is_explained(
    tmp_path: Path, ca: CertificateAuthority, style: RefusalStyle
) -> None:
    """Whatever the device gets to see, the lab's reason counts; in back-off it tries again."""
    policy = Policy(refusal=style)
    async with (
        LabServer(settings(tmp_path, policy=policy)) as lab,
        Fleet(lab.address, devices(ca, 3), RESTLESS) as fleet,
    ):
        counts = await fleet.wait_until(lambda c: c.refused.get("ca_not_registered", 0) >= 9)
        assert counts.kept_out == {"ca_not_registered": 3}
        assert (counts.admitted, counts.lost, counts.connected) == (0, 0, 0)
    assert set(fleet.counts().refused) == {"ca_not_registered"}


async def test_a_lab_that_ends_and_comes_back(tmp_path: Path, ca: CertificateAuthority) -> None:
    """Its devices are lost, find nobody, and are admitted again by the next lab on the port."""
    async with contextlib.AsyncExitStack() as stack:
        async with LabServer(settings(tmp_path)) as lab:
            await register(lab, ca)
            address = lab.address
            behaviour = replace(CALM, back_off_min=0.05, back_off_max=0.2)
            fleet = await stack.enter_async_context(Fleet(address, devices(ca, 3), behaviour))
            await fleet.wait_until(lambda c: c.connected == 3)
        counts = await fleet.wait_until(lambda c: c.kept_out.get("unreachable") == 3)
        assert (counts.lost, counts.connected) == (3, 0)
        port = int(str(address.api_url).rpartition(":")[2])
        again = settings(tmp_path, mqtts_port=address.mqtts_port, api_port=port)
        async with LabServer(again):
            counts = await fleet.wait_until(lambda c: c.connected == 3)
            assert (counts.reconnects, counts.kept_out) == (3, {})
            await fleet.stop()


async def test_the_instance_is_chosen_by_name(lab: LabServer, ca: CertificateAuthority) -> None:
    """A CA of the second instance admits a fleet there, and not in the default one."""
    await register(lab, ca, INSTANCES[1])
    async with Fleet(lab.address, devices(ca, 2), CALM, INSTANCES[1]) as fleet:
        await fleet.wait_until(lambda c: c.connected == 2)
    async with Fleet(lab.address, devices(ca, 2), CALM) as fleet:
        await fleet.wait_until(lambda c: c.kept_out == {"ca_not_registered": 2})


async def test_devices_can_sign(tmp_path: Path, ca: CertificateAuthority) -> None:
    """Where the broker asks for a signature beside the certificate, those who sign are admitted."""
    keys = tmp_path / "keys.json"
    entry = {"access_key_id": "key", "access_key_secret": "dummy", "account_id": "1234567890123456"}
    keys.write_text(json.dumps({"access_keys": [entry]}))
    policy = Policy(mqtt_auth=MqttAuth.CERTIFICATE_AND_SIGNATURE)
    unsigned, signing = devices(ca, 2)
    pair = [unsigned, signing.signed("key", "dummy", INSTANCES[0])]
    async with LabServer(settings(tmp_path, policy=policy, credentials=keys)) as lab:
        book = Runbook(ApiClient(str(lab.address.api_url), "key", "dummy"), INSTANCES[0])
        code = await asyncio.to_thread(book.registration_code)
        proof = ca.issue_verification(code).pem
        await asyncio.to_thread(book.register, "maker", ca.pem, proof)
        async with Fleet(lab.address, pair, CALM) as fleet:
            await fleet.wait_until(
                lambda c: c.connected == 1 and c.kept_out == {"signature_invalid": 1}
            )


async def test_nothing_is_left(lab: LabServer, ca: CertificateAuthority) -> None:
    """No thread, no task, no file, no session: wherever the devices were when it was stopped."""
    await register(lab, ca)
    tasks, threads = len(asyncio.all_tasks()), threading.active_count()
    files = len(os.listdir("/proc/self/fd"))  # noqa: PTH208  counted only
    for _ in range(3):
        async with Fleet(lab.address, devices(ca, 20), RESTLESS) as fleet:
            await fleet.wait_until(lambda c: c.admitted > 5)
        async with asyncio.timeout(10):
            while await lab.desks.sessions():  # noqa: ASYNC110  nobody tells
                await asyncio.sleep(0.01)
            while len(asyncio.all_tasks()) > tasks:  # noqa: ASYNC110  nobody tells
                await asyncio.sleep(0.01)
    assert threading.active_count() == threads
    assert len(os.listdir("/proc/self/fd")) <= files  # noqa: PTH208  counted only
    counts = fleet.counts()
    assert (counts.connected, counts.connecting, counts.waiting) == (0, 0, 20)


async def test_what_waits_in_vain_says_so(lab: LabServer, ca: CertificateAuthority) -> None:
    """The error has the counts."""
    async with Fleet(lab.address, devices(ca, 1), CALM) as fleet:
        with pytest.raises(TimeoutError, match=r"waited 0\.1 s in vain: connected 0 of 1"):
            await fleet.wait_until(lambda c: c.connected == 1, 0.1)


async def test_a_fault_of_a_device_is_not_hidden(
    lab: LabServer, ca: CertificateAuthority, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever waits is told, and so is who stops the fleet; the others are switched off."""

    async def fail(_: Link) -> None:
        raise RuntimeError("a fault")

    monkeypatch.setattr(Link, "open", fail)
    fleet = Fleet(lab.address, devices(ca, 2), CALM)
    await fleet.start()
    with pytest.raises(RuntimeError, match="a fault"):
        await fleet.wait_until(lambda c: c.connected == 2)
    with pytest.raises(RuntimeError, match="a fault"):
        await fleet.stop()


def test_who_cannot_be_a_fleet(ca: CertificateAuthority) -> None:
    """Nobody, or two devices of one name."""
    address: Any = None
    with pytest.raises(ValueError, match="at least one"):
        Fleet(address, [])
    with pytest.raises(ValueError, match="2 devices share the client identifier 'lamp/#\\+ 0'"):
        Fleet(address, devices(ca, 1) * 2)


async def test_a_lab_without_a_broker(tmp_path: Path, ca: CertificateAuthority) -> None:
    """It is refused with a sentence."""
    async with LabServer(settings(tmp_path, side=Side.API)) as lab:
        with pytest.raises(LabError, match="has no broker"):
            await Fleet(lab.address, devices(ca, 1)).start()


async def test_a_lab_without_the_instance(lab: LabServer, ca: CertificateAuthority) -> None:
    """The sentence says which there are."""
    with pytest.raises(LabError, match="no instance 'another': post-cn-one, post-cn-two"):
        await Fleet(lab.address, devices(ca, 1), instance_id="another").start()


async def test_a_ca_file_that_is_not_there(lab: LabServer, ca: CertificateAuthority) -> None:
    """The sentence names the file."""
    address = replace(lab.address, server_ca_file="/nowhere")
    with pytest.raises(LabError, match="/nowhere cannot be read: No such file"):
        await Fleet(address, devices(ca, 1)).start()


async def test_a_key_that_is_not_the_certificates(lab: LabServer, ca: CertificateAuthority) -> None:
    """The sentence names the device, no thread stays."""
    one, other = devices(ca, 2)
    threads = threading.active_count()
    with pytest.raises(LabError, match="lamp/#\\+ 0 cannot use its key"):
        await Fleet(lab.address, [replace(one, key_pem=other.key_pem)]).start()
    assert threading.active_count() == threads


async def test_an_api_that_does_not_answer(lab: LabServer, ca: CertificateAuthority) -> None:
    """A fleet that could explain nothing does not start, and no thread stays."""
    threads = threading.active_count()
    address = replace(lab.address, api_url="http://127.0.0.1:1")
    with pytest.raises(CallError):
        await Fleet(address, devices(ca, 1)).start()
    assert threading.active_count() == threads


async def test_a_broker_without_an_api_will_do(lab: LabServer, ca: CertificateAuthority) -> None:
    """Its refusals stay unexplained."""
    address = replace(lab.address, api_url=None)
    async with Fleet(address, devices(ca, 1), CALM) as fleet:
        await fleet.wait_until(lambda c: c.kept_out == {"unexplained": 1})


def test_identities_come_from_files_as_well(tmp_path: Path, ca: CertificateAuthority) -> None:
    """As they come from a CA; their secrets are not shown."""
    (issued,) = devices(ca, 1)
    (tmp_path / "chain").write_text(issued.chain_pem)
    (tmp_path / "key").write_text(issued.key_pem)
    read = DeviceIdentity.from_files(issued.client_id, tmp_path / "chain", tmp_path / "key")
    assert read == issued
    assert "PRIVATE" not in repr(read.signed("key", "dummy", "instance"))


class Audience:
    """Watches a fleet.

    Args:
        terminal: whether at a terminal.
    """

    def __init__(self, *, terminal: bool) -> None:
        self._file = io.StringIO()
        self.console = Console(file=self._file, force_terminal=terminal, width=120, highlight=False)

    @property
    def seen(self) -> str:
        return self._file.getvalue()


async def test_lines_for_whom_sits_at_no_terminal(lab: LabServer, ca: CertificateAuthority) -> None:
    """A line a second, and one at the end."""
    await register(lab, ca)
    audience = Audience(terminal=False)
    show = Show("lamps", audience.console, duration=1.5)
    await show.run(Fleet(lab.address, devices(ca, 2), CALM))
    first, *_, last = audience.seen.splitlines()
    assert re.match(r"connected \d of 2, connecting \d, waiting \d, ", first)
    assert re.match(r"after \d+ s: connected \d of 2, connecting \d, waiting \d, ", last)


async def test_a_table_at_a_terminal(lab: LabServer, ca: CertificateAuthority) -> None:
    """It is kept up to date, and the last one stays."""
    audience, fleet = Audience(terminal=True), Fleet(lab.address, devices(ca, 2), CALM)
    shown = asyncio.create_task(Show("lamps", audience.console).run(fleet))
    while audience.seen.count("2 ca_not_registered") < 2:  # noqa: ASYNC110  nobody tells
        await asyncio.sleep(0.01)
    os.kill(os.getpid(), signal.SIGTERM)
    await shown
    assert audience.seen.count("0 of 2") >= 3
    last = re.split(r"lamps, after \d+ s", audience.seen)[1]
    assert "2 ca_not_registered" in last


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("terminal", [True, False])
async def test_json_until_a_signal(
    lab: LabServer, ca: CertificateAuthority, number: signal.Signals, terminal: bool
) -> None:
    """One line at the end, the last refusals explained; then nobody handles the signal."""
    audience = Audience(terminal=terminal)
    fleet = Fleet(lab.address, devices(ca, 2), CALM)
    shown = asyncio.create_task(Show("lamps", audience.console, as_json=True).run(fleet))
    while sum(fleet.counts().refused.values()) < 2:  # noqa: ASYNC110  nobody tells
        await asyncio.sleep(0)
    os.kill(os.getpid(), number)
    await shown
    (line,) = audience.seen.splitlines()
    figures = json.loads(line)
    assert figures["seconds"] > 0
    assert (figures["devices"], figures["admitted"]) == (2, 0)
    assert figures["refused"] == figures["kept_out"] == {"ca_not_registered": 2}
    assert signal.getsignal(number) in {signal.SIG_DFL, signal.default_int_handler}
