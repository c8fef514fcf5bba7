"""The lab for everybody else: ``with Lab() as lab: …``."""

from collections.abc import Sequence
from pathlib import Path

import paho.mqtt.client as mqtt

from certgate_broker.reasons import Reason
from certgate_certs.authority import DEVICE_DAYS
from certgate_certs.builder import KeyType
from certgate_controlplane.fleet import Behaviour
from certgate_controlplane.report import Claim
from certgate_controlplane.toolkit.blocking import BlockingLife
from certgate_controlplane.toolkit.bridges import BlockingFleet
from certgate_controlplane.toolkit.connection import Connection
from certgate_controlplane.toolkit.handles import Ca, Device
from certgate_controlplane.toolkit.story import Decision


class Lab(BlockingLife):
    """The verbs of `AsyncLab`, without ``await``.

    Args:
        options: how it is set up; see `Options`.
    """

    def new_ca(
        self,
        name: str = "ca",
        *,
        instance: str | None = None,
        registered: bool = True,
        key_type: KeyType = KeyType.EC_P256,
    ) -> Ca:
        """Make a CA, as `AsyncLab.new_ca` does."""
        made = self.inner.new_ca(name, instance=instance, registered=registered, key_type=key_type)
        return self.run(made)

    def register(self, ca: Ca) -> None:
        """Register a CA, as `AsyncLab.register` does."""
        self.run(self.inner.register(ca))

    def new_device(
        self,
        name: str,
        ca: Ca,
        *,
        client_id: str | None = None,
        days: int = DEVICE_DAYS,
        key_type: KeyType = KeyType.EC_P256,
    ) -> Device:
        """Make a device, as `AsyncLab.new_device` does."""
        made = self.inner.new_device(name, ca, client_id=client_id, days=days, key_type=key_type)
        return self.run(made)

    def activate(self, target: Ca | Device) -> None:
        """Let a CA's devices, or a device, connect, as `AsyncLab.activate` does."""
        self.run(self.inner.activate(target))

    def inactivate(self, target: Ca | Device) -> None:
        """Refuse a CA's devices, or a device, as `AsyncLab.inactivate` does."""
        self.run(self.inner.inactivate(target))

    def delete(self, target: Ca | Device) -> None:
        """Delete a CA or a device, as `AsyncLab.delete` does."""
        self.run(self.inner.delete(target))

    def close_connection(self, device: Device) -> bool:
        """Close a device's connection, as `AsyncLab.close_connection` does."""
        return self.run(self.inner.close_connection(device))

    def reset(self, snapshot: str | None = None) -> None:
        """Go back to a snapshot, or to an empty lab, as `AsyncLab.reset` does."""
        self.run(self.inner.reset(snapshot))

    def snapshot(self, name: str) -> None:
        """Keep what the lab holds under a name, as `AsyncLab.snapshot` does."""
        self.run(self.inner.snapshot(name))

    def export(self, path: Path | str, *, certificates: bool = True) -> None:
        """Write what the lab holds to a file, as `AsyncLab.export` does."""
        self.run(self.inner.export(path, certificates=certificates))

    def load(self, path: Path | str) -> None:
        """Replace what the lab holds by a scenario, as `AsyncLab.load` does."""
        self.run(self.inner.load(path))

    def ca(self, name: str, *, instance: str | None = None) -> Ca:
        """Take up a CA, as `AsyncLab.ca` does."""
        return self.inner.ca(name, instance=instance)

    def device(self, name: str, ca: Ca, *, client_id: str | None = None) -> Device:
        """Take up a device, as `AsyncLab.device` does."""
        return self.inner.device(name, ca, client_id=client_id)

    def fleet(
        self,
        *cas: Ca,
        devices: int = 10,
        group: str = "GID_fleet",
        behaviour: Behaviour | None = None,
    ) -> BlockingFleet:
        """Make a fleet of simulated devices, as `AsyncLab.fleet` does."""
        made = self.inner.fleet(*cas, devices=devices, group=group, behaviour=behaviour)
        return BlockingFleet(self, made)

    def report(self, path: Path | str, claims: Sequence[Claim] = ()) -> None:
        """Write the revocation timeline so far, as `AsyncLab.report` does."""
        self.run(self.inner.report(path, claims))

    def decisions(
        self, device: Device | None = None, accepted: bool | None = None, since: int = 0
    ) -> list[Decision]:
        """Give decision records, as `AsyncLab.decisions` does."""
        return self.run(self.inner.decisions(device, accepted, since))

    def wait_for_decision(
        self,
        device: Device | None = None,
        accepted: bool | None = None,
        since: int = 0,
        timeout: float = 5.0,
    ) -> Decision:
        """Wait for a decision record, as `AsyncLab.wait_for_decision` does."""
        __tracebackhide__ = True
        return self.run(self.inner.wait_for_decision(device, accepted, since, timeout))

    def connect(self, device: Device, client_id: str | None = None) -> Connection:
        """Connect as a device and stay connected, as `AsyncLab.connect` does."""
        __tracebackhide__ = True
        return self.run(self.inner.connect(device, client_id))

    def assert_admitted(self, device: Device) -> Decision:
        """See that a device is admitted, as `AsyncLab.assert_admitted` does."""
        __tracebackhide__ = True
        return self.run(self.inner.assert_admitted(device))

    def assert_refused(self, device: Device, reason: Reason | str | None = None) -> Decision:
        """See that a device is refused, as `AsyncLab.assert_refused` does."""
        __tracebackhide__ = True
        return self.run(self.inner.assert_refused(device, reason))

    def assert_refused_within(
        self, device: Device, ms: float, reason: Reason | str | None = None
    ) -> float:
        """See that a device is refused soon, as `AsyncLab.assert_refused_within` does."""
        __tracebackhide__ = True
        return self.run(self.inner.assert_refused_within(device, ms, reason))

    def assert_closed_within(self, connection: Connection | mqtt.Client, ms: float) -> None:
        """See that a connection ends soon, as `AsyncLab.assert_closed_within` does."""
        __tracebackhide__ = True
        self.run(self.inner.assert_closed_within(connection, ms))
