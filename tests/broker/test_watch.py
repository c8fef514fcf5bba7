"""Following what other processes, or the API in this one, change in the registry."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack

import pytest

from broker.conftest import FIRST, eventually
from certgate_broker.watch import Watch
from certgate_certs.registry import Contents, DecisionRecord, Registry, RegistryUnavailable

RECORD = DecisionRecord(0, FIRST, "m", "", "", False, "", "", "", False, ())  # noqa: FBT003
Follow = Callable[..., dict[str, int]]


@pytest.fixture
async def follow(registry: Registry) -> AsyncIterator[Follow]:
    """Watch for some kinds of news; give how often each was told of."""
    async with AsyncExitStack() as stack:

        def start(*names: str) -> dict[str, int]:
            told = dict.fromkeys(names, 0)

            def counting(name: str) -> Callable[[], object]:
                async def call() -> None:
                    told[name] += 1

                return call

            watch = Watch(registry.standing, **{name: counting(name) for name in names})  # type: ignore[arg-type]
            watch.start()
            stack.push_async_callback(watch.stop)
            return told

        yield start


async def change(registry: Registry, name: str) -> None:
    """Change what a kind of news is about."""
    if name == "era":
        await registry.everything.replace(Contents())
    elif name == "withdrawals":
        await registry.cas.delete(FIRST, "01")
    elif name == "requests":
        await registry.mailbox.post("{}")
    elif name == "clock":
        await registry.clock.set(1)
    else:
        number = await registry.faults.put("api-drop", "", "{}")
        await registry.faults.clear([number - 1])


@pytest.mark.parametrize("name", ["era", "withdrawals", "requests", "clock", "faults"])
async def test_told_of_what_concerns(registry: Registry, follow: Follow, name: str) -> None:
    """Whoever is concerned is called at first, and after each change, and nobody else is."""
    names = ("era", "withdrawals", "requests", "clock", "faults")
    told = follow(*names)
    await eventually(lambda: set(told.values()) == {1})
    await change(registry, name)
    await eventually(lambda: told[name] == 2)
    await asyncio.sleep(0.05)
    also = {"withdrawals"} if name == "era" else set()
    assert {each for each in names if told[each] > 1} == {name} | also


async def test_records_concern_nobody(registry: Registry, follow: Follow) -> None:
    """A broker that writes decision records does not keep itself busy."""
    told = follow("era", "requests")
    await eventually(lambda: set(told.values()) == {1})
    for _ in range(5):
        await registry.decisions.append([RECORD])
        await asyncio.sleep(0.03)
    assert told == {"era": 1, "requests": 1}


async def test_again_until_it_succeeds(
    registry: Registry, caplog: pytest.LogCaptureFixture
) -> None:
    """Who cannot follow because the registry is unavailable is called again, and only then."""
    calls: list[int] = []

    async def call() -> None:
        calls.append(len(calls))
        if len(calls) < 3:
            raise RegistryUnavailable("the disk is full")

    watch = Watch(registry.standing, clock=call)
    watch.start()
    await eventually(lambda: len(calls) == 3)
    await asyncio.sleep(0.1)
    await watch.stop()
    assert len(calls) == 3
    assert [(r.levelno, r.getMessage()) for r in caplog.records] == [
        (logging.WARNING, "changes of the registry wait: the disk is full")
    ] * 2


async def test_registry_that_cannot_be_read(
    registry: Registry, follow: Follow, monkeypatch: pytest.MonkeyPatch
) -> None:
    """News that cannot be read are not lost."""
    told = follow("clock")
    await eventually(lambda: told["clock"] == 1)

    def fail() -> None:
        raise RegistryUnavailable("locked")

    with monkeypatch.context() as patch:
        patch.setattr(registry.standing, "news", fail)
        await registry.clock.set(5)
        await asyncio.sleep(0.06)
        assert told["clock"] == 1
    await eventually(lambda: told["clock"] == 2)
