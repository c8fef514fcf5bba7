"""How often an account may call."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from certgate_controlplane.access.throttle import PER_SECOND, UNLIMITED, Bucket, Throttle, take
from certgate_controlplane.errors import ApiError
from controlplane.access.kit import Clock


def passed(throttle: Throttle, calls: int, account: str = "1") -> int:
    """Count how many of so many calls pass."""
    refused: list[ApiError] = []
    for _ in range(calls):
        try:
            throttle.count(account)
        except ApiError as error:
            refused.append(error)
    assert {(error.code, error.retry_after) for error in refused} <= {("Throttling.User", 1)}
    return calls - len(refused)


def test_documented_rate() -> None:
    """The pages allow 500 calls a second."""
    assert PER_SECOND == 500


def test_calls_of_one_second(clock: Clock) -> None:
    """As many calls as the rate pass at once, and not one more."""
    assert passed(Throttle(3, clock), 10) == 3


def test_refills_with_time(clock: Clock) -> None:
    """A call comes back after its share of a second, and never more than a second's worth."""
    throttle = Throttle(4, clock)
    assert passed(throttle, 10) == 4
    clock.milliseconds += 249
    assert passed(throttle, 10) == 0
    clock.milliseconds += 1
    assert passed(throttle, 10) == 1
    clock.milliseconds += 10**9
    assert passed(throttle, 10) == 4


def test_refused_calls_cost_nothing(clock: Clock) -> None:
    """Who keeps knocking is let in as soon as who waits."""
    throttle = Throttle(1, clock)
    throttle.count("1")
    for _ in range(999):
        clock.milliseconds += 1
        assert passed(throttle, 1) == 0
    clock.milliseconds += 1
    assert passed(throttle, 1) == 1


def test_each_account_has_its_own(clock: Clock) -> None:
    """One account does not use up another's calls."""
    throttle = Throttle(2, clock)
    assert passed(throttle, 5, "1") == 2
    assert passed(throttle, 5, "2") == 2


def test_any_number(clock: Clock) -> None:
    """A rate of nought means any number."""
    assert passed(Throttle(0, clock), 10_000) == 10_000
    assert passed(UNLIMITED, 10_000) == 10_000


def test_clock_that_is_set_back(clock: Clock) -> None:
    """A clock set back by a year gives no calls away, and the next ones come in their time."""
    throttle = Throttle(2, clock)
    assert passed(throttle, 5) == 2
    clock.move(days=-365)
    assert passed(throttle, 5) == 0
    clock.milliseconds += 500
    assert passed(throttle, 5) == 1


@given(
    rate=st.integers(1, 1000),
    steps=st.lists(st.integers(0, 2000), max_size=60),
)
def test_never_more_than_the_rate(rate: int, steps: list[int]) -> None:
    """Over any stretch no more calls pass than the rate and one second's worth at the start."""
    bucket, now, count = Bucket(rate * 1000, 0), 0, 0
    for step in steps:
        now += step
        bucket, wait = take(bucket, rate, now)
        count += wait == 0
        assert wait in {0, 1}
        assert 0 <= bucket.units <= rate * 1000
    assert count <= rate + rate * now / 1000


@pytest.mark.parametrize(("units", "rate", "wait"), [(0, 1, 1), (999, 1, 1), (0, 1000, 1)])
def test_waiting_time_is_at_least_a_second(units: int, rate: int, wait: int) -> None:
    """The header has whole seconds, and the SDKs take nought for no answer."""
    assert take(Bucket(units, 0), rate, 0) == (Bucket(units, 0), wait)
