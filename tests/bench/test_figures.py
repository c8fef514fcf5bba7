"""What is made of measurements."""

import pytest

from bench.figures import Book, Claim, percentile_99
from bench.report import lines


@pytest.fixture
def book() -> Book:
    """Write down what two programs took; the machine was slow in one round."""
    made = Book()
    made.add("part", "what", "ms", {"ours": [1.0, 20.0, 3.0], "theirs": [2.0, 25.0, 4.0]})
    return made


def test_median(book: Book) -> None:
    """One odd round changes little."""
    assert book.find("part", "what", "ours").median == 3.0


def test_ratio_within_a_round(book: Book) -> None:
    """Ratios are made in each round, and their median is taken: here of 0.5, 0.8 and 0.75."""
    assert book.ratio("part", "what", "ours", "theirs") == 0.75


@pytest.mark.parametrize(
    ("count", "expected"), [(1, 0), (99, 98), (100, 98), (199, 197), (1_000, 989)]
)
def test_percentile_99(count: int, expected: int) -> None:
    """One value in a hundred is larger, rounded down."""
    assert percentile_99([*range(count)][::-1]) == expected


def test_lines(book: Book) -> None:
    """A terminal is told medians, ranges, and what holds and what does not."""
    book.claim("one", 1.5, 1.5)
    book.claim("two", 1234.5, 20, "ms")
    assert list(lines(book)) == [
        "part         what, ours: 3 ms (1 to 20, 3 rounds)",
        "part         what, theirs: 4 ms (2 to 25, 3 rounds)",
        "",
        "holds  one: 1.5, at most 1.5",
        "FAILS  two: 1,234 ms, at most 20 ms",
    ]


def test_claim() -> None:
    """What is at the limit holds, what is above does not."""
    assert Claim("", 1.0, 1.0).holds
    assert not Claim("", 1.001, 1.0).holds
