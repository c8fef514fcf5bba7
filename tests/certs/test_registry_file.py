"""The registry's file: made, brought up to date, refused, and durable."""

import contextlib
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from certgate_certs.authority import CertificateAuthority
from certgate_certs.registry import (
    Registration,
    Registry,
    RegistryTooNew,
    RegistryUnavailable,
    migrations,
)
from certgate_certs.serial_number import look_up_key
from certs.rows import INSTANCE, application, bound_now, enrol

OPENING = """
import asyncio, pathlib, sys
from certgate_certs.registry import Registry

async def main():
    print("ready", flush=True)
    sys.stdin.readline()
    registry = await Registry.open(pathlib.Path(sys.argv[1]))
    print(await registry.codes.issue(sys.argv[2]), flush=True)
    sys.stdin.readline()
    await registry.close()

asyncio.run(main())
"""


def child(path: Path) -> subprocess.Popen[str]:
    """Start a process that opens the registry and hands out a code, a line of input each."""
    command = [sys.executable, "-c", OPENING, str(path), INSTANCE]
    return subprocess.Popen(command, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE)


def ask(process: subprocess.Popen[str]) -> None:
    """Let a child go on."""
    assert process.stdin is not None
    print(file=process.stdin, flush=True)


def told(process: subprocess.Popen[str]) -> str:
    """Wait for a line from a child."""
    assert process.stdout is not None
    return process.stdout.readline().strip()


def version_of(path: Path) -> int:
    """Give the version and see that the file has it in an ordinary reader's eyes."""
    with contextlib.closing(sqlite3.connect(path)) as connection:
        return int(connection.execute("PRAGMA user_version").fetchone()[0])


def tables_of(path: Path) -> set[str]:
    """Give the tables of a file."""
    sql = "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite%'"
    with contextlib.closing(sqlite3.connect(path)) as connection:
        return {row[0] for row in connection.execute(sql)}


def fill_first_version(file: sqlite3.Connection, root: CertificateAuthority) -> None:
    """Put a CA with two devices into a file of the first version; others have been deleted."""
    view = root.issued.view
    file.execute(
        "INSERT INTO ca_certificate VALUES (7, ?, ?, ?, 'name', 1, ?, ?, 'proof', 'code', ?, ?)",
        (INSTANCE, look_up_key(view.sn), view.sn, view.der, root.pem, view.not_before, 2**40),
    )
    for number in (1, 3):
        leaf = root.issue_device(f"d{number}").view
        names = (leaf.common_name, leaf.subject, leaf.subject_der)
        file.execute(
            "INSERT INTO device_certificate VALUES (?, 7, ?, ?, ?, ?, ?, ?, 1, ?, ?, ?, x'')",
            (
                *(number, look_up_key(leaf.sn), leaf.sn, leaf.fingerprint, *names),
                *(leaf.der, leaf.not_before, leaf.not_after),
            ),
        )
        owner = (INSTANCE, f"c{number}", number)
        file.execute("INSERT INTO client_identifier VALUES (NULL, ?, ?, ?)", owner)
    file.execute("UPDATE sqlite_sequence SET seq = 9 WHERE name = 'device_certificate'")


class TestMigrations:
    """Opening files of any version."""

    async def test_a_new_file(self, registry: Registry, registry_file: Path) -> None:
        """It has the newest version and every table."""
        assert version_of(registry_file) == len(migrations.MIGRATIONS)
        assert tables_of(registry_file) == {
            "answer",
            "broker_process",
            "ca_certificate",
            "client_identifier",
            "clock",
            "closing",
            "decision",
            "deleted_ca",
            "device_certificate",
            "era",
            "fault",
            "grace_ca",
            "grace_device",
            "grace_identifier",
            "registration_code",
            "request",
            "withdrawal",
        }

    async def test_opened_again(self, registry: Registry, registry_file: Path) -> None:
        """A file that is up to date keeps what is in it, and two may have it open."""
        code = await registry.codes.issue(INSTANCE)
        again = await Registry.open(registry_file)
        ca = CertificateAuthority.create_root("CA")
        outcome = await again.cas.register(application(ca, code), most=1)
        await again.close()
        assert outcome is Registration.DONE

    async def test_a_next_step(self, registry_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """A file of an earlier version gets the steps it lacks, and only these."""
        await (await Registry.open(registry_file)).close()
        steps = (*migrations.MIGRATIONS, "CREATE TABLE later (id INTEGER) STRICT")
        monkeypatch.setattr(migrations, "MIGRATIONS", steps)
        await (await Registry.open(registry_file)).close()
        assert version_of(registry_file) == len(steps)
        assert "later" in tables_of(registry_file)

    async def test_from_the_first_version(
        self, registry_file: Path, monkeypatch: pytest.MonkeyPatch, root: CertificateAuthority
    ) -> None:
        """A file that was written by the first version holds the same, and numbers go on."""
        with monkeypatch.context() as before:
            before.setattr(migrations, "MIGRATIONS", migrations.MIGRATIONS[:1])
            with contextlib.closing(sqlite3.connect(registry_file, isolation_level=None)) as file:
                migrations.migrate(file)
                fill_first_version(file, root)
        registry = await Registry.open(registry_file)
        try:
            (ca,) = registry.standing.cas(INSTANCE)
            _, devices = await registry.devices.page_of_ca(INSTANCE, ca.sn, 0, 10)
            assert [(device.id, device.name) for device in devices] == [(1, "d1"), (3, "d3")]
            assert await enrol(registry, ca, root.issue_device("d4").view, "c4") == 10
            owners = [bound_now(registry, f"c{number}") for number in (1, 3, 4)]
            assert [owner and owner.device_id for owner in owners] == [1, 3, 10]
            assert await registry.devices.delete(INSTANCE, ca.sn, devices[0].sn) == devices[0]
            assert bound_now(registry, "c1") is None, "an identifier goes with its device"
        finally:
            await registry.close()
        with contextlib.closing(sqlite3.connect(registry_file)) as file:
            assert file.execute("PRAGMA foreign_key_check").fetchall() == []
            assert file.execute("PRAGMA integrity_check").fetchall() == [("ok",)]

    async def test_a_broken_step_leaves_nothing(
        self, registry_file: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A step that fails half-way takes the steps before it along."""
        broken = "CREATE TABLE half (id INTEGER) STRICT; CREATE NONSENSE"
        monkeypatch.setattr(migrations, "MIGRATIONS", (*migrations.MIGRATIONS, broken))
        with pytest.raises(RegistryUnavailable, match=f"{registry_file}.*NONSENSE"):
            await Registry.open(registry_file)
        assert (version_of(registry_file), tables_of(registry_file)) == (0, set())

    async def test_a_newer_file(self, registry_file: Path) -> None:
        """It is refused with a sentence, and not written to."""
        newer = len(migrations.MIGRATIONS) + 1
        with contextlib.closing(sqlite3.connect(registry_file)) as connection:
            connection.execute(f"PRAGMA user_version = {newer}")
        sentence = f"has version {newer}, this certgate knows {newer - 1}: use the newer certgate"
        with pytest.raises(RegistryTooNew, match=sentence):
            await Registry.open(registry_file)
        assert (version_of(registry_file), tables_of(registry_file)) == (newer, set())

    def test_eight_processes_at_once(self, registry_file: Path) -> None:
        """All of them open the new file, and each writes to it."""
        children = [child(registry_file) for _ in range(8)]
        assert [told(process) for process in children] == ["ready"] * 8
        for process in children:
            ask(process)
        codes = {told(process) for process in children}
        for process in children:
            ask(process)
            process.communicate()
        assert [process.returncode for process in children] == [0] * 8
        sql = "SELECT code FROM registration_code"
        with contextlib.closing(sqlite3.connect(registry_file)) as connection:
            assert codes == {row[0] for row in connection.execute(sql)}


async def test_what_was_answered_survives_a_kill(registry_file: Path) -> None:
    """A process that is killed after its answer loses nothing of it."""
    process = child(registry_file)
    ask(process)
    assert told(process) == "ready"
    code = told(process)
    process.kill()
    process.communicate()
    assert process.returncode == -signal.SIGKILL
    registry = await Registry.open(registry_file)
    ca = CertificateAuthority.create_root("CA")
    outcome = await registry.cas.register(application(ca, code), most=1)
    await registry.close()
    assert outcome is Registration.DONE
