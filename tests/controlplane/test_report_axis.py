"""The time axis."""

import pytest

from certgate_controlplane.report.axis import Axis, Tick

DAY = 86_400_000.0


def labels(axis: Axis, most: int = 8) -> list[str]:
    """Give the labels of an axis's ticks."""
    return [tick.label for tick in axis.ticks(most)]


def test_even_run_is_one_stretch() -> None:
    """From left to right, with room at both ends; what is outside stays at the edge."""
    axis = Axis.of([0.0, 400.0, 1000.0])
    assert len(axis.stretches) == 1
    assert [round(axis.x(at), 1) for at in (-30, 500, 1030)] == [0.0, 50.0, 100.0]
    assert [axis.x(at) for at in (-(10**6), 10**9)] == [0.0, 100.0]


def test_ticks_are_round_and_count_from_the_start() -> None:
    """Whatever the epoch says, the run begins at 0."""
    assert labels(Axis.of([5_000.0, 5_860.0])) == ["0", "200 ms", "400 ms", "600 ms", "800 ms"]


@pytest.mark.parametrize("length", [0.0, 1.0, 7.0, 863.0, 60_000.0, 3.2 * DAY, 4000 * DAY])
def test_there_are_some_ticks_and_not_too_many(length: float) -> None:
    """Whatever a run's length, a reader can tell times, and labels have room."""
    ticks = Axis.of([0.0, length]).ticks(8)
    assert 2 <= len(ticks) <= 10
    assert all(0 <= tick.x <= 100 for tick in ticks)


def test_no_time_is_an_axis_all_the_same() -> None:
    """A run without events does not divide by zero."""
    assert Axis.of([]).x(0.0) == 50.0


def test_silence_longer_than_the_rest_is_cut() -> None:
    """A clock moved by 400 days does not squeeze everything into two points."""
    early, late = [0.0, 300.0, 600.0], [400 * DAY, 400 * DAY + 300]
    axis = Axis.of([*early, *late])
    first, second = axis.stretches
    assert (first.skipped, second.skipped > 399 * DAY) == (0, True)
    assert axis.x(600.0) < axis.x(400 * DAY) < axis.x(400 * DAY + 300)
    assert axis.x(300.0) - axis.x(0.0) > 10
    assert labels(axis)[-1].startswith("+")


def test_moment_within_a_cut_is_at_its_edge() -> None:
    """What ends in a silence is drawn where the silence begins."""
    axis = Axis.of([0.0, 300.0, 400 * DAY, 400 * DAY + 300])
    assert axis.x(DAY) == axis.stretches[0].right


@pytest.mark.parametrize("times", [[0.0, 2000.0, 4000.0], [0.0, 10.0, 990.0, 1000.0]])
def test_short_or_usual_silence_stays(times: list[float]) -> None:
    """Less than a second, or no longer than the rest, is part of the run."""
    assert len(Axis.of(times).stretches) == 1


def test_many_silences_leave_room_for_what_happened() -> None:
    """However often a clock was moved, every part keeps a share of the width."""
    axis = Axis.of([10.0**power for power in range(14)])
    widths = [stretch.right - stretch.left for stretch in axis.stretches]
    assert len(widths) == 7
    assert min(widths) >= 8
    assert axis.stretches[-1].right == pytest.approx(100)


def test_axis_around_a_moment_counts_both_ways() -> None:
    """Before the answer is minus, after it is plus."""
    axis = Axis.around(1000.0, before=20, after=30)
    assert labels(axis, 5) == ["\u221220 ms", "\u221210 ms", "0", "+10 ms", "+20 ms", "+30 ms"]
    assert axis.ticks(5)[2] == Tick(40.0, "0")
    assert [axis.shows(at) for at in (979.0, 980.0, 1030.0, 1031.0)] == [False, True, True, False]


def test_longer_than_every_step_still_has_ticks() -> None:
    """Centuries have ticks, if not round ones."""
    assert 2 <= len(Axis.of([0.0, 10.0**7 * DAY]).ticks(8)) <= 10
