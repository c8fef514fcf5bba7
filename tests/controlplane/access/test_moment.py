"""When a request was signed."""

import pytest

from certgate_controlplane.access.moment import WINDOW, read_moment
from certgate_controlplane.errors import ApiError

NOON = 1_777_896_000_000  # 2026-05-04T12:00:00Z, `date -ud @1777896000`


def test_is_read_as_utc() -> None:
    """A time is milliseconds since the epoch."""
    assert read_moment("2026-05-04T12:00:00Z", NOON) == NOON


@pytest.mark.parametrize("offset", [-WINDOW, WINDOW])
def test_quarter_of_an_hour_is_close_enough(offset: int) -> None:
    """Fifteen minutes either way pass."""
    assert read_moment("2026-05-04T12:00:00Z", NOON + offset) == NOON


@pytest.mark.parametrize("offset", [-WINDOW - 1, WINDOW + 1, -NOON, 10**15])
def test_too_far_off(offset: int) -> None:
    """A millisecond more is too much, in the past and in the future."""
    with pytest.raises(ApiError) as caught:
        read_moment("2026-05-04T12:00:00Z", NOON + offset)
    assert caught.value.code == "InvalidTimeStamp.Expired"


@pytest.mark.parametrize(
    "timestamp",
    [
        "",
        "now",
        "2026-05-04",
        "2026-05-04 12:00:00",
        "2026-05-04T12:00:00",
        "2026-05-04T12:00:00z",
        "2026-05-04T12:00:00+00:00",
        "2026-05-04T12:00:00.000Z",
        "2026-05-04T12:00:00Z\n",
        " 2026-05-04T12:00:00Z",
        "2026-13-04T12:00:00Z",
        "2026-02-30T12:00:00Z",
        "0000-05-04T12:00:00Z",
        "2026-05-04T24:00:00Z",
        "2026-05-04T12:00:99Z",
        "\u0662026-05-04T12:00:00Z",
        "Mon, 04 May 2026 12:00:00 GMT",
        "1777896000",
    ],
)
def test_malformed(timestamp: str) -> None:
    """There is one way to write a time."""
    with pytest.raises(ApiError) as caught:
        read_moment(timestamp, NOON)
    assert caught.value.code == "InvalidTimeStamp.Format"
