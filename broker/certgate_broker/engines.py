"""The engines of a door: one an instance, all of them to be exchanged for fresh ones at once."""

import contextlib
import logging
from collections.abc import Iterable, Iterator, Mapping

from certgate_broker.engine import Engine
from certgate_broker.limits import ConnectionLimits

_LOGGER = logging.getLogger(__name__)


class Engines(Mapping[str, Engine]):
    """The engine of each instance.

    Args:
        instance_ids: the instances; the first one is the default one.
        limits: how much of an engine a client gets.
    """

    def __init__(self, instance_ids: Iterable[str], limits: ConnectionLimits) -> None:
        self._limits = limits
        self._current = {instance: Engine(limits) for instance in instance_ids}
        self._retired: list[Engine] = []

    def __getitem__(self, instance_id: str) -> Engine:
        return self._current[instance_id]

    def __iter__(self) -> Iterator[str]:
        return iter(self._current)

    def __len__(self) -> int:
        return len(self._current)

    async def start(self) -> None:
        """Make them ready for connections."""
        await _start(self._current.values())

    async def stop(self) -> None:
        """End all sessions and forget what is stored for them."""
        self._retired += self._current.values()
        await self.retire()

    async def prepare(self) -> dict[str, Engine]:
        """Give an engine for each instance that has seen nobody yet, ready for connections."""
        fresh = {instance: Engine(self._limits) for instance in self._current}
        await _start(fresh.values())
        return fresh

    def exchange(self, fresh: Mapping[str, Engine]) -> None:
        """Put other engines in place of these; nobody is served by the old ones from now on.

        Args:
            fresh: what `prepare` gave.
        """
        self._retired += self._current.values()
        self._current.update(fresh)

    async def retire(self) -> None:
        """Stop the engines that were replaced."""
        while self._retired:
            engine = self._retired.pop()
            try:
                await engine.stop()
            except Exception:
                # It serves nobody any more; the others have to be stopped all the same.
                _LOGGER.exception("an engine could not be stopped")


async def _start(engines: Iterable[Engine]) -> None:
    async with contextlib.AsyncExitStack() as stack:
        for engine in engines:
            await engine.start()
            stack.push_async_callback(engine.stop)
        stack.pop_all()
