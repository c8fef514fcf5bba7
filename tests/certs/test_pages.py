"""Pages of lists, read while others write."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest

from certgate_certs.authority import CertificateAuthority
from certgate_certs.registry import CaCertificate, Contents, Registry
from certs.rows import INSTANCE, enrol, register

COUNT = 3
Page = Callable[[Registry, CaCertificate, int], Awaitable[tuple[int, list[Any]]]]


@pytest.fixture
async def ca(registry: Registry, root: CertificateAuthority) -> CaCertificate:
    """Register a CA with devices."""
    ca = await register(registry, root)
    for number in range(COUNT):
        await enrol(registry, ca, root.issue_device(f"d{number}").view)
    return ca


@pytest.fixture
async def coming_and_going(registry: Registry, ca: CaCertificate) -> AsyncIterator[None]:
    """Let everything be there and not be there, in turns."""
    there = await registry.everything.read()
    assert there.cas[0].name == ca.name

    async def come_and_go() -> None:
        while True:
            await registry.everything.replace(Contents())
            await registry.everything.replace(there)

    task = asyncio.create_task(come_and_go())
    yield
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task


async def cas(registry: Registry, _: CaCertificate, offset: int) -> tuple[int, list[Any]]:
    """List CA certificates; there is one."""
    return await registry.cas.page(INSTANCE, offset, 10)


async def devices(registry: Registry, _: CaCertificate, offset: int) -> tuple[int, list[Any]]:
    """List device certificates."""
    return await registry.devices.page(INSTANCE, offset, 10)


async def devices_of_ca(
    registry: Registry, ca: CaCertificate, offset: int
) -> tuple[int, list[Any]]:
    """List a CA's device certificates."""
    return await registry.devices.page_of_ca(INSTANCE, ca.sn, offset, 10)


@pytest.mark.usefixtures("coming_and_going")
@pytest.mark.parametrize(("page", "count"), [(cas, 1), (devices, COUNT), (devices_of_ca, COUNT)])
async def test_the_total_is_that_of_the_page(
    registry: Registry, ca: CaCertificate, page: Page, count: int
) -> None:
    """As many are listed as there are said to be; behind the last one, too, it is one of both."""
    found = set()
    for _ in range(200):
        total, listed = await page(registry, ca, 0)
        assert total == len(listed)
        behind, nothing = await page(registry, ca, count)
        assert nothing == []
        found |= {total, behind}
    assert found == {0, count}
