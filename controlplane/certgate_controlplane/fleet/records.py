"""Why devices were refused: a client sees a return code at most, the lab's records tell."""

import asyncio
import time
from dataclasses import dataclass
from typing import Any

from certgate_controlplane.client import ApiClient, CallError
from certgate_controlplane.fleet.counts import Tally
from certgate_controlplane.fleet.threads import Threads

_INTERVAL = 0.25
_PAGE = 1000
_PATIENCE = 30.0

Record = dict[str, Any]
"""A decision record as `/_certgate/decisions` writes it."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """What one side knows of a refusal: the device, or the lab.

    Attributes:
        client_id: the client identifier; "" where the lab has not come to know it.
        address: ``address:port`` of the device's end.
        reasons: the lab's reasons; the device knows none.
        at: when it was heard of, seconds of the monotonic clock.
    """

    client_id: str
    address: str
    at: float
    reasons: tuple[str, ...] = ()

    def is_that_of(self, other: "Refusal") -> bool:
        """Tell whether another one of the same address is about the same connection."""
        return "" in {self.client_id, other.client_id} or self.client_id == other.client_id


class Refusals:
    """Refusals that wait for the other side to tell of them.

    The lab's record may be read before the device has heard of its refusal, and a port may be used
    again before it is. Knows no socket and no clock.
    """

    def __init__(self) -> None:
        self._waiting: dict[str, list[Refusal]] = {}

    def __len__(self) -> int:
        return sum(map(len, self._waiting.values()))

    def meet(self, refusal: Refusal) -> Refusal | None:
        """Find the oldest that is about the same connection; where there is none, this one waits.

        Args:
            refusal: what the other side knows.
        """
        waiting = self._waiting.setdefault(refusal.address, [])
        for other in waiting:
            if bool(other.reasons) != bool(refusal.reasons) and refusal.is_that_of(other):
                self._remove(other)
                return other
        waiting.append(refusal)
        return None

    def give_up(self, before: float) -> None:
        """Drop those that have waited too long.

        Args:
            before: seconds of the monotonic clock.
        """
        for refusal in [item for found in self._waiting.values() for item in found]:
            if refusal.at < before:
                self._remove(refusal)

    def _remove(self, refusal: Refusal) -> None:
        waiting = self._waiting[refusal.address]
        waiting.remove(refusal)
        if not waiting:
            del self._waiting[refusal.address]


class Explainer:
    """Reads the lab's decision records while there is something to explain.

    Args:
        api: the lab; None where its API cannot be asked, so that nothing is ever explained.
        tally: told the reasons.
        threads: where the lab is asked.
    """

    def __init__(self, api: ApiClient | None, tally: Tally, threads: Threads) -> None:
        self._api = api
        self._tally = tally
        self._threads = threads
        self._refusals = Refusals()
        self._since = 0

    async def start(self) -> None:
        """Find out where the records end, so that none is read that is older than the fleet.

        Raises:
            CallError: the lab does not answer.
        """
        if self._api is not None:
            self._since = await self._threads.call(_last_number, self._api)

    def refused(self, client_id: str, local_address: str) -> None:
        """Take note of a refusal that has to be explained.

        Args:
            client_id: the device's client identifier.
            local_address: ``address:port`` of the device's end.
        """
        self._tally.refused(client_id)
        self._meet(Refusal(client_id, local_address, time.monotonic()))

    async def run(self) -> None:
        """Explain refusals until cancelled."""
        while self._api is not None:
            await asyncio.sleep(_INTERVAL)
            await self.explain()
            self._refusals.give_up(time.monotonic() - _PATIENCE)

    async def explain(self) -> None:
        """Explain the refusals so far, as far as the lab answers and has records of them."""
        if self._api is None or not self._refusals:
            return
        try:
            while records := await self._threads.call(_page, self._api, self._since, _PAGE):
                self._since = int(records[-1]["number"])
                self._hear(records)
        except CallError:
            return  # A lab that is being started anew answers later.

    def _hear(self, records: list[Record]) -> None:
        for record in records:
            address, reasons = str(record["remote_address"]), tuple(record["reasons"])
            if reasons:
                client_id = str(record["client_id"])
                self._meet(Refusal(client_id, address, time.monotonic(), reasons))

    def _meet(self, refusal: Refusal) -> None:
        other = self._refusals.meet(refusal)
        if other is not None:
            client_id = refusal.client_id or other.client_id
            self._tally.explained(client_id, refusal.reasons or other.reasons)


def _page(api: ApiClient, since: int, limit: int) -> list[Record]:
    return list(api.read(f"/_certgate/decisions?since={since}&limit={limit}")["decisions"])


def _last_number(api: ApiClient) -> int:
    """Find the number of the newest record; there is no way but to try."""
    low, high = 0, 1
    while _page(api, high - 1, 1):
        low, high = high, 2 * high
    while low < high:  # The newest is low or above, and below high.
        middle = (low + high) // 2
        low, high = (middle + 1, high) if _page(api, middle, 1) else (low, middle)
    return low
