"""A registry that lags behind: it sees every row as it was for as long as it is under grace."""

import random
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager

import pytest

from certgate_certs.authority import CertificateAuthority
from certgate_certs.chain import FOREVER, Path
from certgate_certs.registry import (
    Application,
    CaCertificate,
    Enrolled,
    FirstUse,
    Registration,
    Registry,
    Status,
)
from certgate_certs.registry.grace import Period

INSTANCE = "post-cn-test"
DIRECT = Path(anchor=0, between=(), valid_from=0, valid_until=FOREVER)


class World:
    """A registry as the API has it, one that lags behind it, and the time of both."""

    def __init__(self, registry: Registry) -> None:
        self.now, self.delay = 1_000_000, 60
        self.registry, self.lagging = registry, registry.view()
        registry.delay_withdrawals(Period(lambda: self.now + self.delay, self._nothing))
        self.reader = self.lagging.lag(lambda: self.now)

    async def _nothing(self) -> None:
        """Count nothing."""

    async def register(self, ca: CertificateAuthority) -> CaCertificate:
        """Register a CA."""
        code = await self.registry.codes.issue(INSTANCE)
        application = Application(INSTANCE, "CA", ca.issued.view, ca.pem, "proof", code)
        assert await self.registry.cas.register(application, 100) is Registration.DONE
        found = await self.registry.cas.find(INSTANCE, ca.issued.view.sn)
        assert found is not None
        return found

    async def enrol(self, ca: CaCertificate, maker: CertificateAuthority) -> Enrolled | None:
        """Let a new device come to the broker that lags."""
        view = maker.issue_device("lamp").view
        use = FirstUse(INSTANCE, ca.id, None, view, DIRECT, f"client {view.sn}", None)
        return await self.lagging.devices.enrol(use)

    def seen(self) -> list[tuple[int, Status]]:
        """Give the CAs and their states as the broker that lags sees them."""
        return [(ca.id, ca.status) for ca in self.reader.cas(INSTANCE)]


@pytest.fixture
async def world(registry: Registry) -> AsyncIterator[World]:
    """Give a world."""
    made = World(registry)
    yield made
    made.lagging.catch_up(registry.standing)
    made.reader.close()


@contextmanager
def at(world: World, moment: int) -> Iterator[None]:
    """Move the clock for the length of the block."""
    before, world.now = world.now, moment
    yield
    world.now = before


async def test_as_it_was_some_time_ago(world: World) -> None:
    """Whatever the API does, in whatever order, the broker sees what was true a delay ago.

    Registrations and activations it sees at once, so those are seen as they are.
    """
    draw = random.Random(7)
    cas = [await world.register(CertificateAuthority.create_root(f"{n}")) for n in range(3)]
    withdrawn: dict[int, list[tuple[int, Status]]] = {ca.id: [] for ca in cas}
    for _ in range(200):
        ca, world.now = draw.choice(cas), world.now + draw.randrange(25)
        found = await world.registry.cas.find(INSTANCE, ca.sn)
        assert found is not None
        if draw.random() < 0.6:
            await world.registry.cas.set_status(INSTANCE, ca.sn, Status.INACTIVE)
            withdrawn[ca.id].append((world.now + world.delay, found.status))
        else:
            await world.registry.cas.set_status(INSTANCE, ca.sn, Status.ACTIVE)
            withdrawn[ca.id].clear()
        present = {row.id: row.status for row in (await world.registry.cas.page(INSTANCE, 0, 9))[1]}
        expected = {
            number: next((was for until, was in withdrawn[number] if until > world.now), status)
            for number, status in present.items()
        }
        assert dict(world.seen()) == expected


async def test_one_time_for_all_reads_of_a_moment(world: World) -> None:
    """A delay that ends between two reads of one decision ends after it."""
    ca = await world.register(CertificateAuthority.create_root("CA"))
    await world.registry.cas.set_status(INSTANCE, ca.sn, Status.INACTIVE)
    with world.reader.moment():
        assert world.seen() == [(ca.id, Status.ACTIVE)]
        with at(world, world.now + world.delay):
            assert world.seen() == [(ca.id, Status.ACTIVE)]
    with at(world, world.now + world.delay):
        assert world.seen() == [(ca.id, Status.INACTIVE)]
        assert world.reader.lapsed() == 1
    assert world.reader.lapsed() == 0


async def test_a_new_device_of_a_withdrawn_ca(world: World) -> None:
    """It is registered where the CA is there, and not where it is not; its numbers stay its own."""
    maker = CertificateAuthority.create_root("CA")
    ca = await world.register(maker)
    await world.registry.cas.set_status(INSTANCE, ca.sn, Status.INACTIVE)
    first = await world.enrol(ca, maker)
    assert (await world.registry.devices.page(INSTANCE, 0, 9))[0] == 1
    found = await world.registry.cas.find(INSTANCE, ca.sn)
    assert found is not None
    assert found.status is Status.INACTIVE
    await world.registry.cas.set_status(INSTANCE, ca.sn, Status.ACTIVE)
    await world.registry.cas.delete(INSTANCE, ca.sn)
    second = await world.enrol(ca, maker)
    assert (await world.registry.devices.page(INSTANCE, 0, 9))[0] == 0
    assert first is not None
    assert second is not None
    assert first.device_id != second.device_id
    rights = {first.device_id: ca.id, second.device_id: ca.id}
    assert world.reader.withdrawn(rights) == {}
    assert set(world.registry.standing.withdrawn(rights)) == set(rights)


async def test_when_the_time_is_over(world: World) -> None:
    """Nobody is enrolled any more, and the decision has to be made anew."""
    maker = CertificateAuthority.create_root("CA")
    ca = await world.register(maker)
    await world.registry.cas.set_status(INSTANCE, ca.sn, Status.INACTIVE)
    world.now += world.delay
    assert await world.enrol(ca, maker) is None
    await world.registry.cas.delete(INSTANCE, ca.sn)
    world.now += world.delay
    assert await world.enrol(ca, maker) is None
    await world.registry.grace.clear()
    assert world.reader.lapsed() == 0
