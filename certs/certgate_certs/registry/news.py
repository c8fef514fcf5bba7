"""What has changed in the registry that running processes have to follow."""

import sqlite3
from typing import NamedTuple


class News(NamedTuple):
    """What running processes have to follow when it differs from what it was.

    Attributes:
        era: how often everything was replaced.
        withdrawals: grows with each inactivation and each deletion.
        requests: number of the newest request in the mailbox; None where there is none.
        clock: how far the lab's clock is ahead, milliseconds.
        faults: the numbers of the faults that are set, as text; None where none is.
    """

    era: int
    withdrawals: int
    requests: int | None
    clock: int
    faults: str | None


_NEWS = (
    "SELECT (SELECT number FROM era), (SELECT number FROM withdrawal),"
    " (SELECT max(id) FROM request), (SELECT offset_ms FROM clock),"
    " (SELECT group_concat(id) FROM fault)"
)


def read_news(connection: sqlite3.Connection) -> News:
    """Read what there may be to follow.

    Args:
        connection: to the registry's file.

    Raises:
        sqlite3.Error: the file cannot be read.
    """
    return News(*connection.execute(_NEWS).fetchone())
