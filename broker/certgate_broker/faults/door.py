"""Put the faults that are set into force at a door, and out of force again."""

import asyncio
import logging
from dataclasses import replace
from functools import partial

from certgate_broker.admission import Clock
from certgate_broker.closer import Closer
from certgate_broker.door import Door
from certgate_broker.faults.closing import RuledCloser
from certgate_broker.faults.drawing import FaultSet
from certgate_broker.faults.values import Drawn, LiveSessions, RevocationDelay
from certgate_broker.faults.way import FaultyWay
from certgate_broker.watch import LOOK_SECONDS
from certgate_certs.registry import RegistryUnavailable
from certgate_certs.registry.lagging import LaggingStanding

_LOGGER = logging.getLogger(__name__)


class DoorFaults:
    """The faults of one door.

    Args:
        door: the door, as it is while no fault is set.
        clock: the lab's clock.
    """

    def __init__(self, door: Door, clock: Clock) -> None:
        self._door = door
        self._clock = clock
        self._prompt = door.registry.standing
        self._usual = door.desk.desk.closer
        self._closer = self._usual
        self._lagging: LaggingStanding | None = None
        self._ticking: asyncio.Task[None] | None = None

    async def apply(self, faults: FaultSet) -> None:
        """Let faults be in force in place of those that are; on return they are.

        Args:
            faults: the faults; without any, the door is as it was.

        Raises:
            RegistryUnavailable: the registry cannot be used.
        """
        await self._stop_ticking()
        self._lag(bool(faults.of(RevocationDelay)))
        self._closer = self._new_closer(faults)
        way = self._door.way
        if faults.of(Drawn):
            way = FaultyWay.beside(way, faults, self._closer)
        elif self._closer is not self._usual:
            way = replace(way, closer=self._closer)
        self._door.change(way, self._closer)
        if self._lagging is not None or isinstance(self._closer, RuledCloser):
            self._ticking = asyncio.create_task(self._tick(), name="certgate faults")
        if self._closer is not None:
            await self._closer.close(self._door.sessions.all())

    def _lag(self, wanted: bool) -> None:
        registry = self._door.registry
        if wanted and self._lagging is None:
            self._lagging = registry.lag(self._clock)
        elif self._lagging is not None and not wanted:
            registry.catch_up(self._prompt)
            self._lagging.close()
            self._lagging = None

    def _new_closer(self, faults: FaultSet) -> Closer | None:
        set_ones = faults.of(LiveSessions)
        if not set_ones:
            return self._usual
        number, fault = set_ones[-1]
        door, count = self._door, partial(faults.count, number)
        return RuledCloser(door.registry, door.sessions, self._clock, fault.delay, count)

    async def _stop_ticking(self) -> None:
        if self._ticking is not None:
            self._ticking.cancel()
            await asyncio.gather(self._ticking, return_exceptions=True)
            self._ticking = None

    async def _tick(self) -> None:
        """Do what is due by the clock alone; no change of the registry tells of it."""
        lapsed = None
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            try:
                newest = 0 if self._lagging is None else self._lagging.lapsed()
                if newest != lapsed and self._closer is not None:
                    await self._closer.close(self._door.sessions.all())
                lapsed = newest
                if isinstance(self._closer, RuledCloser):
                    await self._closer.tick()
            except RegistryUnavailable as error:
                _LOGGER.warning("what is due waits: %s", error)
