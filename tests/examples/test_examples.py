"""The example projects run as their owners would run them: against the built wheel."""

import json
import os
import re
import shutil
import subprocess
import sys
import venv
from pathlib import Path

import pytest

from e2e.support import environment, serving

HERE = Path(__file__).parent
TOP = HERE.parents[1]


def run(*command: str | Path, folder: Path, **more: str) -> subprocess.CompletedProcess[str]:
    """Run a program in a folder, with nothing of this test run in its environment."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST")}
    return subprocess.run(
        [str(each) for each in command],
        cwd=folder,
        env={**kept, **more},
        capture_output=True,
        text=True,
        check=False,
    )


def must(ended: subprocess.CompletedProcess[str]) -> str:
    """Give what a program printed; it has to have ended well."""
    assert ended.returncode == 0, ended.stdout[-4000:] + ended.stderr[-4000:]
    return ended.stdout


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Copy the lamp's project and give it an environment with what it uses, certgate excepted."""
    folder = tmp_path_factory.mktemp("lamp") / "lamp"
    shutil.copytree(HERE / "lamp", folder, ignore=shutil.ignore_patterns("__pycache__"))
    venv.create(folder / ".venv", with_pip=True)
    wanted = ["pytest", "pytest-asyncio", "aiomqtt", "alibabacloud-onsmqtt20200420==1.7.1"]
    must(run(folder / ".venv/bin/pip", "install", "--quiet", *wanted, folder=folder))
    return folder


@pytest.fixture(scope="module")
def before(project: Path) -> str:
    """Run the project's own tests as they ran before anybody thought of certgate."""
    return must(run(project / ".venv/bin/pytest", "test_own.py", folder=project))


@pytest.fixture(scope="module")
def installed(project: Path, before: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the wheel and install it into the project's environment."""
    wheels = tmp_path_factory.mktemp("wheels")
    build = [sys.executable, "-m", "build", "--no-isolation", "--wheel", "--outdir"]
    must(run(*build, wheels, TOP, folder=project))
    (wheel,) = wheels.glob("*.whl")
    must(run(project / ".venv/bin/pip", "install", "--quiet", wheel, folder=project))
    return project


def outcome(printed: str) -> str:
    """Give the last line of a run of pytest without its duration."""
    return re.sub(r"in [0-9.]+s.*", "", printed.strip().splitlines()[-1]).strip("= ")


def test_own_tests_run_as_before(before: str, installed: Path) -> None:
    """Packages of the same names and a conftest of its own are not disturbed."""
    after = must(run(installed / ".venv/bin/pytest", "test_own.py", folder=installed))
    assert outcome(before) == outcome(after) == "2 passed"


def test_the_lamp_is_tested(installed: Path) -> None:
    """With the fixtures and paho, aiomqtt and mosquitto_pub every test passes, unwarned."""
    printed = must(run(installed / ".venv/bin/pytest", folder=installed))
    assert outcome(printed) == "6 passed"


def test_first_test_of_the_readme(installed: Path, tmp_path: Path) -> None:
    """The first thing in the README is a test of ten lines, and it passes exactly as printed."""
    readme = (TOP / "README.md").read_text()
    printed = readme[readme.index("```") :]
    assert readme[: readme.index("```")].count("\n") <= 8, "it is the first thing"
    assert printed.startswith("```python\n")
    source = printed.removeprefix("```python\n").partition("```")[0]
    assert len(source.splitlines()) == 10
    (tmp_path / "test_lamp.py").write_text(source)
    # pytest-asyncio complains of a setting that nobody made.
    alone = ("-W", "error", "-p", "no:asyncio")
    ended = run(installed / ".venv/bin/pytest", *alone, folder=tmp_path)
    assert outcome(must(ended)) == "1 passed"


def test_node(tmp_path: Path) -> None:
    """A lamp in JavaScript is admitted, refused while its CA is inactive, and admitted again."""
    folder = tmp_path / "node-lamp"
    shutil.copytree(HERE / "node-lamp", folder, ignore=shutil.ignore_patterns("node_modules"))
    npm = ["npm", "install", "--no-audit", "--no-fund", "--no-package-lock"]
    must(run(*npm, folder=folder))
    commands = Path(sys.executable).parent
    state = folder / ".certgate"
    with serving(state, processes=1) as lab:
        more = {**environment(), "CERTGATE_API_URL": lab.ready["api_url"]}

        def certgate(words: str) -> str:
            return must(run(commands / "certgate", *words.split(), folder=folder, **more))

        def lamp() -> subprocess.CompletedProcess[str]:
            files = state / "pki/maker/devices/lamp-1"
            server = ("localhost", str(lab.port), lab.ready["server_ca_file"])
            own = (files / "chain.pem", files / "key.pem", "lamp-1")
            return run("node", "lamp.js", *server, *own, folder=folder)

        certgate("pki ca maker")
        certgate("pki device lamp-1 --ca maker")
        certgate("ca register maker")
        assert must(lamp()) == "on\n"
        certgate("ca inactivate maker")
        refused = lamp()
        assert (refused.returncode, refused.stdout) == (
            1,
            "refused: Connection refused: Not authorized (code 5)\n",
        )
        certgate("ca activate maker")
        assert must(lamp()) == "on\n"
        listed = json.loads(certgate("device list --json"))
        assert [each["DeviceName"] for each in listed] == ["lamp-1"]
