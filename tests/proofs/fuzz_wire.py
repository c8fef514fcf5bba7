"""Attacks over real TLS connections, and what has to be as before when they are over."""

import asyncio
import contextlib
import random
import tempfile
import time
import traceback
from collections.abc import Callable
from pathlib import Path

from certgate_broker.policy import RefusalStyle
from certgate_certs.registry import DecisionRecord, Registry
from proofs.fuzz_attacks import Attack, Attacks
from proofs.fuzz_figures import MOST_FAULTS, SHOWN, Figures
from proofs.fuzz_houses import House, Vitals, inside, outside, until
from proofs.fuzz_scene import DECISIONS, connect, honest_is_admitted, prepare

PARALLEL = 32
PATIENCE = 30.0
"""A connection is over within this many seconds; the server itself waits 10 at most."""

BACK = 10.0
"""Within this many seconds records are there, and what is more than before is back."""
MOST_GROWTH = 64 * 1024
"""Memory that a server may keep, KiB: buffers that were in use at once, and the database's."""

Open = Callable[[Path, RefusalStyle], contextlib.AbstractAsyncContextManager[House]]
HOUSES: tuple[tuple[Open, RefusalStyle, float], ...] = (
    (outside, RefusalStyle.CONNACK_5, 0.5),
    (outside, RefusalStyle.ALERT, 0.4),
    (inside, RefusalStyle.CONNACK_5, 0.05),
    (inside, RefusalStyle.ALERT, 0.05),
)
"""Each server with its style of refusing and its share of the connections."""


class Storm:
    """Attacks a server.

    Args:
        attacks: makes attacks.
        port: where the server is.
        figures: where everything is noted.
        name: of the server.
    """

    def __init__(self, attacks: Attacks, port: int, figures: Figures, name: str) -> None:
        self._attacks, self._port, self._figures, self._name = attacks, port, figures, name
        self._left = 0

    async def blow(self, connections: int) -> None:
        """Make so many connections, some at a time."""
        self._left = connections
        async with asyncio.TaskGroup() as group:
            for _ in range(PARALLEL):
                group.create_task(self._one_by_one())

    async def _one_by_one(self) -> None:
        while self._left > 0:
            self._left -= 1
            attack = self._attacks.make()
            outcome = await self._attack(attack)
            self._figures.outcomes[self._name, attack.kind, outcome] += 1

    async def _attack(self, attack: Attack) -> str:
        wire = await connect(self._port)
        try:
            async with asyncio.timeout(PATIENCE):
                heard = await attack.run(wire)
        except TimeoutError:
            return self._fault(attack, "the server neither answered nor hung up")
        except Exception:  # noqa: BLE001  what the client has not foreseen is looked into, too
            return self._fault(attack, traceback.format_exc())
        finally:
            await wire.close()
        if heard[:2] == b"\x20\x02" and heard[3:4] == b"\0":
            return self._fault(attack, "admitted")
        return f"CONNACK {heard[3]}" if heard[:2] == b"\x20\x02" else "no CONNACK"

    def _fault(self, attack: Attack, what: str) -> str:
        if len(self._figures.faults) < MOST_FAULTS:
            self._figures.faults.append(
                f"{self._name}, {attack.kind}: {what}\n{attack.detail[:SHOWN]}"
            )
        return "FAULT"


async def records(registry: Registry) -> list[DecisionRecord]:
    """Read every decision record."""
    found: list[DecisionRecord] = []
    last = 0
    while part := await registry.decisions.since(last, 1000):
        found += [record for _, record in part]
        last = part[-1][0]
    return found


async def recorded(house: House, goal: int) -> list[DecisionRecord]:
    """Wait until so many decisions are recorded, but not for ever; give all there are."""
    end = time.monotonic() + BACK
    while len(found := await records(house.registry)) < goal:
        if time.monotonic() > end:
            break
        await asyncio.sleep(0.05)
    return found


async def settled(house: House) -> Vitals:
    """Wait until a server has calmed down, and look at it."""
    seen = [house.look()]
    while len(seen) < 5 or any(each.counted != seen[-1].counted for each in seen[-5:]):
        await asyncio.sleep(0.05)
        seen.append(house.look())
    return seen[-1]


async def attack(house: House, connections: int, seed: str, figures: Figures) -> None:
    """Attack a server, and check that nothing has come of it.

    Args:
        house: the server.
        connections: how many.
        seed: decides what can be decided.
        figures: where everything is noted.
    """
    scene = await prepare(house)
    assert await honest_is_admitted(scene)
    attacks, decided = Attacks(random.Random(seed), scene), len(await recorded(house, DECISIONS))
    rows, before = house.rows(), await settled(house)
    await Storm(attacks, house.port, figures, house.name).blow(connections)
    made = (await recorded(house, decided + connections))[decided:]
    figures.reasons.update(" ".join(record.reasons) for record in made)
    await until(lambda: not house.look().exceeds(before), BACK)
    after = house.look()
    resumed = sum(record.resumed for record in made)
    print(f"{house.name}: {connections} connections, {resumed} of them resumed a session;", end=" ")
    print(f"before: {before}; after: {after}", flush=True)
    admitted = [record for record in made if record.accepted]
    checks = {
        f"{len(made)} decisions are recorded": len(made) == connections,
        f"admitted: {admitted[:3]}": not admitted,
        "the registry has changed": house.rows() == rows,
        f"more than before: {before} became {after}": not after.exceeds(before),
        f"more memory than before: {before} became {after}": after.kibibytes
        <= before.kibibytes + MOST_GROWTH,
        "the honest device is not admitted any more": await honest_is_admitted(scene),
        f"it complains: {house.complaints()}": not house.complaints(),
    }
    figures.faults += [f"{house.name}: {fault}" for fault, holds in checks.items() if not holds]


async def attack_all(connections: int, seed: int, figures: Figures) -> None:
    """Attack every server with its share of so many connections, one after the other.

    Args:
        connections: how many in all.
        seed: decides what can be decided.
        figures: where everything is noted.
    """
    for number, (open_house, style, share) in enumerate(HOUSES):
        with tempfile.TemporaryDirectory(prefix="certgate-fuzz-") as folder:
            async with open_house(Path(folder), style) as house:
                await attack(house, round(connections * share), f"{seed}/{number}", figures)
