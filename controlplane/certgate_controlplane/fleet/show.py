"""Run a fleet before an audience, until it has seen enough."""

import asyncio
import contextlib
import json
import signal
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, replace

from rich.console import Console
from rich.live import Live

from certgate_controlplane.fleet.counts import Counts, State
from certgate_controlplane.fleet.display import line, table
from certgate_controlplane.fleet.fleet import Fleet

_LINE_SECONDS = 1.0
_TABLE_SECONDS = 0.25

Stopped = asyncio.Future[None]
"""Done once it is time to stop."""


@dataclass(frozen=True, slots=True)
class Show:
    """How a fleet is shown.

    Attributes:
        title: what it is.
        console: where; a terminal gets a table that is kept up to date, anything else a line a
            second.
        as_json: show nothing but one line of JSON at the end.
        duration: seconds; 0: until SIGINT or SIGTERM.
    """

    title: str
    console: Console = field(default_factory=lambda: Console(highlight=False))
    as_json: bool = False
    duration: float = 0.0

    async def run(self, fleet: Fleet) -> None:
        """Start a fleet, show it, and stop it.

        Args:
            fleet: the fleet.
        """
        with _stop_signals() as stopped:
            async with fleet:
                began = time.monotonic()
                if self.duration:
                    asyncio.get_running_loop().call_later(self.duration, _set, stopped)
                await self._watch(fleet, stopped)
                took = time.monotonic() - began
                last = fleet.counts()
        # The last refusals are explained by now; but how the devices stood is of interest as well.
        stood = {state.value: getattr(last, state.value) for state in State}
        self._sum_up(replace(fleet.counts(), **stood), took)

    async def _watch(self, fleet: Fleet, stopped: Stopped) -> None:
        if self.as_json:
            await _pass(fleet, stopped, None)
        elif self.console.is_terminal:
            with Live(console=self.console, auto_refresh=False, transient=True) as live:
                live.update(table(fleet.counts(), self.title), refresh=True)
                while not await _pass(fleet, stopped, _TABLE_SECONDS):
                    live.update(table(fleet.counts(), self.title), refresh=True)
        else:
            while not await _pass(fleet, stopped, _LINE_SECONDS):
                self._print(line(fleet.counts()))

    def _sum_up(self, counts: Counts, took: float) -> None:
        if self.as_json:
            figures = {"seconds": round(took, 3), "admitted": counts.admitted, **asdict(counts)}
            self._print(json.dumps(figures))
        elif self.console.is_terminal:
            self.console.print(table(counts, f"{self.title}, after {took:.0f} s"))
        else:
            self._print(f"after {took:.0f} s: {line(counts)}")

    def _print(self, text: str) -> None:
        self.console.print(text, markup=False, soft_wrap=True)


async def _pass(fleet: Fleet, stopped: Stopped, seconds: float | None) -> bool:
    """Let time pass; tell whether it is time to stop. A fleet that fails raises why."""
    await asyncio.wait((stopped,), timeout=seconds)
    fleet.check()
    return stopped.done()


@contextlib.contextmanager
def _stop_signals() -> Iterator[Stopped]:
    loop = asyncio.get_running_loop()
    stopped: Stopped = loop.create_future()
    numbers = (signal.SIGINT, signal.SIGTERM)
    for number in numbers:
        loop.add_signal_handler(number, _set, stopped)
    try:
        yield stopped
    finally:
        for number in numbers:
            loop.remove_signal_handler(number)


def _set(stopped: Stopped) -> None:
    if not stopped.done():
        stopped.set_result(None)
