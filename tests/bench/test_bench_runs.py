"""The benchmarks run and print their figures; the figures themselves are not judged here."""

import re
import subprocess
import sys
from pathlib import Path

from e2e.support import environment

BENCHMARK = Path(__file__).with_name("switch_rate.py")


def test_switch_rate_of_certgate_alone() -> None:
    """Without moto certgate is measured and a positive figure printed, of it alone."""
    ended = subprocess.run(
        [sys.executable, str(BENCHMARK), "--quick", "--only-ours"],
        env=environment(),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert (ended.returncode, ended.stderr) == (0, "")
    figures = re.findall(r"^(\w+) +(\d+) calls answered per second$", ended.stdout, re.MULTILINE)
    assert [name for name, _ in figures] == ["certgate"]
    assert int(figures[0][1]) > 0
    assert "ratio" not in ended.stdout
