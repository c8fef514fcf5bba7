"""Scenarios: what a lab holds, as a file that people read and keep, and as named snapshots."""

from certgate_controlplane.scenario.errors import ScenarioError, SnapshotUnknown
from certgate_controlplane.scenario.files import read_file
from certgate_controlplane.scenario.routes import ScenarioRoutes
from certgate_controlplane.scenario.service import Loaded, Premises, Scenarios

__all__ = [
    "Loaded",
    "Premises",
    "ScenarioError",
    "ScenarioRoutes",
    "Scenarios",
    "SnapshotUnknown",
    "read_file",
]
