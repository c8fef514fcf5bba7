"""The README's snippets do what the README says."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from e2e.support import PATIENCE, environment, serving

TOP = Path(__file__).parents[2]
README = (TOP / "README.md").read_text()

SEEN = """
lamp.loop_start()
until = time.monotonic() + 10
while not lamp.is_connected() and time.monotonic() < until:
    time.sleep(0.01)
print("connected:", lamp.is_connected())
lamp.disconnect()
lamp.loop_stop()
"""


def blocks(language: str, page: str = README) -> list[str]:
    """Give the code blocks in a language, in order."""
    return re.findall(rf"```{language}\n(.*?)```", page, re.DOTALL)


PROGRAMS = [
    block
    for page in ("README.md", "controlplane/toolkit.md")
    for block in blocks("python", (TOP / page).read_text())
    if block.startswith("from certgate import")
]


@pytest.mark.parametrize("program", PROGRAMS, ids=["README", "toolkit"])
def test_program_runs_as_printed(program: str, tmp_path: Path) -> None:
    """A program that begins with an import of certgate runs word for word, and says nothing."""
    command = [sys.executable, "-W", "error", "-c", program]
    ended = subprocess.run(
        command,
        cwd=tmp_path,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "", "")


def test_the_cheat_sheet(tmp_path: Path) -> None:
    """Register with the SDK, connect with paho, inactivate: word for word, but for the ports."""
    with serving(tmp_path / ".certgate", processes=1) as lab:
        api = lab.ready["api_url"].removeprefix("http://")
        register, connect, inactivate = (
            block.replace("127.0.0.1:8080", api).replace("8883", str(lab.port))
            for block in blocks("python")[2:]
        )
        script = f"import time\n{register}\n{connect}\n{SEEN}\n{inactivate}"
        commands = Path(sys.executable).parent
        env = environment() | {"PATH": f"{commands}{os.pathsep}{os.environ['PATH']}"}
        for made in ("pki ca acme", "pki device lamp-1 --ca acme"):
            assert f"certgate {made}" in README
            subprocess.run(
                [commands / "certgate", *made.split()], cwd=tmp_path, env=env, check=True
            )
        done = subprocess.run(
            [sys.executable, "-c", script],
            cwd=tmp_path,
            env=env,
            capture_output=True,
            text=True,
            timeout=6 * PATIENCE,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        assert "connected: True" in done.stdout
        (record,) = lab.decisions()
        assert (record["client_id"], record["accepted"]) == ("GID_lamps@@@lamp-1", True)
        ca, key = ["certgate", "ca", "list", "--json"], {"CERTGATE_API_URL": lab.ready["api_url"]}
        listed = subprocess.run(
            [commands / ca[0], *ca[1:]], env=env | key, capture_output=True, text=True, check=True
        )
        assert '"Status": "0"' in listed.stdout
