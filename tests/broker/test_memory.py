"""Giving memory back."""

import asyncio
import ctypes

import pytest

from certgate_broker import memory


def test_give_back() -> None:
    """It can be asked at any time."""
    memory.give_back()


def test_another_allocator(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the C library has no such call nothing happens."""
    monkeypatch.setattr(ctypes, "CDLL", lambda _: object())
    memory.give_back()


async def test_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is done in a moment, when connections have been closed."""
    done = asyncio.Event()
    monkeypatch.setattr(memory, "_SECONDS", 0.01)
    monkeypatch.setattr(memory, "give_back", done.set)
    memory.give_back_soon()
    async with asyncio.timeout(5):
        await done.wait()
