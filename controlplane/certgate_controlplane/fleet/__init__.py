"""A fleet of simulated devices: real TLS and MQTT, and the habits of firmware."""

from certgate_controlplane.fleet.behaviour import Behaviour
from certgate_controlplane.fleet.counts import Counts, Latency
from certgate_controlplane.fleet.fleet import Fleet
from certgate_controlplane.fleet.identity import DeviceIdentity

__all__ = ["Behaviour", "Counts", "DeviceIdentity", "Fleet", "Latency"]
