"""``certgate fleet`` as its users see it: a process beside a lab, an exit status, a summary."""

import http.server
import json
import signal
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from certgate_controlplane.cli import main
from e2e.support import Lab, environment, serving, wait_until

COMMAND = [sys.executable, "-m", "certgate_controlplane"]


class Desk:
    """Somebody at a keyboard beside a lab with the registered CA `acme`.

    Args:
        lab: the lab.
        folder: where temporary files go; `state` in it is the lab's state directory.
    """

    def __init__(self, lab: Lab, folder: Path) -> None:
        self.lab = lab
        self.folder = folder
        self.temporary = folder / "temporary"
        self.temporary.mkdir()
        self.variables = environment() | {
            "CERTGATE_API_URL": lab.ready["api_url"],
            "CERTGATE_STATE_DIR": str(folder / "state"),
            "TMPDIR": str(self.temporary),
        }

    def start(self, *arguments: str, **variables: str) -> subprocess.Popen[str]:
        """Start a command."""
        return subprocess.Popen(
            [*COMMAND, *arguments],
            env=self.variables | variables,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, *arguments: str, **variables: str) -> tuple[int, str, str]:
        """Run a command; give its exit status and what it said."""
        started = self.start(*arguments, **variables)
        said, mistakes = started.communicate(timeout=60)
        return started.returncode, said, mistakes

    def sessions(self) -> int:
        """Count who is connected."""
        with urllib.request.urlopen(f"{self.lab.ready['api_url']}/_certgate/sessions") as answer:
            return len(json.load(answer)["sessions"])

    def summary(self, *arguments: str, **variables: str) -> dict[str, Any]:
        """Run a fleet for a while; give its summary."""
        code, said, mistakes = self.run("fleet", "--json", *arguments, **variables)
        assert (code, mistakes) == (0, "")
        return dict(json.loads(said))


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """Sit down at a lab with one registered CA and one that is not."""
    folder = tmp_path_factory.mktemp("desk")
    with serving(folder / "state", "--client-id-form", "cloud", processes=1) as lab:
        found = Desk(lab, folder)
        for arguments in (("pki", "ca", "acme"), ("pki", "ca", "bolt"), ("ca", "register", "acme")):
            assert found.run(*arguments)[0] == 0
        yield found


class Clerk:
    """Runs commands in this process, which is faster.

    Args:
        desk: where.
        monkeypatch: changes arguments and environment.
        capsys: hears what is said.
    """

    def __init__(
        self, desk: Desk, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        self._monkeypatch = monkeypatch
        self._capsys = capsys
        for name in ("CERTGATE_API_URL", "CERTGATE_STATE_DIR"):
            monkeypatch.setenv(name, desk.variables[name])
        monkeypatch.setenv("COLUMNS", "200")

    def run(self, *arguments: str) -> tuple[int, str, str]:
        """Run a command that fails; give its exit status and what it said."""
        self._monkeypatch.setattr(sys, "argv", ["certgate", *arguments])
        with pytest.raises(SystemExit) as caught:
            main()
        assert isinstance(caught.value.code, int)
        return (caught.value.code, *self._capsys.readouterr())


@pytest.fixture
def clerk(desk: Desk, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Clerk:
    """Have commands run in this process."""
    return Clerk(desk, monkeypatch, capsys)


HURRY = {
    "CERTGATE_START_SECONDS": "0",
    "CERTGATE_PUBLISH_SECONDS": "0.2",
    "CERTGATE_DROP_SECONDS": "0.4",
    "CERTGATE_BACK_OFF_MIN": "0.05",
    "CERTGATE_BACK_OFF_MAX": "0.2",
    "CERTGATE_STEADY_SECONDS": "0.2",
}


def test_devices_are_spread_over_the_cas(desk: Desk) -> None:
    """Half of them are of a CA that is not registered; every option may be a variable."""
    found = desk.summary(
        *("--devices", "6", "--ca", "acme", "--ca", "bolt", "--duration", "3"), **HURRY
    )
    assert found["seconds"] >= 3
    assert (found["devices"], found["admitted_full"]) == (6, 3)
    assert found["kept_out"] == {"ca_not_registered": 3}
    assert set(found["refused"]) == {"ca_not_registered"}
    assert found["reconnects"] == found["admitted_resumed"] > 0
    assert found["published"] > 0
    assert found["received"] > 0
    assert 0 < found["latency"]["median"] <= found["latency"]["maximum"]


def test_resumption_and_jitter_can_be_switched_off(desk: Desk) -> None:
    """Then every handshake is a full one."""
    options = ("--devices", "3", "--ca", "acme", "--duration", "2", "--no-jitter")
    found = desk.summary(*options, "--no-resumption", **HURRY)
    assert found["reconnects"] > 0
    assert (found["admitted_resumed"], found["refused"]) == (0, {})


def test_nothing_is_written(desk: Desk) -> None:
    """No device of a fleet has a folder, and no temporary file stays."""
    desk.summary("--devices", "3", "--ca", "acme", "--duration", "0.5", **HURRY)
    assert list(desk.temporary.iterdir()) == []
    assert not (desk.folder / "state" / "pki" / "acme" / "devices").exists()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it(desk: Desk, number: signal.Signals) -> None:
    """With exit status 0, no session left, and a last line."""
    running = desk.start("fleet", "--devices", "4", "--ca", "acme", "--drop-seconds", "0")
    wait_until(lambda: desk.sessions() == 4, "four sessions")
    running.send_signal(number)
    said, mistakes = running.communicate(timeout=60)
    assert (running.returncode, mistakes) == (0, "")
    assert said.splitlines()[-1].startswith("after ")
    wait_until(lambda: desk.sessions() == 0, "the end of the sessions")


def test_a_broker_in_a_process_of_its_own(tmp_path: Path) -> None:
    """It has to be named; without, there is a sentence."""
    with serving(tmp_path / "state", processes=2) as lab:
        desk = Desk(lab, tmp_path)
        for arguments in (("pki", "ca", "acme"), ("ca", "register", "acme")):
            assert desk.run(*arguments)[0] == 0
        code, said, mistakes = desk.run("fleet", "--ca", "acme")
        assert (code, said) == (1, "")
        assert "has no broker" in mistakes
        options = ("--ca", "acme", "--devices", "2", "--duration", "2", "--drop-seconds", "0")
        found = desk.summary(*options, "--mqtts-port", str(lab.port))
        assert (found["connected"], found["refused"]) == (2, {})


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        (["--ca", "acme", "--api-url", "http://127.0.0.1:1"], 1, "no certgate answers"),
        (["--ca", "acme", "--api-url", "nonsense"], 1, "cannot be where an API is"),
        (["--ca", "nobody"], 1, "there is no CA 'nobody'"),
        (["--ca", "acme", "--instance", "another"], 1, "no instance 'another'"),
        (["--ca", "acme", "--group", "G" * 64], 2, "cannot be a common name"),
        (["--ca", "acme", "--back-off-min", "2", "--back-off-max", "1"], 2, "cannot be below"),
        (["--ca", "acme", "--drop-seconds", "inf"], 2, "drop_seconds cannot be inf"),
        (["--ca", "acme", "--duration", "inf"], 2, "cannot be inf"),
        (["--ca", "acme", "--duration", "nan"], 2, "'--duration'"),
        (["--ca", "acme", "--devices", f"{10**12}"], 2, "one is needed for each device"),
        ([], 2, "Missing option"),
    ],
)
def test_a_mistake_is_a_sentence(
    clerk: Clerk, arguments: list[str], code: int, sentence: str
) -> None:
    """On stderr, with an exit status of its own and no traceback."""
    ended, said, mistakes = clerk.run("fleet", *arguments)
    assert (ended, said) == (code, "")
    assert sentence in mistakes
    assert "Traceback" not in mistakes


def test_what_is_no_certgate(clerk: Clerk) -> None:
    """Another web server is told from a lab."""

    class Other(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b'{"status": "ok"}')

        def log_message(self, *_: object) -> None:
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), Other) as other:
        thread = threading.Thread(target=other.handle_request)
        thread.start()
        url = f"http://127.0.0.1:{other.server_port}"
        code, _, mistakes = clerk.run("fleet", "--ca", "acme", "--api-url", url)
        thread.join()
    assert (code, mistakes) == (1, f"certgate: what answers at {url} is no certgate\n")


def test_files_are_allowed_for(desk: Desk) -> None:
    """A soft limit that is too low for so many connections is raised."""
    script = (
        "import resource, runpy, sys;"
        "files = resource.RLIMIT_NOFILE;"
        "resource.setrlimit(files, (64, resource.getrlimit(files)[1]));"
        "sys.argv = ['certgate', *sys.argv[1:]];"
        "runpy.run_module('certgate_controlplane', run_name='__main__')"
    )
    options = ["fleet", "--json", "--ca", "acme", "--devices", "80"]
    running = subprocess.Popen(
        [sys.executable, "-c", script, *options],
        env=desk.variables | HURRY | {"CERTGATE_DROP_SECONDS": "0"},
        stdout=subprocess.PIPE,
        text=True,
    )
    wait_until(lambda: desk.sessions() == 80, "eighty sessions", 30)
    running.terminate()
    found = json.loads(running.communicate(timeout=60)[0])
    assert (running.returncode, found["connected"], found["refused"]) == (0, 80, {})
    wait_until(lambda: desk.sessions() == 0, "the end of the sessions")
