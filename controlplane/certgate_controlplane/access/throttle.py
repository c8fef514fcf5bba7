"""How often an account may call: a token bucket, filled by the lab's clock."""

from collections.abc import Callable
from dataclasses import dataclass

from certgate_controlplane.access.refusals import throttled

PER_SECOND = 500
"""Calls a second that the operations' pages allow an account."""

_CALL = 1000
"""What a call costs. A rate of N calls a second is then N units a millisecond, a whole number."""


@dataclass(frozen=True, slots=True)
class Bucket:
    """What is left of an account's calls.

    Attributes:
        units: thousandths of a call.
        at: when that was so, milliseconds.
    """

    units: int
    at: int

    def filled(self, rate: int, now: int) -> "Bucket":
        """Add what came in since, up to the calls of one second.

        A clock that was set back adds nothing, and counts on from where it is.

        Args:
            rate: calls a second.
            now: the lab's time, milliseconds.
        """
        elapsed = max(0, now - self.at)
        return Bucket(min(rate * _CALL, self.units + elapsed * rate), now)


def take(bucket: Bucket, rate: int, now: int) -> tuple[Bucket, int]:
    """Take one call out of a bucket.

    Args:
        bucket: of the account.
        rate: calls a second.
        now: the lab's time, milliseconds.

    Returns:
        The bucket afterwards, and 0; or where the call is one too many the whole seconds after
        which there is one again.
    """
    filled = bucket.filled(rate, now)
    short = _CALL - filled.units
    if short > 0:
        return filled, -(-short // (rate * 1000))
    return Bucket(filled.units - _CALL, filled.at), 0


class Throttle:
    """Holds every account to its rate.

    Args:
        rate: calls a second for each account, 0 for any number.
        clock: the lab's time, milliseconds.
    """

    def __init__(self, rate: int, clock: Callable[[], int]) -> None:
        self._rate = rate
        self._clock = clock
        self._buckets: dict[str, Bucket] = {}

    def count(self, account_id: str) -> None:
        """Count a call.

        Args:
            account_id: one of the accounts there are.

        Raises:
            ApiError: Throttling.User.
        """
        if self._rate == 0:
            return
        now = self._clock()
        full = Bucket(self._rate * _CALL, now)
        bucket, wait = take(self._buckets.get(account_id, full), self._rate, now)
        self._buckets[account_id] = bucket
        if wait:
            raise throttled(wait)


UNLIMITED = Throttle(0, lambda: 0)
"""Counts nothing."""
