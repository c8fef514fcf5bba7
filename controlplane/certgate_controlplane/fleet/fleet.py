"""The fleet: many simulated devices in the running event loop."""

import asyncio
import collections
from collections.abc import Callable, Coroutine, Sequence
from pathlib import Path
from ssl import SSLError
from typing import Self

from certgate_controlplane.address import Address
from certgate_controlplane.client import ApiClient
from certgate_controlplane.fleet.behaviour import Behaviour, Plan
from certgate_controlplane.fleet.counts import Counts, Tally
from certgate_controlplane.fleet.device import SimulatedDevice
from certgate_controlplane.fleet.display import line
from certgate_controlplane.fleet.identity import DeviceIdentity
from certgate_controlplane.fleet.link import Approach, Link
from certgate_controlplane.fleet.records import Explainer
from certgate_controlplane.fleet.threads import Threads
from certgate_controlplane.fleet.tls import DeviceContext, device_context
from certgate_controlplane.settings import LabError

_GLANCE = 0.02
_AT_ONCE = 16
"""So many devices are switched off together; between them others have their turn."""


class Fleet:
    """Simulated devices; ``async with Fleet(lab.address, devices) as fleet: …``.

    Args:
        address: the lab they connect to.
        devices: who they are; each client identifier once.
        behaviour: how they behave; None for the defaults.
        instance_id: the instance they connect to; None for the lab's default one.

    Raises:
        ValueError: there is no device, or two have the same client identifier.
    """

    def __init__(
        self,
        address: Address,
        devices: Sequence[DeviceIdentity],
        behaviour: Behaviour | None = None,
        instance_id: str | None = None,
    ) -> None:
        _check(devices)
        self._address = address
        self._devices = tuple(devices)
        self._behaviour = behaviour or Behaviour()
        self._instance_id = instance_id or address.instance_ids[0]
        self._tally = Tally(device.client_id for device in devices)
        self._tasks: list[asyncio.Task[None]] = []
        self._threads: Threads | None = None
        self._explainer: Explainer | None = None
        self._failures: list[BaseException] = []

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def start(self) -> None:
        """Switch the devices on.

        Raises:
            LabError: the lab has no broker or no such instance, or a certificate or key cannot be
                used.
            CallError: the lab's API does not answer.
        """
        server, trusted = _server(self._address, self._instance_id)
        self._threads = threads = Threads()
        approach = Approach(*server, self._behaviour.patience_seconds, threads)
        try:
            contexts = await threads.call(self._contexts, trusted)
            url = self._address.api_url
            explainer = Explainer(None if url is None else ApiClient(url), self._tally, threads)
            await explainer.start()
            self._explainer = explainer
            self._begin(explainer.run())
            await self._switch_on(contexts, approach, explainer)
        except BaseException:
            await self.stop()
            raise

    async def _switch_on(
        self, contexts: Sequence[DeviceContext], approach: Approach, explainer: Explainer
    ) -> None:
        gate = asyncio.Semaphore(self._behaviour.at_once)
        for identity, context in zip(self._devices, contexts, strict=True):
            link = Link(identity, context, approach, self._tally.counted)
            plan = Plan(self._behaviour, identity.client_id)
            name, refused = identity.client_id, explainer.refused
            self._begin(SimulatedDevice(name, link, plan, self._tally, refused).run(gate))
            await asyncio.sleep(0)  # Others have a right to this loop, too.

    async def stop(self) -> None:
        """Disconnect and switch off every device, and explain the last refusals.

        Raises:
            Exception: what a device has failed of, if one has; none should.
        """
        while self._tasks:
            await self._end(self._tasks[-_AT_ONCE:])
            del self._tasks[-_AT_ONCE:]
        if self._explainer is not None:
            await self._explainer.explain()
            self._explainer = None
        if self._threads is not None:
            self._threads.close()
            self._threads = None
        self.check()

    def check(self) -> None:
        """Raise what a device has failed of, if one has; none should."""
        if self._failures:
            raise self._failures[0]

    def counts(self) -> Counts:
        """Give what the fleet has seen so far, and how it stands now."""
        return self._tally.counts()

    async def wait_until(
        self, condition: Callable[[Counts], bool], seconds: float = 30.0
    ) -> Counts:
        """Wait until the counts are as they should be.

        Args:
            condition: tells whether they are.
            seconds: how long to wait at most.

        Returns:
            The counts that satisfied it.

        Raises:
            TimeoutError: they never were; the message has the counts.
        """
        try:
            async with asyncio.timeout(seconds):
                while not condition(counts := self.counts()):
                    self.check()
                    self._tally.changed.clear()
                    await self._tally.changed.wait()
                    await asyncio.sleep(_GLANCE)  # Many changes, one look.
        except TimeoutError:
            raise TimeoutError(f"waited {seconds} s in vain: {line(self.counts())}") from None
        return counts

    def _contexts(self, trusted: str) -> list[DeviceContext]:
        # The first label names the instance; the server's certificate is for all of these names.
        name, resumes = f"{self._instance_id}.localhost", self._behaviour.resumption
        contexts = []
        for identity in self._devices:
            try:
                contexts.append(device_context(identity, trusted, name, resumes=resumes))
            except SSLError as error:
                raise LabError(f"{identity.client_id} cannot use its key: {error}") from error
        return contexts

    async def _end(self, tasks: Sequence[asyncio.Task[None]]) -> None:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _begin(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(work)
        task.add_done_callback(self._ended)
        self._tasks.append(task)

    def _ended(self, task: asyncio.Task[None]) -> None:
        failure = None if task.cancelled() else task.exception()
        if failure is not None:
            self._failures.append(failure)
            self._tally.changed.set()


def _check(devices: Sequence[DeviceIdentity]) -> None:
    if not devices:
        raise ValueError("a fleet needs at least one device")
    number = collections.Counter(device.client_id for device in devices)
    (name, times), *_ = number.most_common(1)
    if times > 1:
        raise ValueError(f"{times} devices share the client identifier {name!r}")


def _server(address: Address, instance_id: str) -> tuple[tuple[str, int], str]:
    """Give the broker's address and port, and the certificate to trust, PEM."""
    host, port, file = address.mqtts_host, address.mqtts_port, address.server_ca_file
    if host is None or port is None or file is None:
        raise LabError(f"the lab at {address.api_url} has no broker for devices to connect to")
    if instance_id not in address.instance_ids:
        raise LabError(
            f"the lab has no instance {instance_id!r}: {', '.join(address.instance_ids)}"
        )
    try:
        return (host, port), Path(file).read_text()
    except OSError as error:
        raise LabError(f"{file} cannot be read: {error.strerror}") from error
