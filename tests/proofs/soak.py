"""A steady load: the memory of a lab, its files and its threads stay as they are.

``python tests/proofs/soak.py [--seconds 60] [--processes 1|2]`` starts a lab with
``--live-sessions close`` and gives it the same work every second: new and known devices connect,
publish and leave, others are refused, a CA is deleted with its devices and registered again, one
is inactivated with sessions open and activated. After a warm-up the memory of each process is read
every second. It prints the median of each half, and ends with 1 where the second half's is more
than 5 % above the first one's, where files or threads are left over, or where anything came to
something else than it must.
"""

import argparse
import os
import statistics
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from e2e.support import PATIENCE
from proofs.servers import Arrangement, Server
from proofs.soak_load import Load

WARM_UP = 10
"""Seconds before the first reading: until then code is loaded and caches are filled."""
_MOST_GROWTH = 1.05
_BUSY = 0.8
"""The steps of a second begin within this part of it; what is left is for the slow ones."""


@dataclass(frozen=True)
class Reading:
    """What a process holds.

    Attributes:
        resident: memory, KiB.
        files: open file descriptors.
        threads: threads.
    """

    resident: int
    files: int
    threads: int

    @classmethod
    def of(cls, server: Server) -> "Reading":
        """Read what a process holds now."""
        about = Path(f"/proc/{server.running.pid}")
        pages = int((about / "statm").read_text().split()[1])
        resident = pages * os.sysconf("SC_PAGE_SIZE") // 1024
        return cls(resident, _count(about / "fd"), _count(about / "task"))


@dataclass
class Course:
    """How a process has held up.

    Attributes:
        before: what it held when the warm-up was over and nobody was on the way.
        after: likewise, at the end.
        every_second: what it held in between.
    """

    before: Reading
    after: Reading | None = None
    every_second: list[Reading] = field(default_factory=list)

    @property
    def halves(self) -> tuple[float, float]:
        """Median memory of the first half and of the second, KiB."""
        half = len(self.every_second) // 2
        first, second = self.every_second[:half], self.every_second[-half:]
        return _median(first), _median(second)

    @property
    def growth(self) -> float:
        """The second half's median by the first one's."""
        first, second = self.halves
        return second / first

    def leftovers(self) -> Iterator[str]:
        """Tell which files and threads are left over."""
        if self.after is None:
            yield "the load did not reach its end"
            return
        for what in ("files", "threads"):
            before, after = getattr(self.before, what), getattr(self.after, what)
            if after > before:
                yield f"{after - before} more {what} than before"


@dataclass
class Outcome:
    """What a load has come to.

    Attributes:
        courses: how each process has held up.
        late: seconds whose work took longer than a second.
        faults: what was wrong.
        done: how often each kind of step was taken.
    """

    courses: dict[str, Course] = field(default_factory=dict)
    late: int = 0
    faults: list[str] = field(default_factory=list)
    done: Counter[str] = field(default_factory=Counter)


class Soak:
    """A lab under a steady load.

    Args:
        servers: the lab's processes.
        load: what it gets.

    Attributes:
        outcome: what it has come to so far.
    """

    def __init__(self, servers: Mapping[str, Server], load: Load) -> None:
        self.outcome = Outcome(done=load.done)
        self._servers = servers
        self._load = load

    def run(self, warm_up: int, seconds: int) -> None:
        """Give the lab its work.

        Args:
            warm_up: seconds that do not count.
            seconds: seconds that do.
        """
        with self._load.standing():
            for _ in range(warm_up):
                self._second()
            self._load.calm()
            before = {name: Reading.of(server) for name, server in self._servers.items()}
            self.outcome.courses = {name: Course(reading) for name, reading in before.items()}
            for _ in range(seconds):
                self._second()
                for name, course in self.outcome.courses.items():
                    course.every_second.append(Reading.of(self._servers[name]))
            self._load.calm()
            self._settle()

    def _second(self) -> None:
        began, steps = time.monotonic(), self._load.second()
        for number, step in enumerate(steps):
            _wait_for(began + _BUSY * number / len(steps))
            step()
        self.outcome.late += time.monotonic() > began + 1
        _wait_for(began + 1)

    def _settle(self) -> None:
        """Let the last connections go, then read what is left."""
        deadline = time.monotonic() + PATIENCE
        for name, course in self.outcome.courses.items():
            course.after = Reading.of(self._servers[name])
            while list(course.leftovers()) and time.monotonic() < deadline:
                time.sleep(0.05)
                course.after = Reading.of(self._servers[name])


def soak(folder: Path, seconds: int, *, processes: int = 1, warm_up: int = WARM_UP) -> Outcome:
    """Give a new lab a steady load.

    Args:
        folder: an empty one.
        seconds: how long.
        processes: 1, or 2 for API and broker apart.
        warm_up: seconds before that.
    """
    with Arrangement(folder / "state", "--live-sessions", "close") as lab:
        lab.suit("whole" if processes == 1 else "broker")
        proof = Soak(lab.servers, Load(lab.lab))
        outcome = proof.outcome
        try:
            proof.run(warm_up, seconds)
        except Exception:  # noqa: BLE001  whatever goes wrong is what is looked for
            outcome.faults.append(traceback.format_exc())
    outcome.faults.extend(lab.complaints())
    for name, course in outcome.courses.items():
        outcome.faults.extend(f"{name}: {what}" for what in course.leftovers())
    return outcome


def report(outcome: Outcome) -> None:
    """Print what was read and counted."""
    for what, times in sorted(outcome.done.items()):
        print(f"{times:8}  {what}")
    for name, course in outcome.courses.items():
        first, second = (half / 1024 for half in course.halves)
        print(f"{name}: {first:.1f} MiB in the first half, {second:.1f} in the second", end="")
        print(f" (median), ratio {course.growth:.3f};", end=" ")
        before, after = course.before, course.after or course.before
        print(f"files {before.files}, {after.files}; threads {before.threads}, {after.threads}")
    for fault in outcome.faults:
        print(fault)
    print(f"{len(outcome.faults)} faults, {outcome.late} seconds late")


def main() -> int:
    """Run the proof as the command line says."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seconds", type=int, default=60, help="how long (60)")
    parser.add_argument("--processes", type=int, choices=(1, 2), default=1, help="how many (1)")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        outcome = soak(Path(folder), chosen.seconds, processes=chosen.processes)
    for name, course in outcome.courses.items():
        if course.growth > _MOST_GROWTH:
            outcome.faults.append(f"{name}: memory grows to {course.growth:.3f} of what it was")
    report(outcome)
    return 1 if outcome.faults else 0


def _wait_for(moment: float) -> None:
    time.sleep(max(0.0, moment - time.monotonic()))


def _median(readings: Sequence[Reading]) -> float:
    return statistics.median(reading.resident for reading in readings)


def _count(folder: Path) -> int:
    return sum(1 for _ in folder.iterdir())


if __name__ == "__main__":
    sys.exit(main())
