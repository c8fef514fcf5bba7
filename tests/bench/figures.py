"""What was measured, and what is made of it: medians over rounds, ratios within a round."""

import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Figure:
    """One quantity of one program, measured several times.

    Attributes:
        part: the part of the benchmark it belongs to.
        what: the quantity, in words.
        who: the program, or the case.
        unit: its unit.
        rounds: what each round gave.
    """

    part: str
    what: str
    who: str
    unit: str
    rounds: tuple[float, ...]

    @property
    def median(self) -> float:
        """The median of the rounds."""
        return statistics.median(self.rounds)


@dataclass(frozen=True)
class Claim:
    """Something that shall hold.

    Attributes:
        text: what, in words.
        value: what was measured.
        limit: the most it may be.
        unit: the unit of both; "" for ratios.
    """

    text: str
    value: float
    limit: float
    unit: str = ""

    @property
    def holds(self) -> bool:
        """Whether it does."""
        return self.value <= self.limit


@dataclass
class Book:
    """Everything that was measured in one run.

    Attributes:
        figures: in the order in which they were measured.
        claims: what is made of them.
    """

    figures: list[Figure] = field(default_factory=list)
    claims: list[Claim] = field(default_factory=list)

    def add(self, part: str, what: str, unit: str, found: Mapping[str, Iterable[float]]) -> None:
        """Write down a quantity, for each program the rounds."""
        for who, rounds in found.items():
            self.figures.append(Figure(part, what, who, unit, tuple(rounds)))

    def find(self, part: str, what: str, who: str) -> Figure:
        """Look a figure up.

        Raises:
            StopIteration: there is none.
        """
        names = (part, what, who)
        return next(item for item in self.figures if (item.part, item.what, item.who) == names)

    def ratio(self, part: str, what: str, who: str, other: str) -> float:
        """Give the median of the ratios of two programs, round by round."""
        return ratio(self.find(part, what, who), self.find(part, what, other))

    def claim(self, text: str, value: float, limit: float, unit: str = "") -> None:
        """Write down what shall hold.

        Args:
            text: what, in words.
            value: what was measured.
            limit: the most it may be.
            unit: the unit of both; "" for ratios.
        """
        self.claims.append(Claim(text, value, limit, unit))


def ratio(figure: Figure, other: Figure) -> float:
    """Give the median of the ratios of two figures, round by round."""
    return statistics.median(a / b for a, b in zip(figure.rounds, other.rounds, strict=True))


def percentile_99(values: Sequence[float]) -> float:
    """Give the 99th percentile: one value in a hundred is larger, rounded down."""
    return sorted(values)[max(0, len(values) - 1 - len(values) // 100)]
