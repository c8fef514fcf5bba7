"""What is counted, measured and found while bytes are generated and tried."""

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

MOST_FAULTS = 20
SHOWN = 3000
"""Of an input that shows a fault, and of what was raised, so much is printed."""
SECONDS = {"CONNECT": 0.05, "certificate": 0.5, "chain": 0.5, "PEM": 0.5}
"""The most CPU time that one input may take; all are far below, but machines differ."""

Result = TypeVar("Result")


@dataclass
class Slowest:
    """The input that took longest.

    Attributes:
        seconds: CPU time.
        size: its bytes.
    """

    seconds: float = 0.0
    size: int = 0


@dataclass
class Figures:
    """What was counted.

    Attributes:
        outcomes: inputs by target, how they were made, and what became of them.
        slowest: by what was called.
        faults: what was wrong, each with the bytes that show it.
        kibibytes: the most memory a process came to have.
        reasons: connections by the reasons in their decision records.
    """

    outcomes: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    slowest: dict[str, Slowest] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)
    kibibytes: int = 0
    reasons: Counter[str] = field(default_factory=Counter)

    @property
    def total(self) -> int:
        """How many inputs were tried."""
        return self.outcomes.total()

    def timed(self, name: str, data: bytes, call: Callable[[], Result]) -> Result:
        """Make a call, and measure the CPU time of this thread.

        Args:
            name: what is called.
            data: what it is given.
            call: calls it.
        """
        began = time.thread_time()
        result = call()
        seconds = time.thread_time() - began
        if seconds > SECONDS[name]:  # The garbage collector takes its time from anybody.
            seconds = min(seconds, measured(call), measured(call))
            assert seconds < SECONDS[name], f"{name}: {seconds:.3f} s of CPU for {len(data)} bytes"
        if seconds > self.slowest.setdefault(name, Slowest()).seconds:
            self.slowest[name] = Slowest(seconds, len(data))
        return result

    def add(self, other: "Figures") -> None:
        """Take what another process has counted."""
        self.outcomes += other.outcomes
        self.faults += other.faults
        self.kibibytes = max(self.kibibytes, other.kibibytes)
        for name, slow in other.slowest.items():
            known = self.slowest.get(name, Slowest())
            self.slowest[name] = max(known, slow, key=lambda each: each.seconds)

    def report(self) -> None:
        """Print it."""
        for (target, kind, outcome), times in sorted(self.outcomes.items()):
            print(f"{times:8}  {target + ', ' + kind:44} {outcome}")
        for reason, times in self.reasons.most_common():
            print(f"{times:8}  decided: {reason or 'accepted'}")
        for name, slow in sorted(self.slowest.items()):
            print(f"slowest {name}: {slow.seconds * 1000:.2f} ms of CPU, {slow.size} bytes")
        for fault in self.faults:
            print(fault)


def measured(call: Callable[[], object]) -> float:
    """Give the CPU time that a call takes in this thread."""
    began = time.thread_time()
    call()
    return time.thread_time() - began
