"""What is handed out: its packages and their entry points, and never a private key."""

import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

TOP = Path(__file__).parent.parent
PACKAGES = {
    "certgate": "controlplane",
    "certgate_broker": "broker",
    "certgate_certs": "certs",
    "certgate_controlplane": "controlplane",
}
SECRETS = (".pem", ".key", ".crt", ".csr", ".db", ".db-wal", ".db-shm")
# In two pieces, lest this file itself look like a key to those who scan for them.
PLANTED = "-----BEGIN " + "PRIVATE KEY-----\nnot a real one\n"


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Copy the source tree, forget what git ignores, and leave secrets lying about."""
    copy = tmp_path_factory.mktemp("source")
    command = ["git", "-C", str(TOP), "ls-files", "-z", "--cached", "--others"]
    listed = subprocess.run([*command, "--exclude-standard"], capture_output=True, check=True)
    for name in listed.stdout.decode().rstrip("\0").split("\0"):
        if (TOP / name).is_file() and name != ".gitignore":
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(TOP / name, copy / name)
    for package, floor in PACKAGES.items():
        for suffix in SECRETS:
            for place in (copy / floor / package, copy / floor, copy / "tests"):
                (place / f"planted{suffix}").write_text(PLANTED)
    return copy


@pytest.fixture(scope="module")
def built(source: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build wheel and source distribution from the copy."""
    folder = tmp_path_factory.mktemp("built")
    command = [sys.executable, "-m", "build", "--no-isolation", "--wheel", "--sdist"]
    ended = subprocess.run(
        [*command, "--outdir", str(folder), str(source)],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return folder


@pytest.fixture(scope="module")
def wheel(built: Path) -> dict[str, bytes]:
    """Give the wheel's files."""
    (file,) = built.glob("*.whl")
    with zipfile.ZipFile(file) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


@pytest.fixture(scope="module")
def sdist(built: Path) -> dict[str, bytes]:
    """Give the source distribution's files, without the folder that holds them all."""
    (file,) = built.glob("*.tar.gz")
    found = {}
    with tarfile.open(file) as archive:
        for member in archive.getmembers():
            if (content := archive.extractfile(member)) is not None:
                found[member.name.partition("/")[2]] = content.read()
    return found


def secrets(files: dict[str, bytes]) -> list[str]:
    """Name the files that are secrets by their suffix or by what they hold."""
    return [
        name
        for name, content in files.items()
        if name.endswith(SECRETS) or PLANTED.encode() in content
    ]


def test_secrets_were_planted(source: Path) -> None:
    """The copy that is built from holds what must not be handed out."""
    files = {str(file): file.read_bytes() for file in source.rglob("planted*")}
    places = len(PACKAGES) + len(set(PACKAGES.values())) + len({"tests"})
    assert len(secrets(files)) == places * len(SECRETS)


def test_wheel_holds_no_secret(wheel: dict[str, bytes]) -> None:
    """No key, certificate or database is in the wheel, whatever lay in the package folders."""
    assert secrets(wheel) == []


def test_source_distribution_holds_no_secret(sdist: dict[str, bytes]) -> None:
    """Nor in the source distribution."""
    assert secrets(sdist) == []


def test_wheel_holds_its_packages_and_nothing_else(wheel: dict[str, bytes]) -> None:
    """Every module is there under its package; beside them there is only the metadata."""
    modules = {
        str(file.relative_to(TOP / floor))
        for package, floor in PACKAGES.items()
        for file in (TOP / floor / package).rglob("*.py")
    }
    assert modules <= set(wheel)
    tops = {name.partition("/")[0] for name in wheel}
    metadata = {top for top in tops if top.endswith(".dist-info")}
    assert len(metadata) == 1
    assert tops - metadata == set(PACKAGES)


def test_wheel_is_typed_and_has_its_command(wheel: dict[str, bytes]) -> None:
    """Each package says that it is typed, and the command `certgate` is an entry point."""
    assert {f"{package}/py.typed" for package in PACKAGES} <= set(wheel)
    (entry_points,) = (content for name, content in wheel.items() if name.endswith("points.txt"))
    assert b"certgate = certgate_controlplane.cli:main" in entry_points.splitlines()
    plugin = b"certgate = certgate_controlplane.toolkit.pytest_plugin"
    assert plugin in entry_points.partition(b"[pytest11]")[2].splitlines()


def test_source_distribution_can_be_tested(sdist: dict[str, bytes]) -> None:
    """The source distribution brings the tests and what they need."""
    assert {"pyproject.toml", "README.md", "tests/test_packaging.py"} <= set(sdist)
    assert {f"{floor}/{package}/py.typed" for package, floor in PACKAGES.items()} <= set(sdist)
