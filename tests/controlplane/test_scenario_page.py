"""The page on scenarios: what it shows works, and nothing is left out."""

import re
from pathlib import Path

import pytest

from certgate_broker.desk import Desks
from certgate_certs.registry import Registry
from certgate_controlplane.cli import scenario as commands
from certgate_controlplane.clock import LabClock, SharedClock
from certgate_controlplane.scenario import Loaded, Premises, ScenarioRoutes, Scenarios
from certgate_controlplane.state import StateDirectory
from controlplane.scenario_kit import Bench

PAGE = (Path(__file__).parents[2] / "controlplane" / "scenarios.md").read_text()
MEMBERS = "certgate clock_offset_ms cas registration_codes instance name status certificate"
FURTHER = "verification devices chain client_identifiers code used"
CODES = "ScenarioUnacceptable SnapshotUnknown ScenarioTooLarge RegistryUnavailable"


async def test_the_example_is_loaded(registry: Registry, tmp_path: Path) -> None:
    """The scenario on the page can be loaded as it stands there."""
    (text,) = re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)
    bench = Bench.over(registry, tmp_path)
    assert await bench.scenarios.load(text) == Loaded(cas=2, devices=2)
    assert "acme/devices/lamp-1" in bench.made()


@pytest.mark.parametrize("word", f"{MEMBERS} {FURTHER} {CODES}".split())
def test_members_and_codes(word: str) -> None:
    """Each member and each error code is on the page."""
    assert f"`{word}`" in PAGE


def test_routes(registry: Registry, tmp_path: Path) -> None:
    """Each route is on the page, with its method."""
    desks, now = Desks(registry, None), LabClock()
    premises = Premises(StateDirectory(tmp_path), ["one"], 1, now)
    scenarios = Scenarios(registry, desks, SharedClock(now, registry, desks), premises)
    for route in ScenarioRoutes(scenarios).routes():
        path = route.path.replace("{name:path}", "NAME")
        method = "GET" if "GET" in (route.methods or ()) else "POST"
        assert f"`{method} /_certgate{path}`" in PAGE


@pytest.mark.parametrize("option", ["--snapshot", "--remove-made", "--no-certificates"])
def test_options(option: str) -> None:
    """Each option of the commands is on the page."""
    assert option in Path(commands.__file__).read_text()
    assert option in PAGE
