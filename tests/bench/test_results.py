"""What the README shows of the last full run is what that run gave."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from bench.figures import Claim
from bench.report import judged
from bench.run import PARTS
from bench.scope import Scope

HERE = Path(__file__).parent
LIMITS = {
    "CPU for a full handshake, certgate by amqtt": (0.85, ""),
    "CPU for a full handshake, certgate by Mosquitto": (1.6, ""),
    "CPU of certgate, resumed by full handshake": (0.8, ""),
    "CPU of certgate, 1,000,000 registered devices by none": (1.1, ""),
    "CPU, certgate with 1,000,000 devices by Mosquitto with as long a CRL": (0.06, ""),
    "inactivating a CA with 1,000,000 devices, to the answer": (20, "ms"),
    "connections of a CA with 1,000,000 devices admitted after its inactivation was answered": (
        0,
        "",
    ),
    "deleting a CA with 1,000,000 devices, to the answer": (100, "ms"),
    "99th percentile of known devices, while rows are removed by before": (2, ""),
    "99th percentile of first connections, while rows are removed by before": (2, ""),
    "memory of each of 5,000 sessions, at most": (150, "KiB"),
    "closing 5,000 sessions by one inactivation, at most": (2, "s"),
    "start of certgate": (0.8, "s"),
    "a lab fixture's whole life": (150, "ms"),
}
README = (HERE.parent.parent / "README.md").read_text()


@pytest.fixture(scope="module")
def raw() -> dict[str, Any]:
    """Give the raw figures."""
    return dict(json.loads((HERE / "results" / "figures.json").read_text()))


@pytest.fixture(scope="module")
def claims(raw: dict[str, Any]) -> list[Claim]:
    """Give what was claimed."""
    names = ("text", "value", "limit", "unit")
    return [Claim(**{name: claim[name] for name in names}) for claim in raw["claims"]]


def test_readme_table(claims: list[Claim]) -> None:
    """The README has the run's table, line by line."""
    between = re.findall(r"<!-- figures -->\n(.*?)\n<!-- /figures -->", README, re.DOTALL)
    assert [table.splitlines() for table in between] == [[*judged(claims)]]


def test_what_shall_hold(claims: list[Claim]) -> None:
    """The limits are those that were promised, and the run kept to them."""
    assert {claim.text: (claim.limit, claim.unit) for claim in claims} == LIMITS
    assert [claim.text for claim in claims if not claim.holds] == []


def test_full_run(raw: dict[str, Any]) -> None:
    """It was a run of all parts, with the full sizes, in less than a quarter of an hour."""
    assert raw["seconds"] < 15 * 60
    assert {figure["part"] for figure in raw["figures"]} == set(PARTS)
    assert min(len(figure["rounds"]) for figure in raw["figures"]) == Scope.few > 2
    whos = {figure["who"] for figure in raw["figures"]}
    for size in Scope.sizes:
        assert {f"certgate, {size:,}", f"Mosquitto, {size:,}"} <= whos


def test_readme_shows_the_plots() -> None:
    """Each plot of the run is shown, and there."""
    shown = re.findall(r"!\[[^]]+\]\((tests/bench/results/\w+\.png)\)", README)
    there = [str(path.relative_to(HERE.parent.parent)) for path in HERE.glob("results/*.png")]
    assert sorted(shown) == sorted(there)
