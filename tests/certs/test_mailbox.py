"""The mailbox through which processes that share a registry ask each other."""

import contextlib
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from certgate_certs.registry import Registry, RegistryUnavailable

ENTERING = """
import asyncio, pathlib, sys
from certgate_certs.registry import Registry

async def main():
    registry = await Registry.open(pathlib.Path(sys.argv[1]))
    print((await registry.mailbox.enter())[0], flush=True)
    sys.stdin.readline()

asyncio.run(main())
"""


@contextlib.contextmanager
def killed(path: Path) -> Iterator[int]:
    """Let a process enter, and kill it at the end of the block; give its number."""
    command = [sys.executable, "-c", ENTERING, str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        number = int(process.stdout.readline())
        try:
            yield number
        finally:
            process.kill()
    assert process.returncode == -signal.SIGKILL


def lives(path: Path) -> list[str]:
    """Name the files by which processes are known as alive."""
    return [file.name for file in path.parent.glob("*-alive-*")]


def open_files() -> int:
    """Count this process's file descriptors."""
    return sum(1 for _ in Path("/dev/fd").iterdir())


class TestMailbox:
    """Asking and answering."""

    async def test_a_request_is_seen_answered_and_withdrawn(self, registry: Registry) -> None:
        """What is posted is seen once, answered by each process, and leaves nothing behind."""
        process, seen = await registry.mailbox.enter()
        number = await registry.mailbox.post("who is there?")
        (post,) = await registry.mailbox.since(seen)
        assert (post.number, post.body) == (number, "who is there?")
        await registry.mailbox.answer(post, process, "nobody")
        assert await registry.mailbox.answers(number) == {process: "nobody"}
        await registry.mailbox.withdraw(number)
        assert await registry.mailbox.since(0) == []
        assert await registry.mailbox.answers(number) == {}

    async def test_requests_from_before_are_not_answered(self, registry: Registry) -> None:
        """A process that enters later need not answer what was asked earlier."""
        await registry.mailbox.post("too early")
        _, seen = await registry.mailbox.enter()
        assert await registry.mailbox.since(seen) == []

    async def test_an_answer_to_a_withdrawn_request_is_dropped(self, registry: Registry) -> None:
        """Whoever answers too late does no harm."""
        process, seen = await registry.mailbox.enter()
        number = await registry.mailbox.post("quick!")
        (post,) = await registry.mailbox.since(seen)
        await registry.mailbox.withdraw(number)
        await registry.mailbox.answer(post, process, "late")
        assert await registry.mailbox.answers(number) == {}

    async def test_a_process_that_left_is_not_waited_for(self, registry: Registry) -> None:
        """Only those that answer are listed."""
        process, _ = await registry.mailbox.enter()
        assert await registry.mailbox.processes() == {process}
        await registry.mailbox.leave(process)
        assert await registry.mailbox.processes() == set()

    async def test_a_process_that_died_is_not_waited_for(
        self, registry: Registry, registry_file: Path
    ) -> None:
        """A process that was killed is passed over, whoever has its process number now."""
        with killed(registry_file) as dead:
            assert dead in await registry.mailbox.processes()
        with contextlib.closing(sqlite3.connect(registry_file)) as file, file:
            file.execute("UPDATE broker_process SET pid = ?", (os.getpid(),))
        assert await registry.mailbox.processes() == set()

    async def test_a_process_that_died_is_forgotten(
        self, registry: Registry, registry_file: Path
    ) -> None:
        """The next that enters takes its row away, and what lies beside the file."""
        with killed(registry_file):
            pass
        alive, _ = await registry.mailbox.enter()
        with contextlib.closing(sqlite3.connect(registry_file)) as file:
            rows = file.execute("SELECT id, pid FROM broker_process").fetchall()
        assert rows == [(alive, os.getpid())]
        assert lives(registry_file) == [f"{registry_file.name}-alive-{alive}"]

    async def test_two_processes_know_each_other(
        self, registry: Registry, registry_file: Path
    ) -> None:
        """Those that are alive are listed, however many, until they leave or let go of the file."""
        other = await Registry.open(registry_file)
        numbers = {(await each.mailbox.enter())[0] for each in (registry, registry, other)}
        assert len(numbers) == 3
        assert await registry.mailbox.processes() == await other.mailbox.processes() == numbers
        await other.close()
        assert len(await registry.mailbox.processes()) == 2

    async def test_nothing_is_left_of_a_failure(
        self, registry: Registry, registry_file: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Whoever cannot enter is not alive either, and one that cannot leave is not any more."""
        files = open_files()
        with monkeypatch.context() as patched:
            patched.setattr(os, "getpid", lambda: "none")
            with pytest.raises(RegistryUnavailable):
                await registry.mailbox.enter()
        assert (lives(registry_file), open_files()) == ([], files)
        process, _ = await registry.mailbox.enter()
        await registry.close()
        with pytest.raises(RegistryUnavailable, match="closed"):
            await registry.mailbox.leave(process)
        assert lives(registry_file) == []

    async def test_the_version_changes_with_the_file(self, registry: Registry) -> None:
        """A reader can tell cheaply that somebody else has written."""
        before = registry.standing.version()
        assert registry.standing.version() == before
        await registry.mailbox.post("news")
        assert registry.standing.version() != before
