"""What an audience sees of a fleet: a table in a terminal, a line a second elsewhere."""

from collections.abc import Iterator, Mapping

from rich.table import Table
from rich.text import Text

from certgate_controlplane.fleet.counts import Counts

_STYLES = {"connected": "green", "refused": "red", "kept out now": "red"}


def line(counts: Counts) -> str:
    """Write counts in one line.

    Args:
        counts: what a fleet has seen.
    """
    return ", ".join(f"{name} {value}" for name, value in _entries(counts))


def table(counts: Counts, title: str) -> Table:
    """Write counts one below the other.

    Args:
        counts: what a fleet has seen.
        title: stands above.
    """
    drawn = Table(
        title=title,
        title_justify="left",
        title_style="bold",
        show_header=False,
        box=None,
        padding=(0, 2),
    )
    for name, value in _entries(counts):
        drawn.add_row(Text(name, style="dim"), Text(value, style=_STYLES.get(name, "")))
    return drawn


def _entries(counts: Counts) -> Iterator[tuple[str, str]]:
    now, took = counts, counts.latency
    yield "connected", f"{now.connected} of {now.devices}"
    yield "connecting", str(now.connecting)
    yield "waiting", str(now.waiting)
    yield "kept out now", _reasons(now.kept_out)
    yield "admitted", f"{now.admitted} ({now.admitted_resumed} resumed)"
    yield "refused", _reasons(now.refused)
    yield "reconnects", str(now.reconnects)
    yield "dropped", str(now.dropped)
    yield "lost", str(now.lost)
    yield "published", str(now.published)
    yield "received", str(now.received)
    yield "ms to CONNACK", f"{took.median:.0f} (95 %: {took.p95:.0f}, most: {took.maximum:.0f})"


def _reasons(found: Mapping[str, int]) -> str:
    by_number = sorted(found.items(), key=lambda item: (-item[1], item[0]))
    return " + ".join(f"{number} {reason}" for reason, number in by_number) or "0"
