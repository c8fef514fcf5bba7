"""The mailbox through which processes that share a registry ask each other."""

import os
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from certgate_certs.registry import Registry


@pytest.fixture
async def registry(tmp_path: Path) -> AsyncIterator[Registry]:
    """Open a registry."""
    opened = await Registry.open(tmp_path / "registry.db")
    yield opened
    await opened.close()


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
        self, registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A process that was killed is passed over, and forgotten by the next that enters."""
        with subprocess.Popen([sys.executable, "-c", ""]) as child:  # noqa: ASYNC220  a blink
            child.wait()
        with monkeypatch.context() as patched:
            patched.setattr(os, "getpid", lambda: child.pid)
            dead, _ = await registry.mailbox.enter()
        assert dead not in await registry.mailbox.processes()
        alive, _ = await registry.mailbox.enter()
        assert await registry.mailbox.processes() == {alive}

    async def test_somebody_elses_process_counts_as_alive(
        self, registry: Registry, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A process that may not be signalled is there all the same."""

        def forbidden(_pid: int, _signal: int) -> None:
            raise PermissionError

        process, _ = await registry.mailbox.enter()
        monkeypatch.setattr(os, "kill", forbidden)
        assert await registry.mailbox.processes() == {process}

    async def test_the_version_changes_with_the_file(
        self, registry: Registry, tmp_path: Path
    ) -> None:
        """A reader can tell cheaply that somebody else has written."""
        before = registry.standing.version()
        assert registry.standing.version() == before
        await registry.mailbox.post("news")
        assert registry.standing.version() != before
