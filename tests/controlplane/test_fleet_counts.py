"""What a fleet counts, and how it is shown."""

import io
import random
from collections.abc import Callable

import pytest
from rich.console import Console

from certgate_controlplane.fleet.counts import Counts, Latencies, Latency, State, Tally
from certgate_controlplane.fleet.display import line, table


@pytest.fixture
def tally() -> Tally:
    """Give the tally of three devices."""
    return Tally(["a", "b", "c"])


def test_every_device_is_somewhere(tally: Tally) -> None:
    """Each of them is waiting, connecting or connected."""
    assert tally.counts() == Counts(devices=3, waiting=3)
    tally.moved("a", State.CONNECTED)
    tally.moved("b", State.CONNECTING)
    counts = tally.counts()
    assert (counts.connected, counts.connecting, counts.waiting) == (1, 1, 1)


def test_admissions_are_counted_by_kind(tally: Tally) -> None:
    """Full and resumed ones, and reconnects from a device's second one on."""
    for name, resumed in (("a", False), ("b", False), ("a", True), ("a", True)):
        tally.admitted(name, 5, resumed=resumed)
    counts = tally.counts()
    assert (counts.admitted_full, counts.admitted_resumed, counts.admitted) == (2, 2, 4)
    assert counts.reconnects == 2


def test_a_refusal_is_unexplained_until_the_lab_has_told(tally: Tally) -> None:
    """Then it counts under its reasons; the device is kept out by them."""
    tally.refused("a")
    assert tally.counts().refused == tally.counts().kept_out == {"unexplained": 1}
    tally.explained("a", ("ca_inactive", "certificate_expired"))
    both = {"ca_inactive": 1, "certificate_expired": 1}
    assert tally.counts().refused == tally.counts().kept_out == both


def test_a_device_is_kept_out_by_the_last_reason_that_is_known(tally: Tally) -> None:
    """A further refusal changes nothing before it is explained."""
    tally.refused("a")
    tally.explained("a", ("ca_inactive",))
    tally.refused("a")
    assert tally.counts().kept_out == {"ca_inactive": 1}
    assert tally.counts().refused == {"ca_inactive": 1, "unexplained": 1}
    tally.explained("a", ("device_inactive",))
    assert tally.counts().kept_out == {"device_inactive": 1}
    tally.refused("a", "unreachable")
    assert tally.counts().kept_out == {"unreachable": 1}


def test_an_admission_ends_it(tally: Tally) -> None:
    """An explanation that comes later does not begin it anew."""
    tally.refused("a")
    tally.admitted("a", 5, resumed=False)
    tally.explained("a", ("ca_inactive",))
    assert tally.counts().kept_out == {}
    assert tally.counts().refused == {"ca_inactive": 1}


def test_each_report_is_noticed(tally: Tally) -> None:
    """Whoever waits for a change is told."""
    reports: tuple[Callable[[], None], ...] = (
        lambda: tally.moved("a", State.CONNECTED),
        lambda: tally.counted("published"),
        lambda: tally.admitted("a", 1, resumed=False),
        lambda: tally.refused("a"),
        lambda: tally.explained("a", ("ca_inactive",)),
    )
    for report in reports:
        tally.changed.clear()
        report()
        assert tally.changed.is_set()


def test_latency_of_nobody_is_zero() -> None:
    """Before the first admission there is nothing to sum up."""
    assert Latencies().summary() == Latency(0, 0, 0)


def test_latencies_are_summed_up() -> None:
    """Of 1 to 100 in any order: median 51, 95 of them no more than 95, the slowest 100."""
    latencies, values = Latencies(), [float(n) for n in range(1, 101)]
    random.Random(1).shuffle(values)
    for value in values:
        latencies.add(value)
    assert latencies.summary() == Latency(51, 95, 100)


def test_only_the_last_latencies_count() -> None:
    """After 10,000 more of them an old one is forgotten."""
    latencies = Latencies()
    latencies.add(99)
    for _ in range(9_999):
        latencies.add(1)
    assert latencies.summary().maximum == 99
    latencies.add(2)
    assert latencies.summary() == Latency(1, 1, 2)


COUNTS = Counts(
    devices=9,
    connected=4,
    waiting=5,
    kept_out={"ca_inactive": 2, "unreachable": 3},
    admitted_full=6,
    admitted_resumed=7,
    latency=Latency(1.4, 2.6, 30),
)


def test_a_line_has_everything() -> None:
    """Reasons come with the most frequent one first."""
    assert line(COUNTS) == (
        "connected 4 of 9, connecting 0, waiting 5, kept out now 3 unreachable + 2 ca_inactive,"
        " admitted 13 (7 resumed), refused 0, reconnects 0, dropped 0, lost 0, published 0,"
        " received 0, ms to CONNACK 1 (95 %: 3, most: 30)"
    )


def test_a_table_has_the_same_below_its_title() -> None:
    """Name and value of each, and a reason is no markup."""
    console = Console(file=io.StringIO(), width=100)
    console.print(table(Counts(devices=1, refused={"[red]": 1}), "one lamp"))
    shown = console.file.getvalue()  # type: ignore[attr-defined]
    assert shown.split("\n")[0].strip() == "one lamp"
    assert "1 [red]" in shown
    assert len(shown.strip().split("\n")) == 1 + len(line(COUNTS).split(", ")) - 1
