"""``certgate pki odd``: lists the kinds, and writes what clients take as it is."""

import stat
from pathlib import Path

import pytest

from certgate_certs.authority import CertificateAuthority
from certgate_certs.odd import KINDS
from certgate_controlplane.state import StateDirectory
from e2e.support import DeviceFiles, Lab, knock, serving
from e2e.test_pki import Pki, assert_belongs, openssl


@pytest.fixture
def pki(tmp_path: Path) -> Pki:
    """Give the commands on a new state directory with one CA in it."""
    made = Pki(tmp_path / "state")
    made.make("ca", "maker")
    return made


def test_list(pki: Pki) -> None:
    """Without arguments every kind is listed with what is odd about it and its outcome."""
    ended = pki.run("odd")
    assert (ended.returncode, ended.stderr) == (0, "")
    lines = [line.strip() for line in ended.stdout.splitlines()]
    assert [line.split(maxsplit=1) for line in lines[::2]] == [
        [kind.name, kind.odd] for kind in KINDS.values()
    ]
    assert lines[1::2] == [kind.outcome for kind in KINDS.values()]


def test_device_is_written(pki: Pki) -> None:
    """One device is written below its CA: certificate, chain and key, the key for its owner."""
    said = pki.make("odd", "expired", "lamp", "--ca", "maker")
    folder = pki.state / "pki" / "maker" / "devices" / "lamp"
    assert said["certificate"] == folder / "certificate.pem"
    assert said["chain"] == folder / "chain.pem"
    assert said["key"] == folder / "key.pem"
    assert stat.S_IMODE(said["key"].stat().st_mode) == 0o600
    assert_belongs(said["key"], said["certificate"])
    assert (said["kind"], said["outcome"]) == (Path("expired"), Path(KINDS["expired"].outcome))
    assert said["register"] == Path("maker")
    text = openssl(
        "x509", "-in", str(said["certificate"]), "-noout", "-subject", "-nameopt", "RFC2253"
    )
    assert text == "subject=CN=lamp\n"


def test_all(pki: Pki) -> None:
    """One of every kind is written, and every key belongs to its certificate."""
    ended = pki.run("odd", "--all", "--ca", "maker")
    assert (ended.returncode, ended.stderr) == (0, "")
    lines = [line.split(maxsplit=1) for line in ended.stdout.splitlines()]
    assert [value for label, value in lines if label == "kind"] == list(KINDS)
    folder = pki.state / "pki" / "maker" / "devices"
    assert {file.name for file in folder.iterdir()} >= set(KINDS)
    for name in KINDS:
        assert_belongs(folder / name / "key.pem", folder / name / "certificate.pem")
    keys = pki.state.rglob("key.pem")
    assert {stat.S_IMODE(file.stat().st_mode) for file in keys} == {0o600}


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("no-such-kind", "lamp", "--ca", "maker"), "there is no kind"),
        (("expired", "--ca", "maker"), "name the device"),
        (("expired", "lamp"), "name the CA"),
        (("--all",), "name the CA"),
        (("--all", "expired", "--ca", "maker"), "takes no KIND"),
    ],
    ids=["unknown kind", "no name", "no CA", "all without a CA", "all and one"],
)
def test_usage(pki: Pki, arguments: tuple[str, ...], sentence: str) -> None:
    """What does not make sense is said as a mistake in usage, and nothing is written."""
    before = sorted(pki.state.rglob("*"))
    ended = pki.run("odd", *arguments)
    assert (ended.returncode, ended.stdout) == (2, "")
    assert sentence in ended.stderr
    assert sorted(pki.state.rglob("*")) == before


@pytest.mark.parametrize("name", ["../lamp", "a" * 65])
def test_name_that_cannot_be_a_folder(pki: Pki, name: str) -> None:
    """A name that would leave its place is refused in a sentence, and nothing is written."""
    before = sorted(pki.state.rglob("*"))
    assert "cannot be a name" in pki.refusal("odd", "expired", name, "--ca", "maker")
    assert sorted(pki.state.rglob("*")) == before


def test_name_is_taken(pki: Pki) -> None:
    """What exists is not overwritten."""
    key = pki.make("device", "lamp", "--ca", "maker")["key"]
    before = key.read_bytes()
    assert "exists already" in pki.refusal("odd", "expired", "lamp", "--ca", "maker")
    assert key.read_bytes() == before


def test_another_ca(pki: Pki) -> None:
    """Where another CA has to be registered it is written like one made with `pki ca`."""
    with serving(pki.state, processes=1) as lab:
        said = pki.make("odd", "ca-no-key-usage", "lamp", "--ca", "maker")
        assert said["register"] == Path("lamp-ca")
        register(lab, pki, "lamp-ca")
        assert knocks(lab, said["chain"], said["key"]) == 0


def test_renewal(pki: Pki) -> None:
    """The lines say what to register and what to inactivate; then the outcome is as they say."""
    with serving(pki.state, processes=1) as lab:
        ended = pki.run("odd", "ca-renewed-inactive", "lamp", "--ca", "maker")
        lines = [line.split(maxsplit=1) for line in ended.stdout.splitlines()]
        sns = {value: register(lab, pki, value) for label, value in lines if label == "register"}
        assert list(sns) == ["maker", "lamp-ca"]
        for label, value in lines:
            if label == "inactivate":
                lab.inactivate(sns[value])
        files = {label: Path(value) for label, value in lines}
        assert knocks(lab, files["chain"], files["key"]) == 5
        assert lab.decisions()[-1]["reasons"] == ["ca_inactive"]


def test_one_that_connects_first(pki: Pki) -> None:
    """Where another device has to connect first it is written too."""
    with serving(pki.state, processes=1) as lab:
        said = pki.make("odd", "serial-twice", "lamp", "--ca", "maker")
        register(lab, pki, "maker")
        first = said["connect"]
        assert first.parent == pki.state / "pki" / "maker" / "devices" / "lamp-first"
        assert knocks(lab, first, first.with_name("key.pem")) == 0
        assert knocks(lab, said["chain"], said["key"]) == 5


def register(lab: Lab, pki: Pki, name: str) -> str:
    """Register a CA of the state directory through the SDK."""
    return lab.register(StateDirectory(pki.state).ca(name), name)


def knocks(lab: Lab, chain: Path, key: Path) -> int | None:
    """Connect with the files; give the CONNACK return code."""
    any_ca = CertificateAuthority.create_root("any").issued
    return knock(lab.tls(DeviceFiles("lamp", chain, key, any_ca)), lab.port, chain.parent.name)
