"""When a request was signed, and whether that is close enough to the lab's time."""

import re
from datetime import UTC, datetime

from certgate_controlplane.access.refusals import timestamp_expired, timestamp_malformed

WINDOW = 15 * 60 * 1000
"""How far a request's time may be from the lab's, either way, milliseconds."""

_FORM = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z")


def read_moment(timestamp: str, now: int) -> int:
    """Read when a request was signed.

    Args:
        timestamp: ``YYYY-MM-DDThh:mm:ssZ``.
        now: the lab's time, milliseconds since the epoch.

    Returns:
        Milliseconds since the epoch.

    Raises:
        ApiError: InvalidTimeStamp.Format, or InvalidTimeStamp.Expired more than 15 minutes off.
    """
    if not _FORM.fullmatch(timestamp):
        raise timestamp_malformed()
    try:
        moment = datetime.strptime(timestamp, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
    except ValueError:
        raise timestamp_malformed() from None
    signed = int(moment.timestamp()) * 1000
    if abs(now - signed) > WINDOW:
        raise timestamp_expired()
    return signed
