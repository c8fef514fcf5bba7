"""How simulated devices behave: back-off, plans, and what cannot be a behaviour."""

import math
import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from certgate_controlplane.fleet.behaviour import BackOff, Behaviour, Plan

SECONDS = st.floats(0.01, 1000)


def back_off(**values: Any) -> BackOff:
    """Make a back-off."""
    return BackOff(Behaviour(**values), random.Random(1))


def test_without_jitter_the_delay_doubles_up_to_the_bound() -> None:
    """1, 2, 4, 8, 10, 10 seconds."""
    waits = back_off(jitter=False, back_off_min=1, back_off_max=10)
    assert [waits.next(0) for _ in range(6)] == [1, 2, 4, 8, 10, 10]


@given(low=SECONDS, factor=st.floats(1, 100), seed=st.integers())
def test_with_jitter_the_delay_is_anything_up_to_the_bound(
    low: float, factor: float, seed: int
) -> None:
    """Never below 0, never above the bound of that attempt."""
    behaviour = Behaviour(back_off_min=low, back_off_max=low * factor)
    waits = BackOff(behaviour, random.Random(seed))
    for attempt in range(20):
        assert 0 <= waits.next(0) <= min(low * 2**attempt, low * factor)


def test_jitter_spreads_the_devices() -> None:
    """A hundred devices draw delays from the whole of the range, none of them like another."""
    plans = [Plan(Behaviour(back_off_min=8), f"device {n}") for n in range(100)]
    delays = [plan.back_off(0) for plan in plans]
    assert len(set(delays)) == 100
    assert all(sum(low <= delay < low + 2 for delay in delays) > 10 for low in (0, 2, 4, 6))


@pytest.mark.parametrize(("lasted", "expected"), [(10.0, 1), (9.9, 8), (0.0, 8)])
def test_a_connection_that_lasted_starts_the_back_off_afresh(
    lasted: float, expected: float
) -> None:
    """One that was up for `steady_seconds` does, a shorter one or none does not."""
    waits = back_off(jitter=False, steady_seconds=10)
    assert [waits.next(0) for _ in range(3)] == [1, 2, 4]
    assert waits.next(lasted) == expected


def test_no_connection_at_all_is_never_steady() -> None:
    """With `steady_seconds` 0 every connection starts the back-off afresh, a refusal does not."""
    waits = back_off(jitter=False, steady_seconds=0)
    assert [waits.next(lasted) for lasted in (0, 0, 0.1, 0)] == [1, 2, 1, 2]


def course(plan: Plan) -> list[float]:
    """Give what a plan says, again and again."""
    asked = (plan.start, plan.stay, plan.pause, lambda: plan.back_off(0))
    return [ask() for _ in range(5) for ask in asked]


def test_a_run_can_be_repeated() -> None:
    """Seed and name choose every number; another seed or name chooses others."""
    first = course(Plan(Behaviour(seed=7), "lamp"))
    assert first == course(Plan(Behaviour(seed=7), "lamp"))
    assert first != course(Plan(Behaviour(seed=8), "lamp"))
    assert first != course(Plan(Behaviour(seed=7), "pump"))


def test_a_plan_keeps_to_the_behaviour() -> None:
    """Means and ranges are those that were asked for."""
    plan = Plan(Behaviour(publish_seconds=10, drop_seconds=60, start_seconds=3), "lamp")
    pauses, stays = [plan.pause() for _ in range(2000)], [plan.stay() for _ in range(2000)]
    assert min(pauses) >= 5
    assert max(pauses) <= 15
    assert sum(pauses) / 2000 == pytest.approx(10, rel=0.05)
    assert sum(stays) / 2000 == pytest.approx(60, rel=0.1)
    assert all(0 <= plan.start() <= 3 for _ in range(100))


def test_zero_means_never() -> None:
    """A device that shall neither publish nor drop waits for ever to do so."""
    plan = Plan(Behaviour(publish_seconds=0, drop_seconds=0), "lamp")
    assert (plan.pause(), plan.stay()) == (math.inf, math.inf)


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"publish_seconds": -1}, "publish_seconds cannot be -1"),
        ({"drop_seconds": math.nan}, "drop_seconds cannot be nan"),
        ({"start_seconds": math.inf}, "start_seconds cannot be inf"),
        ({"back_off_min": 0}, "back_off_min has to be above 0"),
        ({"back_off_min": 2, "back_off_max": 1}, "back_off_max cannot be below back_off_min"),
        ({"patience_seconds": 0}, "patience_seconds has to be above 0"),
        ({"at_once": 0}, "at_once has to be above 0"),
    ],
)
def test_what_cannot_be_a_behaviour(values: dict[str, Any], sentence: str) -> None:
    """It is refused with a sentence."""
    with pytest.raises(ValueError, match=sentence):
        Behaviour(**values)


def test_any_seed_will_do() -> None:
    """A negative one too."""
    assert Behaviour(seed=-1).seed == -1
