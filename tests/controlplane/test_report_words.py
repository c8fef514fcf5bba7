"""Spans, moments and strangers' texts."""

import pytest

from certgate_controlplane.report.words import between, count, exact, moment, plain, short, span

SECOND, MINUTE, HOUR, DAY = 1000, 60_000, 3_600_000, 86_400_000


@pytest.mark.parametrize(
    ("milliseconds", "text"),
    [
        (0, "0 ms"),
        (0.4, "< 1 ms"),
        (17, "17 ms"),
        (999.4, "999 ms"),
        (999.6, "1 s"),
        (1250, "1.25 s"),
        (29_812, "29.81 s"),
        (59_990, "59.99 s"),
        (59_999, "1 min"),
        (MINUTE + 59.6 * SECOND, "2 min"),
        (2 * MINUTE + 5 * SECOND, "2 min 5 s"),
        (HOUR - 1, "1 h"),
        (3 * HOUR + 2 * MINUTE, "3 h 2 min"),
        (400 * DAY + 2 * HOUR, "400 d 2 h"),
        (-20, "\u221220 ms"),
    ],
)
def test_span(milliseconds: float, text: str) -> None:
    """A span is as short as it can be read."""
    assert span(milliseconds) == text


def test_exact_span_has_a_tenth() -> None:
    """What an answer took is told to a tenth of a millisecond, as long as that matters."""
    assert (exact(4.26), exact(1500)) == ("4.3 ms", "1.5 s")


def test_between_says_the_same_only_once() -> None:
    """Two spans that read the same are one."""
    assert (between([3, 1.2, 1]), between([1.2, 1])) == ("1 ms to 3 ms", "1 ms")


def test_moment_is_utc_to_the_millisecond() -> None:
    """Also before 1970; a number where no calendar reaches."""
    assert moment(1_790_000_000_007) == "2026-09-21 14:13:20.007 UTC"
    assert moment(-1) == "1969-12-31 23:59:59.999 UTC"
    assert moment(10**18) == "1000000000000000000 ms since 1970"


@pytest.mark.parametrize(
    "character", ["\x00", "\n", "\x7f", "\u202e", "\u2066", "\ud800", "\u200b"]
)
def test_what_cannot_be_seen_is_replaced(character: str) -> None:
    """A text cannot break lines, turn what is around it or hide characters."""
    assert plain(f"a{character}b") == "a\ufffdb"


def test_letters_of_any_script_stay() -> None:
    """Only what cannot be seen goes."""
    assert plain("Gerät 设备 جهاز <b>") == "Gerät 设备 جهاز <b>"


def test_short_text_keeps_both_ends() -> None:
    """A serial number is told by how it begins and how it ends."""
    assert short("0123456789", 10) == "0123456789"
    assert short("0123456789a", 5) == "01…9a"
    assert short("0123456789a", 4) == "01…a"
    assert len(short("x" * 65_536, 80)) == 80


def test_count_knows_one_from_several() -> None:
    """One call, two thousand calls."""
    assert [count(1, "call"), count(2000, "call"), count(0, "switch", "switches")] == [
        "1 call",
        "2,000 calls",
        "0 switches",
    ]
