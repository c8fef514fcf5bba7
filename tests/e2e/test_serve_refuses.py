"""``certgate serve`` where it cannot start: one sentence, a status other than 0, no traceback."""

import contextlib
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from e2e.support import environment

COMMAND = [sys.executable, "-m", "certgate_controlplane", "serve"]
FREE_PORTS = ["--api-port", "0", "--mqtts-port", "0"]


def run(*options: str, env: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """Run a serve that is to fail."""
    return subprocess.run(
        [*COMMAND, *options],
        env=env or environment(),
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


def refusal(*options: str) -> str:
    """Run a serve that cannot start; give the one sentence it says."""
    ended = run(*options)
    assert ended.returncode == 1
    assert ended.stderr.count("\n") == 1, ended.stderr
    assert ended.stderr.startswith("certgate: ")
    return ended.stderr


@pytest.mark.parametrize("option", ["--api-port", "--mqtts-port"])
def test_port_is_taken(tmp_path: Path, option: str) -> None:
    """A port that somebody else listens on is named, with the option that chooses another."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        said = refusal("--state-dir", str(tmp_path / "state"), *FREE_PORTS, option, port)
    assert port in said
    assert option in said


def test_state_directory_is_a_file(tmp_path: Path) -> None:
    """A state directory that is none is named."""
    file = tmp_path / "state"
    file.touch()
    assert str(file) in refusal("--state-dir", str(file), *FREE_PORTS)


def test_state_directory_cannot_be_written() -> None:
    """A place where nothing can be made is named."""
    assert "/proc/certgate" in refusal("--state-dir", "/proc/certgate", *FREE_PORTS)


def test_registry_is_newer(tmp_path: Path) -> None:
    """A registry that a newer certgate wrote is left alone."""
    with contextlib.closing(sqlite3.connect(tmp_path / "registry.db")) as connection:
        connection.execute("PRAGMA user_version = 99")
    assert "version 99" in refusal("--state-dir", str(tmp_path), *FREE_PORTS)


def test_registry_is_garbage(tmp_path: Path) -> None:
    """A file that is no registry is named and left alone."""
    file = tmp_path / "registry.db"
    file.write_bytes(b"no registry" * 1000)
    assert str(file) in refusal("--state-dir", str(tmp_path), *FREE_PORTS)
    assert file.read_bytes() == b"no registry" * 1000


@pytest.mark.parametrize("instance", ["", "a.b", "a b", "bücher", "a" * 64, "-a", "a\n"])
def test_instance_id_no_device_could_name(tmp_path: Path, instance: str) -> None:
    """An instance id that cannot be a label of a server name is refused."""
    options = ["--state-dir", str(tmp_path), *FREE_PORTS, "--instance", instance]
    assert "instance id" in refusal(*options)


def test_ready_file_cannot_be_written(tmp_path: Path) -> None:
    """A ready file in a folder that is not there is named."""
    file = str(tmp_path / "nowhere" / "ready.json")
    options = ["--state-dir", str(tmp_path), *FREE_PORTS, "--ready-file", file]
    assert file in refusal(*options)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "example.com"])
def test_other_than_loopback_without_the_flag(tmp_path: Path, host: str) -> None:
    """Listening where others can call takes an explicit flag."""
    said = refusal("--state-dir", str(tmp_path), *FREE_PORTS, "--host", host)
    assert "--allow-remote" in said


@pytest.mark.parametrize(
    "options",
    [["--api-port", "70000"], ["--only", "both sides"], ["--log-level", "loud"], ["--nothing"]],
)
def test_option_is_wrong(options: list[str]) -> None:
    """A wrong option is named, with exit status 2."""
    ended = run(*options)
    assert ended.returncode == 2
    assert options[0] in ended.stderr
    assert "Traceback" not in ended.stderr


def test_remote_address_is_allowed_by_the_environment(tmp_path: Path) -> None:
    """The flag that allows remote callers has its variable too; a port taken ends the attempt."""
    env = environment() | {"CERTGATE_HOST": "0.0.0.0", "CERTGATE_ALLOW_REMOTE": "1"}
    with socket.create_server(("0.0.0.0", 0)) as taken:
        ports = ["--api-port", "0", "--mqtts-port", str(taken.getsockname()[1])]
        ended = run("--state-dir", str(tmp_path), *ports, env=env)
    assert ended.returncode == 1
    assert "cannot be listened on" in ended.stderr
