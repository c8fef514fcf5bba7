"""The devices of deleted CAs: seen by nobody, removed little by little."""

import asyncio
import contextlib
import logging
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from certgate_certs.authority import CertificateAuthority
from certgate_certs.registry import (
    CaCertificate,
    DecisionRecord,
    Registry,
    RegistryUnavailable,
    remains,
)
from certgate_certs.registry.grace import Period
from certgate_certs.view import CertificateView
from certs.rows import INSTANCE, bound_now, enrol, first_use, register

COUNT = 2 * remains.AT_ONCE + 7
RECORD = DecisionRecord(0, INSTANCE, "m", "", "", False, "", "", "", False, ())  # noqa: FBT003
Clock = Callable[[], int]
Start = Callable[[Clock], None]


@pytest.fixture(scope="session")
def leaves(root: CertificateAuthority) -> list[CertificateView]:
    """Issue more devices than are removed in one transaction."""
    return [root.issue_device(f"d{number}").view for number in range(COUNT)]


@pytest.fixture
async def ca(
    registry: Registry, root: CertificateAuthority, leaves: list[CertificateView]
) -> CaCertificate:
    """Register a CA with all of them."""
    ca = await register(registry, root)
    for number, view in enumerate(leaves):
        await enrol(registry, ca, view, f"c{number}")
    return ca


@pytest.fixture
async def tidying(registry: Registry) -> AsyncIterator[Start]:
    """Give what starts the removing; it is stopped at the end."""
    yield registry.remains.start
    await registry.remains.stop()


def rows(path: Path) -> dict[str, int]:
    """Count what is in the file, seen or not."""
    tables = ("device_certificate", "client_identifier", "deleted_ca")
    with contextlib.closing(sqlite3.connect(path)) as connection:
        return {
            table: connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
            for table in tables
        }


NOTHING = {"device_certificate": 0, "client_identifier": 0, "deleted_ca": 0}


async def eventually(true: Callable[[], bool]) -> None:
    """Look again and again until something has become true."""
    end = time.monotonic() + 20
    while not true():
        assert time.monotonic() < end
        await asyncio.sleep(0.005)


def now() -> int:
    """Give the time, milliseconds since the epoch."""
    return time.time_ns() // 1_000_000


async def test_gone_for_everybody_at_once(
    registry: Registry, registry_file: Path, ca: CaCertificate, leaves: list[CertificateView]
) -> None:
    """With the answer no reader sees a device of it, while most rows are still there."""
    assert await registry.cas.delete(INSTANCE, ca.sn) == ca
    assert rows(registry_file)["device_certificate"] == COUNT - remains.AT_ONCE
    assert await registry.devices.page(INSTANCE, 0, 100) == (0, [])
    assert await registry.devices.page_of_ca(INSTANCE, ca.sn, 0, 100) == (0, [])
    contents = await registry.everything.read()
    assert contents.cas == ()
    for number, view in enumerate(leaves):
        assert await registry.devices.find(INSTANCE, ca.sn, view.sn) is None
        assert await registry.devices.delete(INSTANCE, ca.sn, view.sn) is None
        assert registry.standing.known_devices(INSTANCE, view.fingerprint) == []
        assert bound_now(registry, f"c{number}") is None


async def test_removed(
    registry: Registry,
    registry_file: Path,
    ca: CaCertificate,
    tidying: Start,
) -> None:
    """All rows of it go, with their identifiers; another CA's stay."""
    other = CertificateAuthority.create_root("other")
    stays = await register(registry, other)
    view = other.issue_device("d").view
    await enrol(registry, stays, view, "stays")
    tidying(now)
    await registry.cas.delete(INSTANCE, ca.sn)
    one = {"device_certificate": 1, "client_identifier": 1, "deleted_ca": 0}
    await eventually(lambda: rows(registry_file) == one)
    assert await registry.devices.find(INSTANCE, stays.sn, view.sn) is not None
    assert bound_now(registry, "stays") is not None


async def test_several(
    registry: Registry,
    registry_file: Path,
    leaves: list[CertificateView],
    tidying: Start,
) -> None:
    """Several deleted CAs are dealt with, one after the other."""
    cas = [
        await register(registry, CertificateAuthority.create_root(f"CA {number}"))
        for number in range(3)
    ]
    for ca in cas:
        for view in leaves:
            await enrol(registry, ca, view)
        await registry.cas.delete(INSTANCE, ca.sn)
    assert rows(registry_file)["deleted_ca"] == 3
    tidying(now)
    await eventually(lambda: rows(registry_file) == NOTHING)


async def test_few_are_gone_with_the_answer(
    registry: Registry, registry_file: Path, root: CertificateAuthority
) -> None:
    """A CA with no more devices than are removed at once leaves no row behind."""
    ca = await register(registry, root)
    await enrol(registry, ca, root.issue_device("d").view, "c")
    await registry.cas.delete(INSTANCE, ca.sn)
    assert rows(registry_file) == NOTHING


async def test_identifiers_are_free(
    registry: Registry,
    registry_file: Path,
    ca: CaCertificate,
    tidying: Start,
) -> None:
    """Somebody else may take an identifier at once; the ownership is new, and it stays."""
    last = f"c{COUNT - 1}"
    before = bound_now(registry, last)
    await registry.cas.delete(INSTANCE, ca.sn)
    other = CertificateAuthority.create_root("other")
    heir = await register(registry, other)
    await enrol(registry, heir, other.issue_device("heir").view, last)
    after = bound_now(registry, last)
    assert before is not None
    assert after is not None
    assert after.id > before.id
    assert after.ca_id == heir.id
    tidying(now)
    await eventually(lambda: rows(registry_file)["deleted_ca"] == 0)
    assert bound_now(registry, last) == after


async def test_owner_deleted_meanwhile(
    registry: Registry, root: CertificateAuthority, ca: CaCertificate, leaves: list[CertificateView]
) -> None:
    """Whoever was judged by an ownership that has gone with its CA is judged anew."""
    bound = bound_now(registry, f"c{COUNT - 1}")
    other = CertificateAuthority.create_root("other")
    second = await register(registry, other)
    await registry.cas.delete(INSTANCE, ca.sn)
    use = first_use(second, other.issue_device("d").view, None, bound=bound)
    assert await registry.devices.enrol(use) is None


async def test_registered_again_meanwhile(  # noqa: PLR0917  fixtures are arguments
    registry: Registry,
    registry_file: Path,
    root: CertificateAuthority,
    ca: CaCertificate,
    leaves: list[CertificateView],
    tidying: Start,
) -> None:
    """The CA comes back at once, its devices register themselves anew, and these stay."""
    await registry.cas.delete(INSTANCE, ca.sn)
    again = await register(registry, root)
    for number, view in enumerate(leaves):
        await enrol(registry, again, view, f"c{number}")
    tidying(now)
    await eventually(lambda: rows(registry_file)["deleted_ca"] == 0)
    assert (await registry.devices.page(INSTANCE, 0, 1))[0] == COUNT
    owners = {bound_now(registry, f"c{number}") for number in range(COUNT)}
    assert len(owners) == COUNT
    assert {owner.ca_id for owner in owners if owner} == {again.id}


async def test_others_write_meanwhile(
    registry: Registry,
    registry_file: Path,
    ca: CaCertificate,
    tidying: Start,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Between two transactions of it others have their turn."""
    monkeypatch.setattr(remains, "AT_ONCE", 2)
    await registry.cas.delete(INSTANCE, ca.sn)
    tidying(now)
    written = 0
    while rows(registry_file)["deleted_ca"]:
        await registry.decisions.append([RECORD])
        written += 1
    assert written > COUNT // 4


async def test_replaced_meanwhile(
    registry: Registry,
    registry_file: Path,
    ca: CaCertificate,
    tidying: Start,
) -> None:
    """Where everything is replaced nothing is left to be removed."""
    kept = await registry.everything.read()
    await registry.cas.delete(INSTANCE, ca.sn)
    await registry.everything.replace(kept)
    assert rows(registry_file)["deleted_ca"] == 0
    tidying(now)
    await asyncio.sleep(0.05)
    assert (await registry.devices.page(INSTANCE, 0, 1))[0] == COUNT


async def test_grace(
    registry: Registry,
    registry_file: Path,
    ca: CaCertificate,
    tidying: Start,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What some still see is removed when they see it no more."""
    monkeypatch.setattr(remains, "_LOOK_SECONDS", 0.01)
    clock = 1_000

    async def begun() -> None:
        pass

    registry.delay_withdrawals(Period(lambda: 2_000, begun))
    tidying(lambda: clock)
    await registry.cas.delete(INSTANCE, ca.sn)
    assert await registry.devices.page(INSTANCE, 0, 100) == (0, [])
    await asyncio.sleep(0.1)
    assert rows(registry_file)["device_certificate"] == COUNT
    clock = 2_000
    await eventually(lambda: rows(registry_file) == NOTHING)
    clock = 1_000  # Put back.
    lagging = registry.view().lag(lambda: clock)
    assert lagging.cas(INSTANCE) == [], "it would be seen without what was known of its devices"
    lagging.close()


@pytest.mark.parametrize("error", [RegistryUnavailable, RuntimeError])
async def test_again_where_it_could_not(  # noqa: PLR0917  fixtures are arguments
    registry: Registry,
    registry_file: Path,
    ca: CaCertificate,
    tidying: Start,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    error: type[Exception],
) -> None:
    """Where it cannot be done, whyever, it is tried again, and the log says what waits."""
    monkeypatch.setattr(remains, "_LOOK_SECONDS", 0.01)
    usual, failures = remains.remove_devices, list[int]()

    async def failing(connection: object, number: int) -> bool:
        if len(failures) < 3:
            failures.append(number)
            raise error("the disk is full")
        return await usual(connection, number)  # type: ignore[arg-type]

    await registry.cas.delete(INSTANCE, ca.sn)
    monkeypatch.setattr(remains, "remove_devices", failing)
    tidying(now)
    await eventually(lambda: rows(registry_file) == NOTHING)
    assert [(record.levelno, record.getMessage()) for record in caplog.records] == [
        (logging.WARNING, "devices of a deleted CA are still to be removed: the disk is full")
    ] * 3


KILLED = """
import asyncio, os, signal, sys
from pathlib import Path
from certgate_certs.registry import Registry, remains

async def main():
    registry = await Registry.open(Path(sys.argv[1]))
    total, (ca,) = await registry.cas.page(sys.argv[2], 0, 1)
    usual, times = remains.remove_devices, 0
    async def some(connection, number):
        nonlocal times
        times += 1
        left = await usual(connection, number)
        if times == 3:
            os.kill(os.getpid(), signal.SIGKILL)
        return left
    remains.AT_ONCE = 5
    await registry.cas.delete(sys.argv[2], ca.sn)
    remains.remove_devices = some
    registry.remains.start(lambda: 0)
    await asyncio.sleep(60)

asyncio.run(main())
"""


async def test_crash_in_the_middle(
    registry: Registry,
    registry_file: Path,
    ca: CaCertificate,
    leaves: list[CertificateView],
    tidying: Start,
) -> None:
    """A process that is killed while it removes leaves nothing that is seen; the next goes on."""
    command = [sys.executable, "-c", KILLED, str(registry_file), INSTANCE]
    ended = await asyncio.to_thread(subprocess.run, command, timeout=60, check=False)
    assert ended.returncode == -signal.SIGKILL
    found = rows(registry_file)
    assert 0 < found["device_certificate"] == found["client_identifier"] < COUNT
    assert await registry.cas.find(INSTANCE, ca.sn) is None
    assert await registry.devices.page(INSTANCE, 0, 100) == (0, [])
    for number, view in enumerate(leaves):
        assert registry.standing.known_devices(INSTANCE, view.fingerprint) == []
        assert bound_now(registry, f"c{number}") is None
    tidying(now)
    await eventually(lambda: rows(registry_file) == NOTHING)
