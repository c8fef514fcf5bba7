"""All that a registry holds, read and replaced as a whole."""

import asyncio
import contextlib
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from certgate_certs.authority import CertificateAuthority
from certgate_certs.registry import (
    Contents,
    DecisionRecord,
    HeldCa,
    HeldCode,
    HeldDevice,
    Registry,
    RegistryUnavailable,
    StandingReader,
    Status,
)
from certgate_certs.registry.grace import TABLES
from certgate_certs.rows import Cause, Closing
from certgate_certs.view import CertificateError
from certs.rows import INSTANCE, OTHER, bound_now, enrol, register

RECORD = DecisionRecord(1, INSTANCE, "m", "a:1", "TLSv1.3", False, "CN=x", "0a", "0b", True, ())  # noqa: FBT003
CLOSING = Closing(1, INSTANCE, "m", "0a", "0b", Cause.CA_DELETED)
TELLING = {  # The columns that are not numbers of rows.
    "ca_certificate": slice(1, None),
    "device_certificate": slice(2, None),
    "client_identifier": slice(1, 3),
}
NUMBERED = ("ca_certificate", "device_certificate", "client_identifier", "decision", "closing")


def held(
    ca: CertificateAuthority,
    *devices: HeldDevice,
    code: str = "code of it",
    instance_id: str = INSTANCE,
    status: Status = Status.ACTIVE,
) -> HeldCa:
    """Give a CA with devices."""
    proof = ca.issue_verification(code).pem
    return HeldCa(instance_id, "name of it", status, ca.pem, proof, code, devices)


@pytest.fixture(scope="module")
def full(root: CertificateAuthority, intermediate: CertificateAuthority) -> Contents:
    """Give contents with everything in them that there can be."""
    direct = root.issue_device("direct").view.der
    indirect = intermediate.issue_device("indirect").view.der
    chain = intermediate.issued.view.der
    other = CertificateAuthority.create_root("Another root")
    return Contents(
        (
            held(
                root,
                HeldDevice(direct, client_ids=("a", "b")),
                HeldDevice(indirect, Status.INACTIVE, chain, ("c",)),
            ),
            held(other, code="another code", instance_id=OTHER, status=Status.INACTIVE),
        ),
        (HeldCode("free", INSTANCE), HeldCode("gone", OTHER, used=True)),
        clock_offset_ms=-5,
    )


def rows_in(path: Path) -> dict[str, list[tuple[object, ...]]]:
    """Read every table past the code under test."""
    with contextlib.closing(sqlite3.connect(path)) as connection:
        names = connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'").fetchall()
        tables = {name for (name,) in names if not name.startswith("sqlite_")}
        return {table: connection.execute(f"SELECT * FROM {table}").fetchall() for table in tables}


class TestReadAndReplace:
    """`Everything.read` and `Everything.replace`."""

    async def test_a_new_registry_is_empty(self, registry: Registry) -> None:
        """There is nothing in it, and its clock is right."""
        assert await registry.everything.read() == Contents(clock_offset_ms=0)
        assert await registry.everything.era() == 0

    async def test_what_was_put_in_is_there(self, registry: Registry, full: Contents) -> None:
        """Everything comes back as it was given, in its order."""
        assert await registry.everything.replace(full) == 1
        assert await registry.everything.read() == full
        assert await registry.everything.era() == 1
        assert await registry.clock.get() == -5

    async def test_the_rows_are_those_of_the_doors(
        self, registry: Registry, registry_file: Path, root: CertificateAuthority
    ) -> None:
        """What was registered and enrolled, read and put back is the same row by row."""
        ca = await register(registry, root)
        await enrol(registry, ca, root.issue_device("lamp").view, "m")
        before = rows_in(registry_file)
        await registry.everything.replace(await registry.everything.read())
        after = rows_in(registry_file)
        for table, told in TELLING.items():
            assert [row[told] for row in after[table]] == [row[told] for row in before[table]]
            assert before[table] != after[table]
        assert after["registration_code"] == before["registration_code"]

    async def test_the_decision_finds_it(self, registry: Registry, full: Contents) -> None:
        """The synchronous reader sees the devices and whose the identifiers are."""
        await registry.everything.replace(full)
        (ca,) = registry.standing.cas(INSTANCE)
        total, devices = await registry.devices.page_of_ca(INSTANCE, ca.sn, 0, 10)
        assert total == 2
        bound = bound_now(registry, "c")
        assert bound is not None
        assert bound.device_id == devices[1].id

    async def test_no_clock_leaves_it(self, registry: Registry) -> None:
        """Contents that say nothing of the clock leave it where it is."""
        await registry.clock.set(7)
        await registry.everything.replace(Contents())
        assert await registry.clock.get() == 7

    async def test_codes_that_a_ca_bears_are_used(
        self, registry: Registry, full: Contents, root: CertificateAuthority
    ) -> None:
        """A code can be used once, also where the CA that bears it was put in."""
        await registry.everything.replace(full)
        with contextlib.closing(sqlite3.connect(registry.standing._path)) as connection:  # noqa: SLF001
            codes = dict(connection.execute("SELECT code, used FROM registration_code"))
        assert codes == {"code of it": 1, "another code": 1, "free": 0, "gone": 1}


class TestForgetting:
    """What a replacement leaves of the time before."""

    async def test_nothing_stays(
        self, registry: Registry, registry_file: Path, full: Contents
    ) -> None:
        """Certificates, identifiers, codes, records and closings are gone, and grace with them."""
        await registry.everything.replace(full)
        await registry.decisions.append([RECORD])
        await registry.closings.append([CLOSING])
        (ca,) = registry.standing.cas(INSTANCE)
        _, (device, *_) = await registry.devices.page_of_ca(INSTANCE, ca.sn, 0, 10)
        assert await registry.grace.keep_ca(INSTANCE, ca.sn, until=2**60)
        which = (INSTANCE, ca.sn, device.sn)
        assert await registry.grace.keep_device(*which, until=2**60, deleted=True)
        assert all(rows_in(registry_file)[table] for table in (*NUMBERED, *TABLES))
        await registry.everything.replace(Contents())
        found = rows_in(registry_file)
        emptied = (*NUMBERED, *TABLES, "registration_code")
        assert {table: found[table] for table in emptied} == {table: [] for table in emptied}

    async def test_numbers_go_on(
        self, registry: Registry, registry_file: Path, full: Contents
    ) -> None:
        """No number of a registration or record ever comes back as another's."""
        seen: dict[str, set[object]] = {table: set() for table in NUMBERED}
        for _ in range(3):
            await registry.everything.replace(full)
            await registry.decisions.append([RECORD])
            await registry.closings.append([CLOSING])
            found = rows_in(registry_file)
            for table in NUMBERED:
                numbers = {row[0] for row in found[table]}
                assert numbers
                assert not numbers & seen[table]
                seen[table] |= numbers
            await registry.everything.replace(Contents())

    async def test_brokers_are_told(self, registry: Registry) -> None:
        """Whoever watches for withdrawn rights notices."""
        before = registry.standing.news().withdrawals
        await registry.everything.replace(Contents())
        assert registry.standing.news().withdrawals > before

    async def test_the_mailbox_stays(self, registry: Registry) -> None:
        """A reset does not take the questions away that processes ask each other."""
        number, _ = await registry.mailbox.enter()
        await registry.mailbox.post("question")
        await registry.everything.replace(Contents())
        assert await registry.mailbox.processes() == {number}
        assert [post.body for post in await registry.mailbox.since(0)] == ["question"]


class TestEras:
    """Records that come too late."""

    async def test_records_of_an_era_before_are_dropped(self, registry: Registry) -> None:
        """A journal that is in an era before writes nothing, and says nothing of it."""
        registry.decisions.era = registry.closings.era = 0
        await registry.everything.replace(Contents())
        await registry.decisions.append([RECORD])
        await registry.closings.append([CLOSING])
        assert await registry.decisions.since(0, 9) == []
        assert await registry.closings.since(0, 9) == []

    async def test_records_of_this_era_are_written(self, registry: Registry) -> None:
        """A journal that is in the present era writes, and so does one that is in none."""
        registry.decisions.era = await registry.everything.replace(Contents())
        await registry.decisions.append([RECORD, RECORD])
        await registry.closings.append([CLOSING])
        assert [record for _, record in await registry.decisions.since(0, 9)] == [RECORD, RECORD]
        assert [closing for _, closing in await registry.closings.since(0, 9)] == [CLOSING]


class TestAllOrNothing:
    """What becomes of a replacement that fails."""

    @pytest.fixture
    async def before(
        self, registry: Registry, registry_file: Path, full: Contents
    ) -> dict[str, list[tuple[object, ...]]]:
        """Fill the registry and give its rows."""
        await registry.everything.replace(full)
        await registry.decisions.append([RECORD])
        return rows_in(registry_file)

    @pytest.mark.parametrize("twice", ["serial number", "code", "identifier"])
    async def test_contradictions(
        self,
        registry: Registry,
        registry_file: Path,
        before: dict[str, list[tuple[object, ...]]],
        root: CertificateAuthority,
        twice: str,
    ) -> None:
        """Contents that contradict themselves change nothing."""
        device = HeldDevice(root.issue_device("lamp").view.der, client_ids=("m",))
        other = HeldDevice(root.issue_device("lamp").view.der, client_ids=("m",))
        wrong = {
            "serial number": Contents((held(root, code="1"), held(root, code="2"))),
            "code": Contents((held(root, code="1"),), (HeldCode("1", INSTANCE),)),
            "identifier": Contents((held(root, device, other),)),
        }
        with pytest.raises(RegistryUnavailable, match="UNIQUE"):
            await registry.everything.replace(wrong[twice])
        assert rows_in(registry_file) == before

    async def test_unreadable(
        self,
        registry: Registry,
        registry_file: Path,
        before: dict[str, list[tuple[object, ...]]],
        root: CertificateAuthority,
    ) -> None:
        """A certificate that cannot be read changes nothing."""
        with pytest.raises(CertificateError):
            await registry.everything.replace(Contents((held(root, HeldDevice(b"junk")),)))
        assert rows_in(registry_file) == before

    async def test_cancelled_anywhere(
        self, registry: Registry, registry_file: Path, full: Contents
    ) -> None:
        """A replacement that is cancelled leaves the old or the new, whenever that happens."""
        outcomes = set()
        for steps in range(60):
            await registry.everything.replace(full)
            task = asyncio.create_task(registry.everything.replace(Contents()))
            for _ in range(steps):
                await asyncio.sleep(0.0005)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            found = await registry.everything.read()
            assert found in (full, Contents(clock_offset_ms=-5))
            outcomes.add(found == full)
        assert outcomes == {True, False}

    async def test_a_gone_file(self, tmp_path: Path) -> None:
        """A registry that cannot be read says so."""
        registry = await Registry.open(tmp_path / "registry.db")
        await registry.close()
        (tmp_path / "registry.db").unlink()
        (tmp_path / "registry.db").mkdir()
        with pytest.raises(RegistryUnavailable):
            await registry.everything.read()
        with pytest.raises(RegistryUnavailable):
            await registry.everything.replace(Contents())


@contextlib.contextmanager
def watching(path: Path, seen: set[tuple[int, int, int]]) -> Iterator[None]:
    """Read what a decision reads, over and over, in a thread of its own."""
    over = threading.Event()

    def watch() -> None:
        reader = StandingReader(path)
        while not over.is_set():
            with reader.moment():
                cas = reader.cas(INSTANCE)
                known = sum(reader.binding(INSTANCE, f"{n}") is not None for n in range(40))
            seen.add((len(cas), known, cas[0].id if cas else 0))
        reader.close()

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


async def test_no_reader_sees_half(
    registry: Registry, registry_file: Path, root: CertificateAuthority
) -> None:
    """Whoever decides while contents are replaced sees all of the old or all of the new."""
    devices = [
        HeldDevice(root.issue_device(f"{n}").view.der, client_ids=(f"{n}",)) for n in range(40)
    ]
    many, few = Contents((held(root, *devices),)), Contents((held(root, *devices[:20]),))
    seen: set[tuple[int, int, int]] = set()
    await registry.everything.replace(few)
    with watching(registry_file, seen):
        for _ in range(15):
            await registry.everything.replace(many)
            await registry.everything.replace(few)
    assert {(cas, known) for cas, known, _ in seen} == {(1, 40), (1, 20)}
    assert all(known == (40 if ca_id % 2 == 0 else 20) for _, known, ca_id in seen)


_REPLACING = """
import asyncio, sys
from pathlib import Path
from certgate_certs.registry import Contents, Registry

async def main():
    one = await Registry.open(Path(sys.argv[1]))
    full = await one.everything.read()
    print("ready", flush=True)
    while True:
        await one.everything.replace(Contents())
        await one.everything.replace(full)

asyncio.run(main())
"""


async def contents_of(path: Path, replaced_by: Contents | None = None) -> Contents:
    """Open a registry, read what it holds, and put other contents in if there are any."""
    opened = await Registry.open(path)
    found = await opened.everything.read()
    if replaced_by is not None:
        await opened.everything.replace(replaced_by)
    await opened.close()
    return found


def test_killed_anywhere(tmp_path: Path, full: Contents) -> None:
    """A process that is killed in the middle of replacing leaves the old or the new."""
    file = tmp_path / "registry.db"
    for number in range(6):
        asyncio.run(contents_of(file, replaced_by=full))
        command = [sys.executable, "-c", _REPLACING, str(file)]
        with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == b"ready\n"
            time.sleep(0.003 * number)  # Not for order: somewhere else in the work each time.
            process.send_signal(signal.SIGKILL)
        assert asyncio.run(contents_of(file)) in (full, Contents(clock_offset_ms=-5))
