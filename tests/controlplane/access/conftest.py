"""The application behind a gate that asks for signatures."""

from collections.abc import AsyncIterator

import pytest

from certgate_certs.registry import Registry
from certgate_controlplane.access.gates import SignedGate
from certgate_controlplane.api import create_app
from certgate_controlplane.context import Context
from controlplane.access.kit import OWNERS, Clock, gate
from controlplane.harness import Driver, served


@pytest.fixture
def clock() -> Clock:
    """Give a clock that stands still."""
    return Clock()


@pytest.fixture
def guard(clock: Clock) -> SignedGate:
    """Give a gate that knows the keys of the kit."""
    return gate(clock)


@pytest.fixture
def instances(registry: Registry) -> Context:
    """Give what the actions work with: instances of two accounts."""
    return Context(registry, frozenset(OWNERS))


@pytest.fixture
def signed_driver(instances: Context, guard: SignedGate) -> Driver:
    """Call the application behind the gate without a socket."""
    return Driver(create_app(instances, gate=guard))


@pytest.fixture
async def signed_address(instances: Context) -> AsyncIterator[str]:
    """Serve the application behind a gate, by the real time; gives ``host:port``."""
    async with served(create_app(instances, gate=gate(Clock.of_today()))) as address:
        yield address
