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
from certs.rows import INSTANCE, application

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
