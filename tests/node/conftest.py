"""The official Node clients, installed once."""

import shutil
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from certgate_certs.registry import Registry

HERE = Path(__file__).parent


@pytest.fixture(scope="session")
def clients(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Install the official clients; without node and npm this fails."""
    folder = tmp_path_factory.mktemp("node")
    for file in ("package.json", "v1.js", "v3.js"):
        shutil.copy(HERE / file, folder)
    for program in ("node", "npm"):
        assert shutil.which(program), f"these tests need {program}"
    command = ["npm", "install", "--no-audit", "--no-fund", "--no-package-lock"]
    ended = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    return folder


@pytest.fixture
async def registry(tmp_path: Path) -> AsyncIterator[Registry]:
    """Open a new registry."""
    opened = await Registry.open(tmp_path / "registry.db")
    yield opened
    await opened.close()
