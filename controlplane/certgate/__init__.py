"""certgate's public face: ``from certgate import Lab``. Everything else is its own business.

Names are imported when they are asked for: a test run that uses none of them pays for none.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from certgate_broker.reasons import Reason
    from certgate_certs.builder import KeyType
    from certgate_controlplane.clock import ClockError
    from certgate_controlplane.errors import ApiError
    from certgate_controlplane.faults import FaultError
    from certgate_controlplane.fleet import Behaviour, Counts, Fleet
    from certgate_controlplane.scenario import ScenarioError
    from certgate_controlplane.settings import LabError
    from certgate_controlplane.toolkit.async_lab import AsyncLab
    from certgate_controlplane.toolkit.connection import Connection
    from certgate_controlplane.toolkit.handles import Ca, Device
    from certgate_controlplane.toolkit.lab import Lab
    from certgate_controlplane.toolkit.options import Options
    from certgate_controlplane.toolkit.story import Decision

__all__ = [
    "ApiError",
    "AsyncLab",
    "Behaviour",
    "Ca",
    "ClockError",
    "Connection",
    "Counts",
    "Decision",
    "Device",
    "FaultError",
    "Fleet",
    "KeyType",
    "Lab",
    "LabError",
    "Options",
    "Reason",
    "ScenarioError",
]

_HOMES = {
    "ApiError": "certgate_controlplane.errors",
    "AsyncLab": "certgate_controlplane.toolkit.async_lab",
    "Behaviour": "certgate_controlplane.fleet",
    "Ca": "certgate_controlplane.toolkit.handles",
    "ClockError": "certgate_controlplane.clock",
    "Connection": "certgate_controlplane.toolkit.connection",
    "Counts": "certgate_controlplane.fleet",
    "Decision": "certgate_controlplane.toolkit.story",
    "Device": "certgate_controlplane.toolkit.handles",
    "FaultError": "certgate_controlplane.faults",
    "Fleet": "certgate_controlplane.fleet",
    "KeyType": "certgate_certs.builder",
    "Lab": "certgate_controlplane.toolkit.lab",
    "LabError": "certgate_controlplane.settings",
    "Options": "certgate_controlplane.toolkit.options",
    "Reason": "certgate_broker.reasons",
    "ScenarioError": "certgate_controlplane.scenario",
}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"certgate has no {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
