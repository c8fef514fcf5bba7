"""One simulated device: connect, publish, drop, wait, and once more."""

import asyncio
import time
from collections.abc import Callable
from urllib.parse import quote

from certgate_controlplane.fleet.behaviour import Plan
from certgate_controlplane.fleet.counts import UNREACHABLE, State, Tally
from certgate_controlplane.fleet.link import KEEP_ALIVE, Link

_LOOK_AFTER = KEEP_ALIVE / 4

Refused = Callable[[str, str], None]
"""Told of each refusal: the client identifier, and ``address:port`` of the device's end."""


class SimulatedDevice:
    """Lives as firmware does.

    Args:
        client_id: its client identifier.
        link: connects it.
        plan: when it does what.
        tally: counts what it does.
        refused: asked to explain its refusals.
    """

    def __init__(
        self, client_id: str, link: Link, plan: Plan, tally: Tally, refused: Refused
    ) -> None:
        self._client_id = client_id
        self._link = link
        self._plan = plan
        self._tally = tally
        self._refused = refused
        # A client identifier may hold what a topic name may not.
        self._topic = f"fleet/{quote(client_id, safe='@')}"

    async def run(self, gate: asyncio.Semaphore) -> None:
        """Live until cancelled.

        Args:
            gate: lets so many connect at once.
        """
        await asyncio.sleep(self._plan.start())
        try:
            while True:
                lasted = await self._connect(gate)
                self._tally.moved(self._client_id, State.WAITING)
                await asyncio.sleep(self._plan.back_off(lasted))
        finally:
            self._tally.moved(self._client_id, State.WAITING)

    async def _connect(self, gate: asyncio.Semaphore) -> float:
        """Connect, and stay while that works; give how many seconds it did."""
        async with gate:
            self._tally.moved(self._client_id, State.CONNECTING)
            answer = await self._link.open()
        if answer.admitted:
            milliseconds, resumed = answer.milliseconds, answer.resumed
            self._tally.admitted(self._client_id, milliseconds, resumed=resumed)
            return await self._stay()
        if answer.reached:
            self._refused(self._client_id, answer.local_address)
        else:
            self._tally.refused(self._client_id, UNREACHABLE)
        return 0.0

    async def _stay(self) -> float:
        began = time.monotonic()
        self._tally.moved(self._client_id, State.CONNECTED)
        try:
            self._link.subscribe(self._topic)
            dropped = await self._work(began + self._plan.stay())
            self._tally.counted("dropped" if dropped else "lost")
        finally:
            self._link.leave()
        return time.monotonic() - began

    async def _work(self, until: float) -> bool:
        """Publish until it is time to drop the connection; False where it ends before."""
        due = time.monotonic() + self._plan.pause()
        while not self._link.ended.done():
            now = time.monotonic()
            if now >= until:
                self._link.cut()
                return True
            if now >= due:
                self._link.publish(self._topic, f"{now}")
                due = now + self._plan.pause()
            self._link.look_after()
            pause = min(until, due, now + _LOOK_AFTER) - now
            await asyncio.wait((self._link.ended,), timeout=pause)
        return False
