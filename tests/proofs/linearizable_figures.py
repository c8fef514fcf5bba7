"""What a run counts, and the faults it finds."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from proofs.history import ADMITTED, Event, Kind, overlaps, timeline
from proofs.sequential import first_unexplained


@dataclass
class Figures:
    """What was counted.

    Attributes:
        name: of the run, for reports.
        enough: tells when nothing more has to be played.
        histories: how many.
        calls: by kind.
        connections: by kind and answer.
        overlapping: pairs of calls that overlapped.
        faults: histories that nothing explains, drawn.
        unexplained: the calls at whose end they were so.
    """

    name: str
    enough: "Callable[[Figures], bool]"
    histories: int = 0
    calls: Counter[str] = field(default_factory=Counter)
    connections: Counter[tuple[str, str]] = field(default_factory=Counter)
    overlapping: int = 0
    faults: list[str] = field(default_factory=list)
    unexplained: list[Event] = field(default_factory=list)

    @property
    def are_enough(self) -> bool:
        """Whether nothing more has to be played."""
        return self.enough(self)

    @property
    def admitted_wrongly(self) -> bool:
        """Whether a connection was admitted that no order explains."""
        return any(event.answer == ADMITTED for event in self.unexplained)

    def judge(self, events: Sequence[Event]) -> None:
        """Count a history and check it.

        Args:
            events: every call of it; it began with nothing registered.
        """
        self.histories += 1
        self.calls.update(event.kind for event in events)
        connections = [event for event in events if event.call.kind is Kind.CONNECT]
        self.connections.update((event.kind, str(event.answer)) for event in connections)
        self.overlapping += overlaps(events)
        fault = first_unexplained(events)
        if fault is not None:
            own = [event for event in events if event.call.ca == fault.call.ca]
            head = f"{self.name}, history {self.histories}: no order explains what > was answered"
            self.faults.append(f"{head}\n{timeline(own, fault)}")
            self.unexplained.append(fault)

    @property
    def admitted(self) -> int:
        """How many connections were admitted."""
        return sum(times for (_, answer), times in self.connections.items() if answer == ADMITTED)

    def report(self, seconds: float) -> str:
        """Write down what was counted.

        Args:
            seconds: how long it took.
        """
        calls = [f"{times:8}  {kind}" for kind, times in sorted(self.calls.items())]
        answers = sorted(self.connections.items())
        connections = [f"{times:8}  {kind}: {answer}" for (kind, answer), times in answers]
        total = f"{self.name}: {summary([self], seconds)}"
        return "\n".join([*calls, *connections, *self.faults, total])


def summary(runs: Sequence[Figures], seconds: float) -> str:
    """Write down in one line what was counted in some runs.

    Args:
        runs: what was counted in each.
        seconds: how long they took.
    """
    admitted = sum(run.admitted for run in runs)
    refused = sum(run.connections.total() for run in runs) - admitted
    return (
        f"{sum(run.histories for run in runs)} histories,"
        f" {sum(run.calls.total() for run in runs)} calls,"
        f" {admitted} connections admitted, {refused} refused,"
        f" {sum(run.overlapping for run in runs)} pairs of calls overlapped,"
        f" {sum(len(run.faults) for run in runs)} faults, {seconds:.0f} s"
    )
