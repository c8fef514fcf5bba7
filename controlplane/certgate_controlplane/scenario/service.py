"""What can be done with the whole of what a lab holds: export, load, snapshot, reset."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from certgate_broker.desk import Desks
from certgate_certs.registry import Contents, Registry
from certgate_controlplane.clock import LabClock, SharedClock
from certgate_controlplane.scenario.checking import check
from certgate_controlplane.scenario.document import Scenario, read
from certgate_controlplane.scenario.making import Maker
from certgate_controlplane.scenario.snapshots import Snapshots
from certgate_controlplane.scenario.writing import write
from certgate_controlplane.state import StateDirectory

_EMPTY = Contents(clock_offset_ms=0)


@dataclass(frozen=True, slots=True)
class Loaded:
    """What has come of loading a scenario.

    Attributes:
        cas: CA certificates that are registered now.
        devices: device certificates likewise.
    """

    cas: int
    devices: int


@dataclass(frozen=True, slots=True)
class Premises:
    """Where scenarios are loaded.

    Attributes:
        state: the state directory, which missing certificates are made in.
        instance_ids: the instances; the first one is meant where a scenario names none.
        most_cas: CA certificates that an instance may have.
        now: the lab's clock.
    """

    state: StateDirectory
    instance_ids: Sequence[str]
    most_cas: int
    now: LabClock


class Scenarios:
    """Exports and replaces what a lab holds.

    A replacement leaves nothing of what was before: no CA, device, client identifier, registration
    code, decision record or closing; no open connection, kept session or message in any process.
    Numbers of records go on counting.

    Args:
        registry: what the lab holds.
        desks: the doors of every process that shares the registry.
        clock: moves the lab's clock.
        premises: where scenarios are loaded.
        also: called when the lab is reset, before anything else, one after the other.
    """

    def __init__(
        self,
        registry: Registry,
        desks: Desks,
        clock: SharedClock,
        premises: Premises,
        also: Sequence[Callable[[], Awaitable[None]]] = (),
    ) -> None:
        self._registry = registry
        self._desks = desks
        self._clock = clock
        self._premises = premises
        self._also = also
        self._snapshots = Snapshots(premises.state.path)
        self._one_at_a_time = asyncio.Lock()

    async def export(self, *, certificates: bool = True) -> str:
        """Write what the lab holds as a scenario.

        Args:
            certificates: with certificates; without, it is short, and loading it makes new ones.

        Raises:
            RegistryUnavailable: the registry cannot be read.
        """
        contents = await self._registry.everything.read()
        return await asyncio.to_thread(write, contents, certificates=certificates)

    async def load(self, document: str | bytes) -> Loaded:
        """Replace what the lab holds by a scenario.

        Args:
            document: the scenario, JSON.

        Returns:
            How much there is now; every process works with it.

        Raises:
            ScenarioError: it cannot be loaded; the lab is as it was.
            RegistryUnavailable: the registry cannot be written and is as it was, or a process
                cannot be told.
        """
        async with self._one_at_a_time:
            contents = await asyncio.to_thread(self._contents, document)
            await self._replace(contents)
        return Loaded(len(contents.cas), sum(len(ca.devices) for ca in contents.cas))

    async def snapshot(self, name: str) -> None:
        """Keep what the lab holds under a name, also for later runs.

        Args:
            name: the name; an earlier snapshot of that name is replaced.

        Raises:
            ScenarioError: the name cannot be a file's, or the file cannot be written.
            RegistryUnavailable: the registry cannot be read.
        """
        async with self._one_at_a_time:
            scenario = await self.export()
            await asyncio.to_thread(self._snapshots.write, name, scenario)

    async def snapshots(self) -> list[str]:
        """List the names of the snapshots."""
        return await asyncio.to_thread(self._snapshots.names)

    async def reset(self, name: str | None = None, *, remove_made: bool = False) -> None:
        """Go back to a snapshot, or to an empty lab whose clock is right.

        Args:
            name: the snapshot; None for the empty lab.
            remove_made: remove the CAs and devices, too, that were made in the state directory
                since, so that their names are free again.

        Raises:
            SnapshotUnknown: there is no such snapshot.
            ScenarioError: it cannot be loaded; the lab is as it was.
            RegistryUnavailable: the registry cannot be written and is as it was, or a process
                cannot be told.
        """
        async with self._one_at_a_time:
            contents = _EMPTY
            if name is not None:
                contents = await asyncio.to_thread(self._contents_of, name)
            for call in self._also:
                await call()
            await self._replace(contents)
            if remove_made:
                await asyncio.to_thread(self._snapshots.remove_made_since, name)

    def _contents_of(self, name: str) -> Contents:
        return self._contents(self._snapshots.read(name))

    def _contents(self, document: str | bytes) -> Contents:
        scenario = read(document, self._premises.instance_ids)
        maker = Maker(self._premises.state, self._time_in(scenario))
        return check(maker.complete(scenario), self._premises.most_cas)

    def _time_in(self, scenario: Scenario) -> datetime:
        offset = scenario.clock_offset_ms
        moved = 0 if offset is None else offset - self._premises.now.offset_ms
        return datetime.fromtimestamp((self._premises.now() + moved) / 1000, UTC)

    async def _replace(self, contents: Contents) -> None:
        era = await self._registry.everything.replace(contents)
        if contents.clock_offset_ms not in {None, self._premises.now.offset_ms}:
            await self._clock.set(contents.clock_offset_ms)
        await self._desks.ask(kind="reset", era=era)
