"""Any number of generated requests: none gets an undocumented answer, none spoils the registry.

``python tests/proofs/api_requests.py [--requests 200000] [--seed N]`` sends generated garbage and
the steps of the model in turn, in memory, to the application without and with access keys. After
every request the registry is compared with the model, row by row. It prints how often each answer
was given, and ends with 1 where anything was wrong. Every so many requests it begins anew, with a
generator and a registry of its own, so that memory stays as it is. The seed decides every choice;
certificates and registration codes are new each time, so a fault is printed with its request.
"""

import argparse
import asyncio
import random
import resource
import sys
import time
import traceback
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent))

from controlplane.harness import Reply
from proofs.garbage import Garbage, Request
from proofs.steps import take_step
from proofs.world import World, assert_documented, new_world

ROUND = 500
MOST_FAULTS = 20


@dataclass
class Figures:
    """What was counted.

    Attributes:
        answers: by operation, status and code.
        kinds: requests by what made them.
        faults: what was wrong, with the seed of its round.
    """

    answers: Counter[tuple[str, int, str]] = field(default_factory=Counter)
    kinds: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)

    def count(self, kind: str, operation: str, reply: Reply) -> None:
        """Note an answer."""
        self.kinds[kind] += 1
        code = "" if reply.status == 200 else str(reply.body["Code"])
        self.answers[operation, reply.status, code] += 1

    @property
    def total(self) -> int:
        """How many requests were answered."""
        return self.answers.total()


async def send(world: World, request: Request) -> Reply:
    """Send a request and check the answer, and that nothing else has changed."""
    driver = world.signed if request.is_signed else world.open
    try:
        reply = await driver.send(
            request.method, request.query, request.headers, [request.body], request.path
        )
        check(world, reply)
    except Exception as failure:
        failure.add_note(repr(request)[:2000])
        raise
    return reply


def check(world: World, reply: Reply) -> None:
    """Check an answer and the registry after it."""
    code = assert_documented(reply)
    if not code and "RegisterCode" in reply.body:
        world.learn(reply.body["RegisterCode"])
    world.assert_as_modelled()


async def play(seed: str, requests: int, figures: Figures) -> None:
    """Send some requests to a new registry."""
    rng = random.Random(seed)
    garbage = Garbage(rng)

    def pick(several: Any) -> Any:
        return rng.choice(several)

    async with new_world() as world:
        goal = figures.total + requests
        while figures.total < goal:
            if rng.random() < 0.5:
                request = garbage.request()
                figures.count(request.kind, request.operation, await send(world, request))
                continue
            done, answered = await take_step(world, pick)
            if answered is not None:
                figures.count("model", done, answered)


async def prove(requests: int, seed: int) -> Figures:
    """Play rounds until so many requests were answered, or too much was wrong.

    Args:
        requests: how many at least.
        seed: decides everything.
    """
    figures, number = Figures(), 0
    while figures.total < requests and len(figures.faults) < MOST_FAULTS:
        number += 1
        name = f"{seed}/{number}"
        try:
            await play(name, min(ROUND, requests - figures.total), figures)
        except Exception:  # noqa: BLE001  whatever goes wrong is what is looked for
            figures.faults.append(f"round {name}:\n{traceback.format_exc()}")
    return figures


def report(figures: Figures, seconds: float) -> None:
    """Print what was counted."""
    for (operation, status, code), times in sorted(figures.answers.items()):
        print(f"{times:8}  {operation:30} {status} {code}")
    for kind, times in sorted(figures.kinds.items()):
        print(f"{times:8}  made by: {kind}")
    for fault in figures.faults:
        print(fault)
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print(
        f"{figures.total} requests, {len(figures.faults)} faults,"
        f" {seconds:.0f} s, at most {memory} MiB"
    )


def main() -> int:
    """Run the proof as the command line says."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--requests", type=int, default=200_000, help="how many (200000)")
    parser.add_argument("--seed", type=int, default=0, help="decides everything (0)")
    chosen = parser.parse_args()
    began = time.monotonic()
    figures = asyncio.run(prove(chosen.requests, chosen.seed))
    report(figures, time.monotonic() - began)
    return 1 if figures.faults else 0


if __name__ == "__main__":
    sys.exit(main())
