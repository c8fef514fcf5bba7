"""The lab for everybody else: ``with Lab() as lab: …``."""

from pathlib import Path

import paho.mqtt.client as mqtt

from certgate_broker.reasons import Reason
from certgate_certs.authority import DEVICE_DAYS
from certgate_certs.builder import KeyType
from certgate_controlplane.toolkit.blocking import BlockingLife
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

    def report(self, path: Path | str) -> None:
        """Write the revocation timeline so far, as `AsyncLab.report` does."""
        self.run(self.inner.report(path))

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
