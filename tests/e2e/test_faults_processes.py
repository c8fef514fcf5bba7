"""Faults reach every process of a lab before whoever set them is answered."""

import json
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import Any
from urllib.error import HTTPError

import pytest

from certgate_certs.authority import CertificateAuthority
from e2e.support import Lab, environment, knock, serving, start_serve


def ask(lab: Lab, method: str, path: str = "", **given: object) -> list[dict[str, Any]]:
    """Call ``/_certgate/faults``; give what is set."""
    url = f"{lab.ready['api_url']}/_certgate/faults{path}"
    body = json.dumps(given).encode() if method == "POST" else None
    with urllib.request.urlopen(urllib.request.Request(url, body, method=method)) as answer:
        return list(json.load(answer)["faults"])


def test_two_processes(tmp_path: Path) -> None:
    """What is set at the API's process is in force at the broker's, counted, and cleared there."""
    with serving(tmp_path / "state", processes=2) as lab:
        ca = CertificateAuthority.create_root("maker")
        sn = lab.register(ca, "maker")
        tls = lab.tls(lab.device(ca.issue_device("lamp"), "lamp"))
        ask(lab, "POST", name="connect-refuse", next=2, seed=7)
        assert [knock(tls, lab.port, "lamp") for _ in range(3)] == [5, 5, 0]
        (fault,) = ask(lab, "GET")
        assert fault == {"name": "connect-refuse", "next": 2, "seed": 7, "seen": 3, "struck": 2}
        ask(lab, "POST", name="connack-cut")
        (left,) = ask(lab, "DELETE", "/connect-refuse")
        assert left["name"] == "connack-cut"
        assert ask(lab, "DELETE") == []
        ask(lab, "POST", name="revocation-delay", seconds=900)
        lab.delete(sn)
        assert knock(tls, lab.port, "lamp") == 0
        late = start_serve(tmp_path / "state", "--only", "broker")
        try:
            assert knock(tls, late.ready["mqtts_port"], "lamp") == 0
            ask(lab, "DELETE")
            assert knock(tls, late.ready["mqtts_port"], "lamp") == 5
        finally:
            assert late.stop() == 0


def test_flags_and_their_end(tmp_path: Path) -> None:
    """A fault set by flag strikes from the first connection on, and ends with its process."""
    state = tmp_path / "state"
    with serving(state, "--fault", "connect-refuse:next=1,seed=3", processes=1) as lab:
        ca = CertificateAuthority.create_root("maker")
        lab.register(ca, "maker")
        tls = lab.tls(lab.device(ca.issue_device("lamp"), "lamp"))
        assert [knock(tls, lab.port, "lamp") for _ in range(2)] == [5, 0]
    with serving(state, processes=1) as lab:
        assert ask(lab, "GET") == []
    killed = start_serve(state, "--fault", "registry-unavailable")
    killed.running.kill()
    killed.running.wait()
    with serving(state, processes=1) as lab:
        assert ask(lab, "GET") == []
        assert knock(lab.tls(lab.device(ca.issue_device("b"), "b")), lab.port, "b") == 0


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("connect-refuse:percent=101", "percent is a number above 0 up to 100"),
        ("nonsense", "there is no fault 'nonsense'"),
    ],
)
def test_flag_that_is_none(tmp_path: Path, text: str, sentence: str) -> None:
    """A flag that cannot be read ends the start with a sentence."""
    command = [sys.executable, "-m", "certgate_controlplane", "serve", "--fault", text]
    ended = subprocess.run(
        command,
        cwd=tmp_path,
        env=environment() | {"COLUMNS": "300"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 2
    assert sentence in ended.stderr
    assert "Traceback" not in ended.stderr
    assert not any(tmp_path.iterdir())


def test_wrong_requests(tmp_path: Path) -> None:
    """A wrong field or value is answered with 400 and one sentence, and nothing is set."""
    with serving(tmp_path / "state", processes=1) as lab:
        for given in ({"name": "connack-cut", "percent": "x"}, {"name": "connack-cut", "x": 1}, {}):
            with pytest.raises(HTTPError) as refused:
                ask(lab, "POST", **given)
            with refused.value as answer:
                assert answer.code == 400
                assert json.load(answer)["Message"]
        assert ask(lab, "GET") == []
