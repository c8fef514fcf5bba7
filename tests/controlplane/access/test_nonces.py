"""Which requests were received already."""

import pytest

from certgate_controlplane.access.moment import WINDOW
from certgate_controlplane.access.nonces import MOST, Nonces
from certgate_controlplane.errors import ApiError

NOW = 1_777_896_000_000
SECOND = 1000


def refusal(nonces: Nonces, nonce: str, signed: int, now: int, key: str = "key") -> ApiError:
    """Use a nonce that is to be refused."""
    with pytest.raises(ApiError) as caught:
        nonces.use(key, nonce, signed, now)
    return caught.value


def test_second_use() -> None:
    """A nonce is good once."""
    nonces = Nonces()
    nonces.use("key", "a", NOW, NOW)
    assert refusal(nonces, "a", NOW, NOW).code == "SignatureNonceUsed"
    nonces.use("key", "b", NOW, NOW)


def test_each_key_has_its_own() -> None:
    """Two keys may use the same nonce."""
    nonces = Nonces()
    nonces.use("key", "a", NOW, NOW)
    nonces.use("other", "a", NOW, NOW)


def test_any_text() -> None:
    """A nonce of bytes that were no text is one too."""
    nonces = Nonces()
    nonces.use("key", "\udcff", NOW, NOW)
    assert refusal(nonces, "\udcff", NOW, NOW).code == "SignatureNonceUsed"


def test_is_remembered_as_long_as_its_time_would_pass() -> None:
    """A request dated ahead is remembered until its own time is over, not the arrival's."""
    nonces = Nonces()
    nonces.use("key", "ahead", NOW + WINDOW, NOW)
    last = NOW + 2 * WINDOW
    assert refusal(nonces, "ahead", NOW + WINDOW, last).code == "SignatureNonceUsed"
    nonces.use("key", "ahead", last, last + 1)


def test_full_memory_refuses() -> None:
    """Where no more can be remembered nothing new passes, until the first may be forgotten."""
    nonces = Nonces(most=2)
    nonces.use("key", "a", NOW, NOW)
    nonces.use("key", "b", NOW + SECOND, NOW)
    error = refusal(nonces, "c", NOW, NOW)
    assert (error.code, error.retry_after) == ("Throttling.User", WINDOW // SECOND)
    assert refusal(nonces, "a", NOW, NOW).code == "SignatureNonceUsed"
    assert refusal(nonces, "c", NOW, NOW + WINDOW).retry_after == 1
    nonces.use("other", "c", NOW, NOW)
    nonces.use("key", "c", NOW + WINDOW, NOW + WINDOW + 1)


def test_clock_that_is_set_back_lets_nothing_in_again() -> None:
    """What was forgotten is not let in by a clock that goes back; later requests pass."""
    nonces = Nonces()
    nonces.use("key", "a", NOW, NOW)
    nonces.use("key", "b", NOW + 10 * WINDOW, NOW + 10 * WINDOW)
    assert refusal(nonces, "a", NOW, NOW).code == "InvalidTimeStamp.Expired"
    nonces.use("key", "c", NOW + SECOND, NOW)
    assert refusal(nonces, "c", NOW + SECOND, NOW).code == "SignatureNonceUsed"


def test_memory_fits_an_account_at_full_rate() -> None:
    """Fifteen minutes at the documented rate fit."""
    assert MOST > 15 * 60 * 500
