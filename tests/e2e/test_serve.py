"""``certgate serve`` as its users see it: a process, a ready file, an exit status, a sentence."""

import contextlib
import json
import signal
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from e2e.support import PATIENCE, Process, environment, start_serve

COMMAND = [sys.executable, "-m", "certgate_controlplane", "serve"]
FREE_PORTS = ["--api-port", "0", "--mqtts-port", "0"]
KEYS = {
    "pid",
    "api_url",
    "mqtts_host",
    "mqtts_port",
    "server_ca_file",
    "instance_ids",
    "state_dir",
}


@contextlib.contextmanager
def started(state: Path, *options: str) -> Iterator[Process]:
    """Run a serve and stop it."""
    process = start_serve(state, *options)
    try:
        yield process
    finally:
        assert process.stop() == 0


def accepts(host: str, port: int) -> bool:
    """Tell whether somebody listens."""
    with socket.socket() as tcp:
        return tcp.connect_ex((host, port)) == 0


class TestReadyFile:
    """What ``--ready-file`` promises."""

    def test_tells_where_both_sides_are(self, tmp_path: Path) -> None:
        """All keys are there, true, and both sides accept connections."""
        state = tmp_path / "state"
        with started(state, "--instance", "first", "--instance", "second") as process:
            ready = process.ready
            assert set(ready) == KEYS
            assert ready["pid"] == process.running.pid
            assert ready["instance_ids"] == ["first", "second"]
            assert ready["state_dir"] == str(state)
            assert "BEGIN CERTIFICATE" in Path(ready["server_ca_file"]).read_text()
            assert accepts("127.0.0.1", int(ready["api_url"].rpartition(":")[2]))
            assert accepts(ready["mqtts_host"], ready["mqtts_port"])

    @pytest.mark.parametrize(
        ("only", "missing"),
        [("api", {"mqtts_host", "mqtts_port", "server_ca_file"}), ("broker", {"api_url"})],
    )
    def test_side_that_does_not_run_is_null(
        self, tmp_path: Path, only: str, missing: set[str]
    ) -> None:
        """The keys of the other side are there, and null."""
        with started(tmp_path / "state", "--only", only) as process:
            assert set(process.ready) == KEYS
            assert {key for key, value in process.ready.items() if value is None} == missing

    def test_an_older_one_is_gone_and_the_new_one_appears_whole(self, tmp_path: Path) -> None:
        """A file of an earlier run misleads nobody; whoever sees the new one sees all of it."""
        ready = tmp_path / "ready.json"
        ready.write_text("an older one")
        command = [*COMMAND, *FREE_PORTS, "--state-dir", str(tmp_path / "state")]
        with subprocess.Popen(
            [*command, "--ready-file", str(ready)], env=environment(), stdout=subprocess.DEVNULL
        ) as running:
            try:
                seen = content_by_content(ready)
            finally:
                running.terminate()
        assert seen[0] == "an older one"
        assert set(json.loads(seen[-1])) == KEYS
        assert len(seen) == 2, "something between the two was seen"
        assert list(tmp_path.iterdir()) == [tmp_path / "state"]


def content_by_content(file: Path) -> list[str]:
    """Read a file again and again until it has another content than at first; give both."""
    seen = [file.read_text()]
    deadline = time.monotonic() + PATIENCE
    while len(seen) < 2 and time.monotonic() < deadline:
        with contextlib.suppress(FileNotFoundError):
            text = file.read_text()
            seen += [] if text == seen[-1] else [text]
    return seen


class TestEnd:
    """How it greets and ends."""

    @pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
    def test_signal_ends_it_with_success(self, tmp_path: Path, number: signal.Signals) -> None:
        """SIGINT and SIGTERM end it with exit status 0; nothing stands on stderr."""
        ready = tmp_path / "ready.json"
        command = [*COMMAND, *FREE_PORTS, "--state-dir", str(tmp_path / "state")]
        pipe = subprocess.PIPE
        with subprocess.Popen(
            [*command, "--ready-file", str(ready)],
            env=environment(),
            stdout=pipe,
            stderr=pipe,
            text=True,
        ) as running:
            assert running.stdout is not None
            greeting = list(iter(running.stdout.readline, "Stop with Ctrl-C.\n"))
            running.send_signal(number)
            _, complaints = running.communicate(timeout=PATIENCE)
        assert running.returncode == 0
        assert complaints == ""
        assert "not Alibaba Cloud" in greeting[0]
        assert any("post-cn-local" in line for line in greeting)
        assert any("Config(endpoint=" in line for line in greeting)
        assert any("server-ca" in line for line in greeting)

    @pytest.mark.parametrize(("only", "absent"), [("api", "MQTT"), ("broker", "SDK")])
    def test_greeting_is_silent_about_the_other_side(
        self, tmp_path: Path, only: str, absent: str
    ) -> None:
        """A process of one side greets with that side alone."""
        command = [*COMMAND, *FREE_PORTS, "--state-dir", str(tmp_path / "state"), "--only", only]
        with subprocess.Popen(
            command, env=environment(), stdout=subprocess.PIPE, text=True
        ) as running:
            assert running.stdout is not None
            greeting = list(iter(running.stdout.readline, "Stop with Ctrl-C.\n"))
            running.terminate()
        assert running.returncode == 0
        assert not any(absent in line for line in greeting)


def test_listens_elsewhere_with_the_flag(tmp_path: Path) -> None:
    """With the flag it listens on an address that is not loopback."""
    with started(tmp_path / "state", "--host", "0.0.0.0", "--allow-remote") as process:
        assert accepts("127.0.0.1", process.ready["mqtts_port"])


def test_everything_can_come_from_the_environment(tmp_path: Path) -> None:
    """Variables do what options do."""
    ready = tmp_path / "ready.json"
    env = environment() | {
        "CERTGATE_STATE_DIR": str(tmp_path / "state"),
        "CERTGATE_HOST": "127.0.0.2",
        "CERTGATE_API_PORT": "0",
        "CERTGATE_MQTTS_PORT": "0",
        "CERTGATE_INSTANCE": "first second",
        "CERTGATE_SERVER_NAME": "broker.example",
        "CERTGATE_READY_FILE": str(ready),
        "CERTGATE_ONLY": "broker",
        "CERTGATE_LOG_LEVEL": "error",
    }
    with subprocess.Popen(COMMAND, env=env, stdout=subprocess.PIPE, text=True) as running:
        assert running.stdout is not None
        greeting = running.stdout.readline()
        deadline = time.monotonic() + PATIENCE
        while not ready.exists() and time.monotonic() < deadline:
            pass
        told = json.loads(ready.read_text())
        running.terminate()
    assert "test double" in greeting
    assert (told["mqtts_host"], told["api_url"]) == ("127.0.0.2", None)
    assert told["instance_ids"] == ["first", "second"]
    assert told["state_dir"] == str(tmp_path / "state")
    assert told["mqtts_port"] not in {0, 8883}


def test_starts_soon(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """From the start of the process to the ready file it takes far less than 15 s."""
    took = []
    for number in range(5):
        began = time.monotonic()
        process = start_serve(tmp_path / f"state-{number}")
        took.append((time.monotonic() - began) * 1000)
        assert process.stop() == 0
    with capsys.disabled():
        print(f"\nstart to ready file: median of 5 {statistics.median(took):.0f} ms")
    assert statistics.median(took) < 15_000
