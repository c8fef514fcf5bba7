"""``certgate ca`` and ``certgate device`` on a running lab, for people and for scripts."""

import contextlib
import json
import os
import pty
import secrets
import subprocess
import sys
import termios
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from alibabacloud_onsmqtt20200420 import models

from certgate_certs.authority import CertificateAuthority
from e2e.support import INSTANCE, DeviceFiles, Lab, environment, knock, serving

COMMAND = [sys.executable, "-m", "certgate_controlplane"]
EVIL = "evil\x1b]0;pwned\x07\x1b[2J\u202e"
CA_ACTIONS = ("activate", "inactivate", "delete", "show")


class Desk:
    """Somebody at a keyboard, and the lab they work on.

    Args:
        lab: the running lab.
        state: its state directory.
    """

    def __init__(self, lab: Lab, state: Path) -> None:
        self.lab = lab
        self.variables = {
            "CERTGATE_API_URL": lab.ready["api_url"],
            "CERTGATE_STATE_DIR": str(state),
        }

    def run(self, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """Run a command."""
        return subprocess.run(
            [*COMMAND, *arguments],
            env=environment() | self.variables | variables,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def say(self, *arguments: str, **variables: str) -> str:
        """Run a command that succeeds; give what it prints."""
        ended = self.run(*arguments, **variables)
        assert (ended.returncode, ended.stderr) == (0, "")
        return ended.stdout

    def refusal(self, *arguments: str, **variables: str) -> str:
        """Run a command that fails; give its one sentence."""
        ended = self.run(*arguments, **variables)
        assert (ended.returncode, ended.stdout) == (1, "")
        assert ended.stderr.count("\n") == 1, ended.stderr
        assert "Traceback" not in ended.stderr
        return ended.stderr

    def cas(self) -> list[dict[str, Any]]:
        """Let the SDK list the CA certificates."""
        request = models.ListCaCertificateRequest(INSTANCE, "1", "100")
        found = self.lab.sdk.list_ca_certificate(request).body.data.ca_certificate_vos
        return [each.to_map() for each in found]  # type: ignore[no-untyped-call]

    def devices(self) -> list[dict[str, Any]]:
        """Let the SDK list the device certificates."""
        request = models.ListDeviceCertificateRequest(INSTANCE, "1", "100")
        found = self.lab.sdk.list_device_certificate(request).body.data.device_certificate_vos
        return [each.to_map() for each in found]  # type: ignore[no-untyped-call]

    def status(self, sn: str) -> str | None:
        """Let the SDK tell the status of a CA."""
        return {each["Sn"]: each["Status"] for each in self.cas()}.get(sn)

    def terminal(self, columns: int, *arguments: str) -> str:
        """Run a command in a terminal of so many columns; give what it prints."""
        ours, theirs = pty.openpty()
        termios.tcsetwinsize(theirs, (24, columns))
        running = subprocess.Popen(
            [*COMMAND, *arguments],
            env=environment() | self.variables | {"TERM": "xterm-256color"},
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
        )
        os.close(theirs)
        shown = b""
        with contextlib.suppress(OSError):  # What Linux says at the end of a terminal.
            while piece := os.read(ours, 65_536):
                shown += piece
        os.close(ours)
        assert running.wait(30) == 0
        return shown.decode().replace("\r\n", "\n")


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """Run one lab for all of them; every test has certificates of its own."""
    state = tmp_path_factory.mktemp("lab") / "state"
    with serving(state, processes=1) as lab:
        yield Desk(lab, state)


@pytest.fixture
def name() -> str:
    """Give a name that no other test uses."""
    return f"maker-{secrets.token_hex(8)}"


@pytest.fixture
def ca(name: str) -> CertificateAuthority:
    """Give a CA of this test's own."""
    return CertificateAuthority.create_root(name)


def connect(desk: Desk, device: DeviceFiles) -> int | None:
    """Let a device connect; give the CONNACK return code."""
    return knock(desk.lab.tls(device), desk.lab.port, device.name)


class TestCa:
    """``certgate ca``."""

    def test_table_and_json(self, desk: Desk, ca: CertificateAuthority, name: str) -> None:
        """The table tells number, name, state and end; JSON is what the SDK says."""
        sn = desk.lab.register(ca, name)
        lines = desk.say("ca", "list").splitlines()
        assert lines[0].split() == ["sn", "name", "status", "valid", "until"]
        end = ca.certificate.not_valid_after_utc.strftime("%Y-%m-%d %H:%M:%SZ")
        assert [sn, name, "active", *end.split()] in [line.split() for line in lines]
        assert json.loads(desk.say("ca", "list", "--json")) == desk.cas()
        (one,) = (each for each in desk.cas() if each["Sn"] == sn)
        assert json.loads(desk.say("ca", "show", name, "--json")) == one
        shown = desk.say("ca", "show", name)
        assert f"Sn: {sn}\n" in shown
        assert f"CaContent:\n{ca.pem}" in shown
        assert "Status: active\n" in shown

    def test_switch(self, desk: Desk, ca: CertificateAuthority, name: str) -> None:
        """Each command does what it says and says what it did, however the CA is named."""
        sn = desk.lab.register(ca, name)
        colons = ":".join(sn[place : place + 2] for place in range(0, len(sn), 2))
        said = desk.say("ca", "inactivate", colons.upper())
        assert said == f"CA certificate {sn} ({name}) is inactive\n"
        assert desk.status(sn) == "0"
        assert desk.say("ca", "activate", sn.lstrip("0")).endswith("is active\n")
        assert desk.status(sn) == "1"
        assert "are gone" in desk.say("ca", "delete", name)
        assert desk.status(sn) is None

    def test_ambiguous_name(self, desk: Desk, ca: CertificateAuthority, name: str) -> None:
        """Where two have one name neither is touched, and both numbers are told."""
        both = [
            desk.lab.register(each, name) for each in (ca, CertificateAuthority.create_root("b"))
        ]
        said = desk.refusal("ca", "delete", name)
        assert said == f"certgate: there are 2 of {name!r}; name one: {both[0]}, {both[1]}\n"
        assert [desk.status(sn) for sn in both] == ["1", "1"]

    @pytest.mark.parametrize("action", CA_ACTIONS)
    def test_unknown(self, desk: Desk, action: str) -> None:
        """What is not there is one sentence."""
        assert "there is no CA certificate 'ghost'" in desk.refusal("ca", action, "ghost")

    def test_register_own(self, desk: Desk, name: str) -> None:
        """A CA made with `pki` is registered by its name alone, and once only."""
        assert "pki ca" in desk.refusal("ca", "register", name)
        desk.say("pki", "ca", name)
        sn = desk.say("ca", "register", name).strip()
        assert desk.status(sn) == "1"
        assert desk.refusal("ca", "register", name).startswith("certgate: SnNotUnique: ")

    def test_register_what_openssl_made(self, desk: Desk, tmp_path: Path, name: str) -> None:
        """Files made with openssl are registered; so they are by environment variables."""
        code = desk.say("ca", "code").strip()
        files = openssl_pair(tmp_path, code)
        given = ["--certificate", files[0], "--verification", files[1]]
        sn = desk.say("ca", "register", name, *given).strip()
        assert (json.loads(desk.say("ca", "show", sn, "--json"))["CaName"]) == name
        variables = {"CERTGATE_CERTIFICATE": files[0], "CERTGATE_VERIFICATION": files[1]}
        assert "RegisterCodeUsed" in desk.refusal("ca", "register", name, **variables)

    def test_register_what_is_wrong(self, desk: Desk, tmp_path: Path, name: str) -> None:
        """One file of two, unreadable files, and what is no certificate are one sentence each."""
        text, binary = tmp_path / "text.pem", tmp_path / "binary.pem"
        text.write_text("no certificate")
        binary.write_bytes(b"\xff\xfe")
        assert "go together" in desk.refusal("ca", "register", name, "--certificate", str(text))
        for file, said in (
            (tmp_path / "none", "No such file"),
            (binary, "cannot be read"),
            (tmp_path, "cannot be read"),
            (text, "CertificateContentError: "),
        ):
            given = ["--certificate", str(file), "--verification", str(text)]
            assert said in desk.refusal("ca", "register", name, *given)


class TestDevice:
    """``certgate device``."""

    def test_whole_life(self, desk: Desk, ca: CertificateAuthority, name: str) -> None:
        """A device is listed after its first connection, and connects as the commands say."""
        sn = desk.lab.register(ca, name)
        lamp = desk.lab.device(ca.issue_device(f"lamp-of-{name}"), f"lamp-of-{name}")
        number = lamp.issued.view.sn
        assert connect(desk, lamp) == 0
        assert json.loads(desk.say("device", "list", "--json")) == desk.devices()
        line = next(line for line in desk.say("device", "list").splitlines() if number in line)
        assert line.split()[:3] == [number, lamp.name, "active"]
        assert line.split()[-1] == sn
        said = desk.say("device", "inactivate", number.upper(), "--ca", name)
        assert said == f"device certificate {number} ({lamp.name}) is inactive\n"
        assert connect(desk, lamp) == 5
        assert "Status: inactive\n" in desk.say("device", "show", lamp.name)
        desk.say("device", "activate", lamp.name, CERTGATE_CA=sn)
        assert connect(desk, lamp) == 0
        assert "registers itself again" in desk.say("device", "delete", lamp.name)
        assert desk.say("device", "list", "--ca", name, CERTGATE_JSON="1") == "[]\n"
        assert connect(desk, lamp) == 0
        (one,) = json.loads(desk.say("device", "list", "--ca", sn, "--json"))
        assert json.loads(desk.say("device", "show", number, "--json")) == one

    @pytest.mark.parametrize("action", CA_ACTIONS)
    def test_unknown(self, desk: Desk, action: str) -> None:
        """An unknown device and an unknown CA are one sentence each."""
        assert "no device certificate 'ghost'" in desk.refusal("device", action, "ghost")
        assert "no CA certificate 'g'" in desk.refusal("device", action, "ghost", "--ca", "g")

    def test_ambiguous(self, desk: Desk, ca: CertificateAuthority, name: str) -> None:
        """Devices of one name are told apart by number; the sentence names their CAs too."""
        sn = desk.lab.register(ca, name)
        twins = [desk.lab.device(ca.issue_device("twin"), f"{name}-{number}") for number in (1, 2)]
        assert [connect(desk, twin) for twin in twins] == [0, 0]
        said = desk.refusal("device", "delete", "twin")
        assert all(f"{twin.issued.view.sn} of CA {sn}" in said for twin in twins)


class TestNames:
    """Names that somebody chose to do harm."""

    def test_control_characters(self, desk: Desk, ca: CertificateAuthority) -> None:
        """Neither a pipe nor a terminal gets them raw, whatever the command."""
        sn = desk.lab.register(ca, EVIL)
        device = desk.lab.device(ca.issue_device(EVIL), "evil")
        assert connect(desk, device) == 0
        number = device.issued.view.sn
        shown = [desk.terminal(200, "ca", "list"), desk.terminal(200, "device", "list")]
        shown += [desk.terminal(200, "ca", "show", sn), desk.say("device", "show", number)]
        shown += [desk.say("ca", action, sn) for action in ("inactivate", "activate")]
        shown += [desk.terminal(200, "device", action, number) for action in ("activate", "delete")]
        for text in shown:
            assert "evil\ufffd]0;pwned\ufffd\ufffd[2J\ufffd" in text
            assert not any(
                character in text for character in ("\x07", "\x1b]", "\x1b[2J", "\u202e")
            )
        assert EVIL not in desk.say("ca", "list", "--json")
        assert json.loads(desk.say("ca", "show", sn, "--json"))["CaName"] == EVIL

    @pytest.mark.parametrize("columns", [20, 80])
    def test_narrow_terminal(
        self, desk: Desk, ca: CertificateAuthority, name: str, columns: int
    ) -> None:
        """Nothing is cut off in a terminal that is too narrow for it."""
        sn = desk.lab.register(ca, name)
        shown = desk.terminal(columns, "ca", "list")
        assert [sn, name, "active"] in [line.split()[:3] for line in shown.splitlines()]


class TestTrouble:
    """What goes wrong on the way to the lab."""

    def test_api_says_no(self, desk: Desk) -> None:
        """The API's code is in the sentence."""
        for command in (["ca", "list"], ["ca", "code"], ["device", "list"]):
            said = desk.refusal(*command, "--instance", "post-cn-ghost")
            assert said.startswith("certgate: MqttInstanceNotFound: ")
        assert "MqttInstanceNotFound" in desk.refusal("ca", "list", CERTGATE_INSTANCE="ghost")

    @pytest.mark.parametrize("url", ["http://127.0.0.1:1", "127.0.0.1:8080", "http://[::1"])
    def test_no_lab(self, desk: Desk, url: str) -> None:
        """Where no lab answers, or none can be, that is one sentence."""
        for kind in ("ca", "device"):
            assert url in desk.refusal(kind, "list", "--api-url", url)


def openssl_pair(folder: Path, code: str) -> tuple[str, str]:
    """Make a CA and its verification certificate as the cloud's guide says."""
    ca, key, proof = (str(folder / name) for name in ("CA.crt", "CA.key", "verification.crt"))
    request, other = str(folder / "verification.csr"), str(folder / "verification.key")
    new = ["req", "-newkey", "rsa:2048", "-nodes"]
    for arguments in (
        [*new, "-x509", "-subj", "/CN=made with openssl", "-keyout", key, "-out", ca],
        [*new, "-subj", f"/CN={code}", "-keyout", other, "-out", request],
        [
            "x509",
            "-req",
            "-in",
            request,
            "-CA",
            ca,
            "-CAkey",
            key,
            "-CAcreateserial",
            "-out",
            proof,
        ],
    ):
        subprocess.run(["openssl", *arguments], capture_output=True, check=True)
    return ca, proof
