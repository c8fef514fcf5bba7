"""A CA for every test to read, and a registry for each one to write."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from certgate_certs.authority import CertificateAuthority
from certgate_certs.registry import Registry


@pytest.fixture(scope="session")
def root() -> CertificateAuthority:
    """Give a root CA that no test changes."""
    return CertificateAuthority.create_root("Root of the tests")


@pytest.fixture(scope="session")
def intermediate(root: CertificateAuthority) -> CertificateAuthority:
    """Give an intermediate CA that no test changes."""
    return root.issue_intermediate("Intermediate of the tests")


@pytest.fixture
def registry_file(tmp_path: Path) -> Path:
    """Give the place of a registry that is not there yet."""
    return tmp_path / "registry.db"


@pytest.fixture
async def registry(registry_file: Path) -> AsyncIterator[Registry]:
    """Open a new registry."""
    opened = await Registry.open(registry_file)
    yield opened
    await opened.close()
