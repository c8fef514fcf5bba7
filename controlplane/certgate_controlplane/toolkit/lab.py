"""The lab for everybody else: ``with Lab() as lab: …``; its event loop runs in a thread."""

from collections.abc import Coroutine
from datetime import datetime
from pathlib import Path
from typing import Any, Self, TypeVar, Unpack

import paho.mqtt.client as mqtt

from certgate_broker.reasons import Reason
from certgate_certs.authority import DEVICE_DAYS
from certgate_certs.builder import KeyType
from certgate_controlplane.address import Address
from certgate_controlplane.settings import LabError
from certgate_controlplane.toolkit.async_lab import AsyncLab
from certgate_controlplane.toolkit.connection import Connection
from certgate_controlplane.toolkit.handles import Ca, Device
from certgate_controlplane.toolkit.loop_thread import LoopThread
from certgate_controlplane.toolkit.options import Options
from certgate_controlplane.toolkit.story import Decision

_Answer = TypeVar("_Answer")


class BlockingClock:
    """The lab's clock, as `Clock` moves it, for callers without an event loop.

    Args:
        lab: whose clock it is.
    """

    def __init__(self, lab: "Lab") -> None:
        self._lab = lab

    @property
    def now(self) -> datetime:
        """The lab's time."""
        return self._lab.inner.clock.now

    def advance(self, **by: float) -> None:
        """Move the clock on, as `Clock.advance` does."""
        self._lab.run(self._lab.inner.clock.advance(**by))

    def reset(self) -> None:
        """Go by the machine's clock again."""
        self._lab.run(self._lab.inner.clock.reset())


class Lab:
    """A lab whose event loop runs in a thread; the verbs of `AsyncLab`, without ``await``.

    Args:
        options: how it is set up; see `Options`.

    Attributes:
        inner: the lab itself; its verbs are awaited in its own thread (see `run`).
        clock: the lab's clock.
    """

    def __init__(self, **options: Unpack[Options]) -> None:
        self.inner = AsyncLab(**options)
        self.clock = BlockingClock(self)
        self._thread: LoopThread | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """Start, as `AsyncLab.start` does."""
        self._thread = LoopThread()
        try:
            self.run(self.inner.start())
        except BaseException:
            self._end_thread()
            raise

    def stop(self) -> None:
        """End it, as `AsyncLab.stop` does; its thread is gone, too."""
        try:
            self.run(self.inner.stop())
        finally:
            self._end_thread()

    def run(self, work: Coroutine[Any, Any, _Answer]) -> _Answer:
        """Run something in the lab's event loop and wait for what comes of it.

        Args:
            work: a coroutine, such as ``lab.inner.decisions()``.

        Raises:
            LabError: the lab does not run.
        """
        __tracebackhide__ = True
        if self._thread is None:
            work.close()
            raise LabError("this lab does not run: use it inside `with`, or start it")
        try:
            return self._thread.run(work)
        except AssertionError as failure:
            # Without the frames of the other thread, which say nothing to whoever reads it.
            raise AssertionError(*failure.args) from None

    def _end_thread(self) -> None:
        if self._thread is not None:
            self._thread.stop()
            self._thread = None

    @property
    def address(self) -> Address:
        """Where everything is."""
        return self.inner.address

    @property
    def host(self) -> str:
        """Where devices connect."""
        return self.inner.host

    @property
    def port(self) -> int:
        """The TCP port that devices connect to."""
        return self.inner.port

    @property
    def api_url(self) -> str:
        """Where the cloud's API is, such as ``http://127.0.0.1:8080``."""
        return self.inner.api_url

    @property
    def server_ca_file(self) -> Path:
        """The certificate that devices have to trust, PEM."""
        return self.inner.server_ca_file

    @property
    def instance_id(self) -> str:
        """The instance that serves devices that name none."""
        return self.inner.instance_id

    def sdk_client(self) -> Any:  # noqa: ANN401  the SDK is not a dependency
        """Give the cloud's official client, as `AsyncLab.sdk_client` does."""
        return self.inner.sdk_client()

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
