"""The benchmarks run and write their figures; the figures themselves are not judged here."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from e2e.support import environment

BENCHMARK = Path(__file__).with_name("run.py")
PLOTS = ("connections", "scale", "sessions", "start")
BESIDE = {
    "connections": {"certgate", "amqtt", "Mosquitto"},
    "pieces": {"full", "resumed", "certgate"},
    "scale": {"certgate", "Mosquitto"},
    "revocation": {"certgate", "Mosquitto"},
    "deletion": {"certgate", "known devices", "first connections"},
    "sessions": {"certgate", "amqtt", "Mosquitto"},
    "brokers": {"certgate"},
    "start": {"certgate", "amqtt", "Mosquitto", "moto"},
    "switching": {"certgate", "moto"},
}
ODD_MEASURES = {"connections admitted after the answer, or the signal"}


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Run all of it, as little as it takes, and give the folder it writes."""
    folder = tmp_path_factory.mktemp("bench")
    ended = subprocess.run(
        [sys.executable, str(BENCHMARK), "--quick", "--out", str(folder)],
        env=environment(),
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    assert ended.stderr.splitlines() == [f"measuring: {part}" for part in BESIDE]
    assert str(folder) in ended.stdout
    return folder


@pytest.fixture(scope="module")
def raw(written: Path) -> dict[str, Any]:
    """Give the raw figures."""
    return dict(json.loads((written / "figures.json").read_text()))


def test_side_by_side(raw: dict[str, Any]) -> None:
    """Every part has figures of certgate and of all that it is measured beside."""
    found: dict[str, set[str]] = {}
    for figure in raw["figures"]:
        found.setdefault(figure["part"], set()).add(figure["who"].partition(",")[0])
    assert found == BESIDE


def test_never_once(raw: dict[str, Any]) -> None:
    """Everything is measured several times, and came to something."""
    for figure in raw["figures"]:
        assert len(figure["rounds"]) > 1, figure
        assert all(value > 0 for value in figure["rounds"]) or figure["what"] in ODD_MEASURES


def test_nobody_is_admitted_after_the_answer(raw: dict[str, Any]) -> None:
    """What is no timing is judged here, too: certgate's revocations hold with their answers."""
    late = [
        figure["rounds"]
        for figure in raw["figures"]
        if figure["what"] in ODD_MEASURES and figure["who"].startswith("certgate")
    ]
    assert len(late) == 2
    assert all(rounds == [0] * 20 for rounds in late)


def test_says_what_it_was_measured_on(raw: dict[str, Any]) -> None:
    """The machine and the programs are named; a quick run judges nothing."""
    machine = raw["machine"]
    assert {"processor", "memory", "Python", "certgate", "amqtt", "Mosquitto", "moto"} <= set(
        machine
    )
    assert all(machine.values())
    assert machine["Mosquitto"] != "unknown"
    assert raw["claims"] == []


def test_tables_and_plots(written: Path, raw: dict[str, Any]) -> None:
    """There is a page with every figure, and each plot as PNG and SVG."""
    page = (written / "figures.md").read_text()
    for figure in raw["figures"]:
        assert f"| {figure['what']} | {figure['who']} | " in page
    for name in PLOTS:
        assert (written / f"{name}.png").read_bytes().startswith(b"\x89PNG")
        assert "</svg>" in (written / f"{name}.svg").read_text()
