"""``certgate demo``: what it shows, what it concludes, what it leaves behind."""

import contextlib
import os
import pty
import subprocess
import sys
import time
from pathlib import Path

import pytest
from typer.testing import CliRunner

from certgate_certs.registry import CaCertificate, Status
from certgate_certs.registry.cas import CaCertificates
from certgate_controlplane.cli import app
from certgate_controlplane.demo.device import Device
from e2e.support import environment

COMMAND = [sys.executable, "-m", "certgate_controlplane", "demo"]
CLAIMS = 17


@pytest.fixture
def scratch(tmp_path: Path) -> Path:
    """Give a place for temporary files that nobody else uses."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    return folder


def child_environment(scratch: Path) -> dict[str, str]:
    """Give the demo's environment."""
    return environment() | {"TMPDIR": str(scratch), "TERM": "xterm", "COLUMNS": "120"}


def assert_nothing_is_left(group: int, scratch: Path) -> None:
    """Assert that no process of the demo runs and no temporary file remains."""
    with pytest.raises(ProcessLookupError):
        os.killpg(group, 0)
    assert list(scratch.iterdir()) == []


def test_without_a_terminal(scratch: Path) -> None:
    """Piped, it writes plain lines, every claim is observed, and nothing stays behind."""
    with subprocess.Popen(
        COMMAND,
        env=child_environment(scratch),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as running:
        shown, complaints = running.communicate(timeout=60)
    assert running.returncode == 0
    assert complaints == ""
    assert "\x1b" not in shown
    assert shown.count("  ✓ ") == CLAIMS
    assert f"All {CLAIMS} claims were observed." in shown
    assert shown.count("reason: ca_inactive") == 2
    assert shown.count("reason: ca_not_registered") == 2
    assert_nothing_is_left(running.pid, scratch)


def test_in_a_terminal(scratch: Path) -> None:
    """In a terminal it shows tables, and is over in less than 20 s."""
    master, slave = pty.openpty()
    began = time.monotonic()
    with subprocess.Popen(
        COMMAND,
        env=child_environment(scratch),
        stdin=slave,
        stdout=slave,
        stderr=slave,
        start_new_session=True,
    ) as running:
        os.close(slave)
        shown = read_to_end(master)
        assert running.wait(60) == 0
    assert time.monotonic() - began < 20
    assert "\x1b[" in shown
    assert shown.count("client saw") == shown.count("after the API's answer") == 2
    assert "client saw:" not in shown
    assert shown.count("✓") == CLAIMS
    assert_nothing_is_left(running.pid, scratch)


def read_to_end(terminal: int) -> str:
    """Read what a pseudo terminal shows until its last user is gone."""
    shown = b""
    with contextlib.suppress(OSError):  # Linux says EIO where the other end is closed.
        while piece := os.read(terminal, 65_536):
            shown += piece
    os.close(terminal)
    return shown.decode()


def run_here(monkeypatch: pytest.MonkeyPatch) -> tuple[int, str]:
    """Run the demo in this process, impatiently; give its exit status and what it shows."""
    monkeypatch.setattr("certgate_controlplane.demo.story._PATIENCE", 4.0)
    result = CliRunner().invoke(app, ["demo"])
    assert isinstance(result.exception, SystemExit | None), result.exception
    return result.exit_code, result.output


def test_claim_that_is_not_observed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A registry that inactivates nothing is found out: status 1, the false claim is named."""

    async def answer_only(
        cas: CaCertificates, instance_id: str, sn: str, _: Status
    ) -> CaCertificate | None:
        return await cas.find(instance_id, sn)

    monkeypatch.setattr(CaCertificates, "set_status", answer_only)
    status, shown = run_here(monkeypatch)
    assert status == 1
    assert "✗ not observed: every new connection of borealis is refused: ca_inactive" in shown
    assert "Not observed: 4 of the claims." in shown
    assert f"All {CLAIMS}" not in shown


def test_message_that_does_not_arrive(monkeypatch: pytest.MonkeyPatch) -> None:
    """Devices that receive nothing are found out."""
    monkeypatch.setattr(Device, "publish", lambda *_: None)
    monkeypatch.setattr("certgate_controlplane.demo.device._SECONDS", 1.0)
    status, shown = run_here(monkeypatch)
    assert status == 1
    assert "✗ not observed: a message of one device reaches all of them" in shown


def test_broker_that_cannot_be_reached(monkeypatch: pytest.MonkeyPatch) -> None:
    """Devices that cannot even connect are found out, and the story is told to its end."""

    def nobody(*_: object, **__: object) -> None:
        raise ConnectionRefusedError("nobody there")

    monkeypatch.setattr("paho.mqtt.client.Client.connect", nobody)
    monkeypatch.setattr("certgate_controlplane.demo.device._SECONDS", 0.1)
    status, shown = run_here(monkeypatch)
    assert status == 1
    assert "✗ not observed: 3 devices of aurora are admitted" in shown
    assert "DeleteCaCertificate" in shown
