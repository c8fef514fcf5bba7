"""Scenarios as users have them: a file in a repository, a command, a lab that is as they say."""

import http.client
import json
import os
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from certgate_certs.authority import CertificateAuthority
from e2e.support import PATIENCE, Lab, environment, knock, serving, wait_until

BY_HAND = {
    "certgate": 1,
    "cas": [
        {
            "name": "acme",
            "devices": [
                {"name": "lamp-1", "status": "inactive"},
                {"name": "lamp-2", "client_identifiers": ["GID_lamps@@@2"]},
            ],
        }
    ],
}

PROCESSES = pytest.mark.parametrize("processes", [1, 2])


def certgate(*arguments: object, api_url: str | None = None) -> subprocess.CompletedProcess[str]:
    """Run a command."""
    command = [sys.executable, "-m", "certgate_controlplane", *map(str, arguments)]
    own = {} if api_url is None else {"CERTGATE_API_URL": api_url}
    return subprocess.run(
        command, env=environment() | own, capture_output=True, text=True, timeout=30, check=False
    )


def run(lab: Lab, *arguments: object) -> str:
    """Run a command on a lab; give what it printed."""
    ended = certgate(*arguments, api_url=lab.ready["api_url"])
    assert (ended.returncode, ended.stderr) == (0, "")
    return ended.stdout


def made(lab: Lab, ca: str, device: str) -> ssl.SSLContext:
    """Make the client context of a device that was made in the state directory."""
    folder = Path(lab.ready["state_dir"]) / "pki" / ca / "devices" / device
    context = lab.tls(None)
    context.load_cert_chain(folder / "chain.pem", folder / "key.pem")
    return context


def reasons(lab: Lab) -> list[list[str]]:
    """Give the reasons of every decision."""
    return [record["reasons"] for record in lab.decisions()]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Write a scenario by hand."""
    written = tmp_path / "scenario.json"
    written.write_text(json.dumps(BY_HAND))
    return written


class TestServe:
    """``certgate serve --load FILE``."""

    @PROCESSES
    def test_as_the_file_says(self, tmp_path: Path, file: Path, processes: int) -> None:
        """Devices that a person has only named exist, and are what the file says they are."""
        with serving(tmp_path / "state", "--load", str(file), processes=processes) as lab:
            assert knock(made(lab, "acme", "lamp-1"), lab.port, "GID_lamps@@@1") == 5
            assert knock(made(lab, "acme", "lamp-2"), lab.port, "GID_lamps@@@2") == 0
            assert reasons(lab) == [["device_inactive"], []]

    def test_again(self, tmp_path: Path, file: Path) -> None:
        """Started again, the lab is as the file says, and devices have the keys they had."""
        state = tmp_path / "state"
        with serving(state, "--load", str(file), processes=1) as lab:
            run(lab, "device", "activate", "lamp-1")
            tls = made(lab, "acme", "lamp-1")
            assert knock(tls, lab.port, "m") == 0
        with serving(state, "--load", str(file), processes=1) as lab:
            assert knock(tls, lab.port, "m") == 5
            assert reasons(lab) == [["device_inactive"]]

    def test_in_another_place(self, tmp_path: Path) -> None:
        """What one lab exports another one loads, for the devices that are out there."""
        ca = CertificateAuthority.create_root("lamp maker")
        with serving(tmp_path / "one" / "state", processes=1) as lab:
            lab.register(ca, "lamp maker")
            device = lab.device(ca.issue_device("lamp"), "lamp")
            assert knock(lab.tls(device), lab.port, "m") == 0
            run(lab, "export", tmp_path / "kept.json")
        with serving(
            tmp_path / "two" / "state", "--load", str(tmp_path / "kept.json"), processes=1
        ) as other:
            assert knock(other.tls(device), other.port, "m") == 0
            another = other.device(ca.issue_device("pump"), "pump")
            assert knock(other.tls(another), other.port, "m") == 5
            assert reasons(other)[-1] == ["client_identifier_bound_elsewhere"]
            assert run(other, "export") == (tmp_path / "kept.json").read_text()

    @pytest.mark.parametrize(
        ("text", "sentence"),
        [
            (None, "missing.json cannot be read: No such file or directory"),
            ("{", "the scenario is no JSON: line 1, column 2: "),
            ('{"certgate": 1, "cas": [{"nam": "x"}]}', 'cas[0]: there is no member "nam"; known:'),
        ],
        ids=["missing", "broken", "typo"],
    )
    def test_refused(self, tmp_path: Path, text: str | None, sentence: str) -> None:
        """A file that cannot be loaded ends the start with one sentence, and changes nothing."""
        with serving(tmp_path / "state", processes=1) as lab:
            lab.register(CertificateAuthority.create_root("x"), "x")
            before = run(lab, "export")
        named = tmp_path / "missing.json"
        if text is not None:
            named.write_text(text)
        ports = ("--api-port", 0, "--mqtts-port", 0)
        ended = certgate("serve", "--state-dir", tmp_path / "state", *ports, "--load", named)
        assert ended.returncode == 1
        assert ended.stderr.startswith("certgate: ")
        assert sentence in ended.stderr
        assert ended.stderr.count("\n") == 1
        with serving(tmp_path / "state", processes=1) as lab:
            assert run(lab, "export") == before


@pytest.fixture(params=[1, 2], ids=["one process", "two processes"])
def lab(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Lab]:
    """Run a lab."""
    with serving(tmp_path / "state", processes=request.param) as running:
        yield running


class TestCommands:
    """``certgate export``, ``import``, ``reset`` and ``snapshot``."""

    def test_around(self, file: Path, tmp_path: Path) -> None:
        """Import, snapshot, change, reset, export: the commands say what they did."""
        with serving(tmp_path / "state", processes=1) as lab:
            said = run(lab, "import", file)
            assert said == "1 CA and 2 device certificates are registered now\n"
            assert run(lab, "snapshot", "base") == ""
            assert run(lab, "snapshot") == "base\n"
            before = run(lab, "export")
            run(lab, "ca", "delete", "acme")
            assert run(lab, "reset", "--snapshot", "base") == "the lab is as in base\n"
            assert run(lab, "export") == before
            assert run(lab, "export", tmp_path / "out.json") == ""
            assert (tmp_path / "out.json").read_text() == before
            short = json.loads(run(lab, "export", "--no-certificates"))
            assert [device["name"] for device in short["cas"][0]["devices"]] == ["lamp-1", "lamp-2"]
            assert run(lab, "reset", "--remove-made") == "the lab is empty\n"
            assert json.loads(run(lab, "export"))["cas"] == []
            assert list((Path(lab.ready["state_dir"]) / "pki").iterdir()) == []

    @pytest.mark.parametrize(
        ("arguments", "sentence"),
        [
            (("reset", "--snapshot", "base"), "there is no snapshot 'base'"),
            (("snapshot", "../x"), "the snapshot: '../x' cannot be the name of a file: use up to"),
            (("import", "missing.json"), "missing.json cannot be read: No such file or directory"),
            (("export", "no/such/folder"), "no/such/folder cannot be written: No such file or"),
        ],
    )
    def test_refused(self, tmp_path: Path, arguments: tuple[str, ...], sentence: str) -> None:
        """What cannot be done is one sentence and status 1."""
        with serving(tmp_path / "state", processes=1) as lab:
            ended = certgate(*arguments, api_url=lab.ready["api_url"])
        assert (ended.returncode, ended.stdout) == (1, "")
        assert ended.stderr.startswith(f"certgate: {sentence}")
        assert ended.stderr.count("\n") == 1

    def test_nobody_there(self, file: Path) -> None:
        """Where no lab answers that is said; a URL that cannot be one is not asked."""
        for command in (("export",), ("import", file), ("reset",), ("snapshot",)):
            ended = certgate(*command, api_url="http://127.0.0.1:1")
            assert ended.returncode == 1
            assert ended.stderr.startswith("certgate: no certgate answers at http://127.0.0.1:1: ")
        ended = certgate("export", api_url="127.0.0.1:8080")
        assert ended.returncode == 1
        assert ended.stderr.startswith("certgate: '127.0.0.1:8080' cannot be where an API is")


def ask(lab: Lab, method: str, path: str, body: bytes = b"", **headers: str) -> tuple[int, Any]:
    """Ask the lab's own door."""
    netloc = lab.ready["api_url"].removeprefix("http://")
    connection = http.client.HTTPConnection(netloc, timeout=PATIENCE)
    connection.request(method, f"/_certgate{path}", body, headers)
    answer = connection.getresponse()
    text = answer.read()
    connection.close()
    return answer.status, json.loads(text)


class TestReset:
    """A reset while devices are connected."""

    def test_nobody_stays(self, lab: Lab) -> None:
        """When the reset has answered, connections are closed and nothing is remembered."""
        ca = CertificateAuthority.create_root("lamp maker")
        lab.register(ca, "lamp maker")
        files = [lab.device(ca.issue_device(f"lamp-{n}"), f"lamp-{n}") for n in range(3)]
        clients = [lab.paho(each, each.name, clean=False) for each in files]
        for client in clients:
            assert client.accepted
            client.subscribe("lamps/#")
        clients[0].client.publish("lamps/kept", "old", 1, retain=True).wait_for_publish(PATIENCE)
        assert ask(lab, "POST", "/reset") == (200, {"snapshot": None})
        assert ask(lab, "GET", "/sessions") == (200, {"sessions": []})
        assert ask(lab, "GET", "/decisions") == (200, {"decisions": []})
        for client in clients:
            assert client.dropped.wait(PATIENCE)
            client.leave()
        assert knock(lab.tls(files[0]), lab.port, "lamp-0") == 5
        assert reasons(lab) == [["ca_not_registered"]]
        lab.register(ca, "lamp maker")
        back = lab.paho(files[0], "lamp-0", clean=False)
        assert (back.accepted, back.session_present) == (True, False)
        back.subscribe("other")
        back.publish("lamps/x", "for nobody")
        back.publish("other", "for me")
        back.expect("for me")
        assert back.payloads == ["for me"]
        back.leave()

    def test_imports_while_devices_connect(self, lab: Lab) -> None:
        """Whoever connects while scenarios change is judged by one of them, never by half of it."""
        ca = CertificateAuthority.create_root("lamp maker")
        lab.register(ca, "lamp maker")
        device = lab.device(ca.issue_device("lamp"), "lamp")
        assert knock(lab.tls(device), lab.port, "m") == 0
        _, active = ask(lab, "GET", "/export")
        inactive = json.loads(json.dumps(active))
        inactive["cas"][0]["devices"][0]["status"] = "inactive"
        answers: list[int | None] = []
        over = threading.Event()

        def storm() -> None:
            tls = lab.tls(device)
            while not over.is_set():
                answers.append(knock(tls, lab.port, "m"))

        threads = [threading.Thread(target=storm) for _ in range(3)]
        for thread in threads:
            thread.start()
        seen: list[list[str]] = []
        for number in range(30):
            wanted = active if number % 2 else inactive
            status, said = ask(lab, "POST", "/import", json.dumps(wanted).encode())
            assert (status, said) == (200, {"cas": 1, "devices": 1})
            before = len(answers)
            wait_until(lambda: len(answers) > before + 3, "more attempts")  # noqa: B023
            seen += reasons(lab)
            assert ask(lab, "GET", "/export")[1] == wanted
        over.set()
        for thread in threads:
            thread.join()
        assert set(answers) <= {0, 5, None}
        assert {0, 5} <= set(answers)
        assert {tuple(each) for each in seen} == {(), ("device_inactive",)}

    def test_pages_of_other_origins(self, lab: Lab) -> None:
        """A page in a browser cannot empty the lab."""
        lab.register(CertificateAuthority.create_root("x"), "x")
        before = ask(lab, "GET", "/export")
        for headers in ({"Origin": "http://attacker.example"}, {"Sec-Fetch-Site": "cross-site"}):
            for path in ("/reset", "/import", "/snapshots/x"):
                assert ask(lab, "POST", path, b"{}", **headers)[0] == 403
        assert ask(lab, "POST", "/reset", Host="attacker.example")[0] == 403
        assert ask(lab, "GET", "/export") == before

    def test_whoever_resets_dies(self, tmp_path: Path) -> None:
        """A process that dies right after its commit leaves no connection of before open."""
        with serving(tmp_path / "state", processes=1) as lab:
            ca = CertificateAuthority.create_root("lamp maker")
            lab.register(ca, "lamp maker")
            client = lab.paho(lab.device(ca.issue_device("lamp"), "lamp"), "m")
            assert client.accepted
            program = (
                "import asyncio, os, sys; from pathlib import Path;"
                "from certgate_certs.registry import Contents, Registry\n"
                "async def main():\n"
                "    registry = await Registry.open(Path(sys.argv[1]))\n"
                "    await registry.everything.replace(Contents())\n"
                "    os.kill(os.getpid(), 9)\n"
                "asyncio.run(main())"
            )
            file = Path(lab.ready["state_dir"]) / "registry.db"
            ended = subprocess.run(
                [sys.executable, "-c", program, str(file)], env=environment(), check=False
            )
            assert ended.returncode == -9
            assert client.dropped.wait(PATIENCE)
            client.leave()
            assert os.path.exists(file)  # noqa: PTH110
            assert ask(lab, "GET", "/sessions") == (200, {"sessions": []})
