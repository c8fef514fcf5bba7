"""A registry, the application over it, and the official SDK before a real server."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from certgate_certs.authority import CertificateAuthority
from certgate_certs.issued import IssuedCertificate
from certgate_certs.registry import Registry
from certgate_controlplane.api import create_app
from certgate_controlplane.context import Context
from controlplane.harness import (
    EMPTY_INSTANCE,
    INSTANCE,
    Cloud,
    Driver,
    enrol,
    register,
    served,
)


@pytest.fixture(scope="session")
def ca() -> CertificateAuthority:
    """Give a CA that no test changes."""
    return CertificateAuthority.create_root("CA of the tests")


@pytest.fixture(scope="session")
def other_ca() -> CertificateAuthority:
    """Give another CA that no test changes."""
    return CertificateAuthority.create_root("Other CA of the tests")


@pytest.fixture(scope="session")
def device(ca: CertificateAuthority) -> IssuedCertificate:
    """Give a device certificate that no test changes."""
    return ca.issue_device("sensor-1")


@pytest.fixture
def registry_file(tmp_path: Path) -> Path:
    """Give the place of a registry."""
    return tmp_path / "registry.db"


@pytest.fixture
async def registry(registry_file: Path) -> AsyncIterator[Registry]:
    """Open a new registry."""
    opened = await Registry.open(registry_file)
    yield opened
    await opened.close()


@pytest.fixture
def context(registry: Registry) -> Context:
    """Give what the actions work with: two instances, nothing registered."""
    return Context(registry, frozenset({INSTANCE, EMPTY_INSTANCE}))


@pytest.fixture
def driver(context: Context) -> Driver:
    """Call the application without a socket."""
    return Driver(create_app(context))


@pytest.fixture(params=["", "v2"], ids=["V3", "V1"])
async def cloud(context: Context, request: pytest.FixtureRequest) -> AsyncIterator[Cloud]:
    """Call the application through the official SDK, with its new and its old signature."""
    async with served(create_app(context)) as address:
        yield Cloud(address, request.param)


@pytest.fixture
async def populated(
    registry: Registry, ca: CertificateAuthority, device: IssuedCertificate
) -> Registry:
    """Give the registry with one CA and one device of it."""
    await enrol(registry, await register(registry, ca), device, "GID_test@@@1")
    return registry
