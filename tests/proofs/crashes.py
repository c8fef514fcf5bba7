"""SIGKILL at random moments under load: what was answered is there, nothing half-done is.

``python tests/proofs/crashes.py [--kills 100] [--seed N]`` kills the API's process, the broker's,
and one that runs both, in turn, while CAs and devices are registered, inactivated, activated and
deleted and devices connect. After each restart the first device to connect is one that has to be
refused; then everything that was answered is compared with what the lab says and what is in the
registry. It prints what was counted, and ends with 1 where anything was wrong.

The seed decides who does what and how long a process has to live; what it is doing at that moment
is up to the machine.
"""

import argparse
import random
import statistics
import sys
import tempfile
import threading
import time
import traceback
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import cycle, islice
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from e2e.support import Lab, wait_until
from proofs.asking import Wrong, statuses
from proofs.crash_aftermath import Aftermath
from proofs.crash_cast import Cast
from proofs.crash_stories import CutOff, Story
from proofs.servers import Arrangement

VICTIMS = ("api", "broker", "api", "broker", "whole", "whole")
"""Who is killed, over and over; in this order the processes are rearranged least often."""
_LONGEST = 0.6
"""Seconds for which everybody is kept busy, at most."""
_PATIENCE = 60.0
_MOST_FAULTS = 20


@dataclass
class Figures:
    """What was counted, and what was wrong.

    Attributes:
        kills: by what the process did.
        counts: of everything else.
        refused_for: reasons of the devices that knocked first.
        ages: how long before the kill their withdrawal had been answered, seconds.
        restarts: how long each start took, seconds.
        faults: what was wrong.
    """

    kills: Counter[str] = field(default_factory=Counter)
    counts: Counter[str] = field(default_factory=Counter)
    refused_for: Counter[str] = field(default_factory=Counter)
    ages: list[float] = field(default_factory=list)
    restarts: list[float] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)


class Proof:
    """Kills, and looks at what is left.

    Args:
        state: the state directory, a new one.
        processes: the lab's.
        seed: decides all that can be decided.
    """

    def __init__(self, state: Path, processes: Arrangement, seed: int) -> None:
        self.figures = Figures()
        self.processes = processes
        self.aftermath = Aftermath(state)
        self._rng = random.Random(seed)
        self.processes.suit("whole")
        self.cast = Cast.engage(self.processes.lab, str(seed))

    def kill(self, victim: str) -> None:
        """Kill a process under load, start it again, and look.

        Args:
            victim: one of `VICTIMS`.
        """
        self.processes.suit(victim)
        self._kill_under_load(victim)
        killed = time.monotonic()
        self.processes.start(victim)
        self.figures.restarts.append(time.monotonic() - killed)
        self.figures.kills[victim] += 1
        where = f"kill {self.figures.kills.total()} ({victim})"
        try:
            self.figures.faults.extend(f"{where}: {fault}" for fault in self._look(killed))
        except Exception:  # noqa: BLE001  a lab that does not answer is a fault too
            self.figures.faults.append(f"{where}: {traceback.format_exc()}")

    def _kill_under_load(self, victim: str) -> None:
        before, over = self.cast.answers(), threading.Event()
        threads = self.cast.play(self.processes.lab, over)

        def busy() -> bool:
            pairs = zip(before, self.cast.answers(), strict=True)
            return all(now > then for then, now in pairs) or not all(map(is_alive, threads))

        try:
            wait_until(busy, "everybody to be answered", _PATIENCE)
            over.wait(self._rng.uniform(0, _LONGEST))
            self.processes.kill(victim)
        finally:
            over.set()
            for thread in threads:
                thread.join()

    def _look(self, killed: float) -> Iterator[str]:
        lab, whom = self.processes.lab, self.cast.withdrawn()
        yield from self.aftermath.refuse(lab, whom)
        self.figures.refused_for[" or ".join(sorted(whom.reasons))] += 1
        self.figures.ages.append(killed - whom.at)
        yield from self.cast.trouble()
        yield from self._compare(lab)
        yield from self.aftermath.whole()
        yield from self.aftermath.kept(self.cast.claims())
        yield from self.aftermath.recorded()
        yield from self.aftermath.listed(lab)
        yield from self._serve(lab)
        yield from self.processes.complaints()

    def _compare(self, lab: Lab) -> Iterator[str]:
        listed = statuses(lab)
        if self.cast.steady.issued.view.sn not in listed:
            yield "the steady CA is gone"
        for ca in self.cast.cas:
            yield from self._found(ca, listed.get(ca.sn))
        for device in (self.cast.outcast, *self.cast.devices):
            yield from self._found(device, device.status(lab))

    def _found(self, story: Story, found: str | None) -> Iterator[str]:
        answered, possible = story.answered, story.possible
        if story.is_cut_off:
            self.figures.counts["calls cut off"] += 1
            done = found == possible != answered
            self.figures.counts["of those, carried out all the same"] += done
        if not story.find(found):
            yield f"{story.sn} has status {found}: {answered} was answered, {possible} asked for"

    def conclude(self) -> None:
        """Count what everybody has seen in all."""
        counts, cast = self.figures.counts, self.cast
        counts["calls answered"] = sum(story.answers for story in cast.stories)
        for visitor in cast.visitors:
            counts += Counter({f"visits: {what}": n for what, n in visitor.visits.items()})
        self.figures.counts = counts
        counts["admissions without a record"] = self.aftermath.unrecorded(cast.connacks())

    def _serve(self, lab: Lab) -> Iterator[str]:
        """Admit who has to be admitted; a lab that refuses everybody proves nothing."""
        try:
            for visitor in self.cast.visitors:
                visitor.visit_new(lab)
        except (CutOff, Wrong) as wrong:
            yield f"a new device is not admitted: {wrong}"


def is_alive(thread: threading.Thread) -> bool:
    """Tell whether somebody still plays."""
    return thread.is_alive()


def prove(folder: Path, kills: int, seed: int) -> Figures:
    """Kill so many times, or until too much was wrong.

    Args:
        folder: an empty one.
        kills: how many times.
        seed: decides all that can be decided.
    """
    state = folder / "state"
    with Arrangement(state) as processes:
        proof = Proof(state, processes, seed)
        for victim in islice(cycle(VICTIMS), kills):
            proof.kill(victim)
            if len(proof.figures.faults) >= _MOST_FAULTS:
                break
    proof.conclude()
    return proof.figures


def report(figures: Figures, seconds: float) -> None:
    """Print what was counted."""
    print(", ".join(f"{victim} {times} times" for victim, times in sorted(figures.kills.items())))
    for what, times in figures.counts.items():
        print(f"{times:8}  {what}")
    for reason, times in sorted(figures.refused_for.items()):
        print(f"{times:8}  first device after the restart, refused for: {reason}")
    age, restart = statistics.median(figures.ages), statistics.median(figures.restarts)
    print(f"its withdrawal was answered {age * 1000:.0f} ms before the kill (median);", end=" ")
    print(f"restarted in {restart * 1000:.0f} ms (median), at most {max(figures.restarts):.1f} s")
    for fault in figures.faults:
        print(fault)
    kills = figures.kills.total()
    print(f"{kills} kills, {len(figures.faults)} faults, {seconds:.0f} s")


def main() -> int:
    """Run the proof as the command line says."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--kills", type=int, default=100, help="how many (100)")
    parser.add_argument("--seed", type=int, default=0, help="decides all that can be (0)")
    chosen = parser.parse_args()
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        figures = prove(Path(folder), chosen.kills, chosen.seed)
    report(figures, time.monotonic() - began)
    return 1 if figures.faults else 0


if __name__ == "__main__":
    sys.exit(main())
