"""``certgate pki``: files that OpenSSL, the cloud's SDK and a foreign client take as they are."""

import stat
import subprocess
import sys
from pathlib import Path

import pytest
from alibabacloud_onsmqtt20200420 import models

from certgate_controlplane.key_files import StateError
from certgate_controlplane.state import StateDirectory
from e2e.support import INSTANCE, Lab, environment, serving

KEY_TYPES = pytest.mark.parametrize("key_type", ["ec-p256", "rsa-2048"])
CODE = "0123456789abcdef"


class Pki:
    """Runs the commands on one state directory.

    Args:
        state: the directory.
    """

    def __init__(self, state: Path) -> None:
        self.state = state

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a command."""
        command = [sys.executable, "-m", "certgate_controlplane", "pki", *arguments]
        return subprocess.run(
            [*command, "--state-dir", str(self.state)],
            env=environment(),
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )

    def make(self, *arguments: str) -> dict[str, Path]:
        """Run a command that succeeds; give the files it names."""
        ended = self.run(*arguments)
        assert (ended.returncode, ended.stderr) == (0, "")
        lines = (line.split(maxsplit=1) for line in ended.stdout.splitlines())
        return {kind: Path(file) for kind, file in lines}

    def refusal(self, *arguments: str) -> str:
        """Run a command that fails; give the one sentence it says."""
        ended = self.run(*arguments)
        assert (ended.returncode, ended.stdout) == (1, "")
        assert ended.stderr.count("\n") == 1, ended.stderr
        return ended.stderr


@pytest.fixture
def pki(tmp_path: Path) -> Pki:
    """Give the commands on a new state directory."""
    return Pki(tmp_path / "state")


def openssl(*arguments: str) -> str:
    """Ask OpenSSL; it has to agree."""
    ended = subprocess.run(["openssl", *arguments], capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


def assert_belongs(key: Path, certificate: Path) -> None:
    """Assert that OpenSSL finds the key sound and the certificate's own."""
    assert openssl("pkey", "-in", str(key), "-check", "-noout") == "Key is valid\n"
    of_certificate = openssl("x509", "-in", str(certificate), "-noout", "-pubkey")
    assert openssl("pkey", "-in", str(key), "-pubout") == of_certificate


@KEY_TYPES
def test_openssl_agrees_with_all_three(pki: Pki, key_type: str) -> None:
    """OpenSSL verifies CA, device and verification certificate, and finds the keys theirs."""
    ca = pki.make("ca", "maker", "--key-type", key_type)
    device = pki.make("device", "lamp", "--ca", "maker", "--key-type", key_type)
    proof = pki.make("verification", "--ca", "maker", "--code", CODE)["verification"]
    root = str(ca["certificate"])
    openssl("verify", "-x509_strict", "-CAfile", root, root)
    for file in (device["certificate"], proof):
        openssl("verify", "-x509_strict", "-purpose", "sslclient", "-CAfile", root, str(file))
    assert_belongs(ca["key"], ca["certificate"])
    assert_belongs(device["key"], device["certificate"])
    subject = openssl("x509", "-in", str(proof), "-noout", "-subject", "-nameopt", "RFC2253")
    assert subject.strip() == f"subject=CN={CODE}"


@KEY_TYPES
def test_chain_is_device_then_ca(pki: Pki, key_type: str) -> None:
    """The chain file holds the device's certificate, then its CA's, and no key."""
    ca = pki.make("ca", "maker", "--key-type", key_type)["certificate"].read_text()
    device = pki.make("device", "lamp", "--ca", "maker", "--key-type", key_type)
    assert device["chain"].read_text() == device["certificate"].read_text() + ca
    kind = {"ec-p256": "id-ecPublicKey", "rsa-2048": "rsaEncryption"}[key_type]
    text = openssl("x509", "-in", str(device["certificate"]), "-noout", "-text")
    assert kind in text


def test_keys_are_their_owners_alone(pki: Pki) -> None:
    """Every private key has mode 0600, whatever the umask; no other file holds one."""
    pki.make("ca", "maker")
    pki.make("device", "lamp", "--ca", "maker")
    files = [file for file in pki.state.rglob("*") if file.is_file()]
    keys = [file for file in files if b"PRIVATE KEY" in file.read_bytes()]
    assert [file.name for file in keys] == ["key.pem", "key.pem"]
    assert {stat.S_IMODE(file.stat().st_mode) for file in keys} == {0o600}


def test_git_does_not_see_the_directory(pki: Pki) -> None:
    """The state directory ignores itself: git has nothing to add."""
    pki.make("ca", "maker")
    top = pki.state.parent
    subprocess.run(["git", "init", "--quiet", str(top)], check=True)
    status = ["git", "-C", str(top), "status", "--porcelain", "--untracked-files=all"]
    assert subprocess.run(status, capture_output=True, check=True).stdout == b""


def test_name_is_taken(pki: Pki) -> None:
    """What exists is not overwritten."""
    first = pki.make("ca", "maker")["key"]
    device = pki.make("device", "lamp", "--ca", "maker")["key"]
    before = first.read_bytes(), device.read_bytes()
    assert "exists already" in pki.refusal("ca", "maker")
    assert "exists already" in pki.refusal("device", "lamp", "--ca", "maker")
    assert (first.read_bytes(), device.read_bytes()) == before


@pytest.mark.parametrize("name", ["../x", "", "a" * 65])
def test_name_that_cannot_be_a_folder(pki: Pki, name: str) -> None:
    """A name that would leave its place or name nothing is refused, in a sentence."""
    assert "cannot be a name" in pki.refusal("ca", name)
    assert "cannot be a name" in pki.refusal("device", "lamp", "--ca", name)
    assert list(pki.state.parent.rglob("*")) == []


@pytest.mark.parametrize(
    "name", ["../x", "a/b", "", "a" * 65, ".", "..", ".a", "a b", "ä", "a\0b", "\0", "a\n", "a\r"]
)
def test_name_is_refused_wherever_it_is_one(tmp_path: Path, name: str) -> None:
    """Neither a CA nor a device gets such a name; nothing is written."""
    state = StateDirectory(tmp_path / "state")
    state.new_ca("maker")
    before = sorted(tmp_path.rglob("*"))
    for attempt in (
        lambda: state.new_ca(name),
        lambda: state.new_device(name, "maker"),
        lambda: state.new_device("lamp", name),
        lambda: state.verification(name, CODE),
    ):
        with pytest.raises(StateError, match="cannot be a name"):
            attempt()
    assert sorted(tmp_path.rglob("*")) == before


def test_longest_name(pki: Pki) -> None:
    """64 characters are a common name (X.520), so they are a name."""
    pki.make("ca", "a" * 64)
    pki.make("device", "b" * 64, "--ca", "a" * 64)


def test_ca_is_unknown(pki: Pki) -> None:
    """A CA that was never made is named, with the command that makes it."""
    for command in (["device", "lamp"], ["verification", "--code", CODE]):
        assert "pki ca ghost" in pki.refusal(*command, "--ca", "ghost")


@pytest.mark.parametrize("code", ["c" * 65, ""])
def test_code_cannot_be_a_common_name(pki: Pki, code: str) -> None:
    """A code longer than a common name may be, or none, is refused."""
    pki.make("ca", "maker")
    said = pki.refusal("verification", "--ca", "maker", "--code", code)
    assert "cannot be a common name" in said


@KEY_TYPES
def test_whole_flow_of_the_cloud(pki: Pki, key_type: str) -> None:
    """The files go through the SDK's registration and a foreign client's connection unchanged."""
    with serving(pki.state, processes=1) as lab:
        ca = pki.make("ca", "maker", "--key-type", key_type)
        device = pki.make("device", "lamp", "--ca", "maker", "--key-type", key_type)
        assert publish(lab, device) == 5
        code = lab.sdk.get_register_code(
            models.GetRegisterCodeRequest(mqtt_instance_id=INSTANCE)
        ).body.register_code
        proof = pki.make("verification", "--ca", "maker", "--code", code)["verification"]
        request = models.RegisterCaCertificateRequest(
            mqtt_instance_id=INSTANCE,
            ca_name="maker",
            ca_content=ca["certificate"].read_text(),
            verification_content=proof.read_text(),
        )
        sn = lab.sdk.register_ca_certificate(request).body.sn
        assert publish(lab, device) == 0
        assert [(record["accepted"], record["ca_sn"]) for record in lab.decisions()] == [
            (False, ""),
            (True, sn),
        ]


def publish(lab: Lab, device: dict[str, Path]) -> int:
    """Publish with mosquitto_pub; give its exit status, the CONNACK return code."""
    certificates = ["--cert", str(device["chain"]), "--key", str(device["key"])]
    where = ["-h", "localhost", "-p", str(lab.port), "--cafile", lab.ready["server_ca_file"]]
    message = ["-i", "lamp", "-q", "1", "-t", "lamps/lamp", "-m", "on"]
    command = ["mosquitto_pub", *where, *certificates, *message]
    return subprocess.run(command, capture_output=True, check=False, timeout=30).returncode
