"""The faults of a lab: set, cleared and listed, in every process that shares its registry."""

import asyncio
import contextlib
import json
from collections.abc import Iterable, Sequence
from functools import partial

from certgate_broker.admission import Clock
from certgate_broker.desk import Desks
from certgate_broker.door import Door
from certgate_broker.faults.door import DoorFaults
from certgate_broker.faults.drawing import FaultSet, SetFault, read_rows
from certgate_broker.faults.kinds import FaultError
from certgate_broker.faults.values import Drawn, Fault, RevocationDelay
from certgate_certs.registry import Registry, RegistryUnavailable
from certgate_certs.registry.grace import Period
from certgate_controlplane.faults.calls import FaultyCalls
from certgate_controlplane.faults.values import FAULTS, make_fault
from certgate_controlplane.rpc import Runner

QUESTION = "faults"
"""The kind of question by which a process is told that the faults have changed."""


class Faults:
    """The faults of a lab, as one of its processes has them.

    A fault that is set here ends with this process at the latest.

    Args:
        registry: keeps them.
        desks: reach the other processes.
        clock: the lab's clock.
        door: the devices' door of this process; None where it has none.

    Attributes:
        runner: runs the operations of this process's API.
    """

    def __init__(self, registry: Registry, desks: Desks, clock: Clock, door: Door | None) -> None:
        self._registry = registry
        self._desks = desks
        self._clock = clock
        self._door = None if door is None else DoorFaults(door, clock)
        self._own: set[int] = set()
        self._in_force: tuple[SetFault, ...] = ()
        self._at_work = asyncio.Lock()
        self.runner = Runner()

    async def start(self, given: Sequence[Fault] = ()) -> None:
        """Put what is set into force here.

        Args:
            given: faults to begin with.

        Raises:
            RegistryUnavailable: the registry cannot be used.
        """
        if await self._registry.faults.forget_dead():
            await self._tell()
            await self._end_grace()
        for fault in given:
            await self._put(fault)
        await self.reload()

    async def stop(self) -> None:
        """Clear what was set here, and be as if nothing was set."""
        with contextlib.suppress(RegistryUnavailable):
            if self._own:
                await self._clear(self._own)
        with contextlib.suppress(RegistryUnavailable):
            async with self._at_work:
                await self._apply(())

    async def set(self, fault: Fault | str, /, **given: object) -> Fault:
        """Set a fault, in place of an earlier one of that name for the same devices or operation.

        On return it is in force in every process.

        Args:
            fault: the fault, or its name.
            given: the fields that go with the name, such as ``percent=50``.

        Returns:
            The fault.

        Raises:
            FaultError: there is no such fault, or a field or value does not fit.
            RegistryUnavailable: the registry cannot be used, or a process not told.
        """
        if isinstance(fault, str):
            fault = make_fault(fault, given)
        elif given:
            raise FaultError("fields go with the name of a fault, not with a fault")
        await self._put(fault)
        await self._tell()
        return fault

    async def clear(self, name: str | None = None) -> None:
        """Clear the faults of a name, or all; on return they are in force nowhere.

        Args:
            name: the name; None for all. One that is not set is no error.

        Raises:
            FaultError: there is no such fault.
            RegistryUnavailable: the registry cannot be used, or a process not told.
        """
        if name is not None and name not in FAULTS:
            raise FaultError(f"there is no fault {name!r}; there are {', '.join(FAULTS)}")
        rows = await self._registry.faults.all()
        await self._clear({row.id for row in rows if name in {None, row.name}})

    async def list(self) -> list[dict[str, object]]:
        """List what is set: each with its name, its fields, how often seen and how often struck.

        Raises:
            RegistryUnavailable: the registry cannot be used.
        """
        rows = await self._registry.faults.all()
        return [
            {"name": row.name, **json.loads(row.fields), "seen": row.seen, "struck": row.struck}
            for row in rows
        ]

    async def reload(self) -> None:
        """Put what is set into force here; called where another process has changed it.

        Raises:
            RegistryUnavailable: the registry cannot be used.
        """
        async with self._at_work:
            found = tuple(read_rows(await self._registry.faults.all(), FAULTS))
            if found != self._in_force:
                await self._apply(found)

    async def _put(self, fault: Fault) -> None:
        fields = json.dumps(fault.said())
        self._own.add(await self._registry.faults.put(fault.name, fault.target, fields))

    async def _clear(self, numbers: Iterable[int]) -> None:
        delayed = self._delays()
        await self._registry.faults.clear(numbers)
        await self._tell()
        if delayed:
            await self._end_grace()

    async def _end_grace(self) -> None:
        if not self._delays():
            await self._registry.grace.clear()

    def _delays(self) -> bool:
        return any(isinstance(item.fault, RevocationDelay) for item in self._in_force)

    async def _tell(self) -> None:
        await self.reload()
        await self._desks.ask(kind=QUESTION)

    async def _apply(self, found: Sequence[SetFault]) -> None:
        faults = FaultSet(self._registry.faults, found)
        if faults.of(Drawn):
            self.runner.run = FaultyCalls(faults).run
        else:
            self.runner.run_plainly()
        self._delay(faults)
        if self._door is not None:
            await self._door.apply(faults)
        self._in_force = tuple(found)

    def _delay(self, faults: FaultSet) -> None:
        self._registry.delay_no_more()
        for number, fault in faults.of(RevocationDelay):
            end = partial(self._end, fault.milliseconds)
            self._registry.delay_withdrawals(Period(end, partial(faults.count, number)))

    def _end(self, milliseconds: int) -> int:
        return self._clock() + milliseconds
