"""Faults on purpose: off until somebody sets them, each with a name, a seed and a count."""

from certgate_broker.faults.kinds import FaultError
from certgate_broker.faults.presets import PRESETS, Preset
from certgate_broker.faults.values import Fault
from certgate_controlplane.faults.values import FAULTS, make_fault, read_fault

__all__ = [
    "FAULTS",
    "PRESETS",
    "Fault",
    "FaultError",
    "Preset",
    "make_fault",
    "read_fault",
]
