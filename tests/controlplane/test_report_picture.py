"""The pictures: read by their shapes, as a parser sees them."""

import random
from collections import Counter
from collections.abc import Iterable
from xml.etree.ElementTree import Element

import pytest

from certgate_certs.rows import DecisionRecord
from certgate_controlplane.report import Timeline, build_timeline
from certgate_controlplane.report.badges import MOST_BADGES
from certgate_controlplane.report.closeup import closeup
from certgate_controlplane.report.marks import MOST_MARKS, Mark
from certgate_controlplane.report.picture import MOST_LANES, drawn_lanes, picture
from controlplane.test_report_records import CA, OTHER, called, closed, tried

OFF, ON, GONE = "InactivateCaCertificate", "ActiveCaCertificate", "DeleteCaCertificate"


def by_class(drawn: Element, name: str, tag: str | None = None) -> list[Element]:
    """Find shapes by class."""
    return [item for item in drawn.iter(tag) if name in item.get("class", "").split()]


def marks(drawn: Element) -> Counter[str]:
    """Count the marks of a picture by what they mean."""
    return Counter(item.get("href", "").removeprefix("#mark-") for item in drawn.iter("use"))


def x_of(item: Element, key: str = "x") -> float:
    """Read a position, percent."""
    return float(item.get(key, "").removesuffix("%"))


def texts(drawn: Element) -> list[str]:
    """Read the labels of a picture."""
    return ["".join(item.itertext()) for item in drawn.iter("text")]


def crowd(number: int) -> Iterable[DecisionRecord]:
    """Give attempts spread over a minute, a third of them refused."""
    dice = random.Random(5)
    for _ in range(number):
        reasons = ("ca_inactive",) if dice.random() < 1 / 3 else ()
        yield tried(dice.randrange(60_000), *reasons, sn=f"{dice.randrange(1, 200):04x}")


def small_run() -> Timeline:
    """Give a run with one of everything."""
    return build_timeline(
        [called(0, "ListCaCertificate"), called(5, "GetCaCertificate", code="X"), called(100, OFF)],
        [tried(50), tried(121, "ca_inactive"), tried(150), tried(130, ca_sn=OTHER, sn="02")],
        [closed(106)],
        {CA: "borealis"},
    )


class TestRun:
    """The whole run."""

    def test_everything_has_its_mark(self) -> None:
        """Each kind of thing has a shape of its own, and what is wrong lies on top."""
        assert marks(picture(small_run())) == {
            Mark.CALL: 1,
            Mark.FAILED: 1,
            Mark.ADMITTED: 3,
            Mark.REFUSED: 1,
            Mark.CLOSED: 1,
            Mark.WRONG: 1,
        }

    def test_marks_stand_in_the_order_of_time(self) -> None:
        """The answer's line lies between the last admission and the first refusal."""
        drawn = picture(small_run())
        admitted, refused = (
            by_class(drawn, "admitted", "use")[0],
            by_class(drawn, "refused", "use")[0],
        )
        line = by_class(drawn, "answer")[0]
        assert x_of(admitted) < x_of(line, "x1") < x_of(refused)

    def test_lane_tells_its_name_and_counts(self) -> None:
        """In words, with what is wrong at the end."""
        said = texts(picture(small_run()))
        assert "borealis  2 admitted · 1 refused · 1 closed · 1 after the answer" in said
        assert "00bb  1 admitted · 0 refused" in said

    def test_state_is_a_band(self) -> None:
        """From the answer to the next switch: inactive, then deleted; active is plain."""
        calls = [called(0, "X"), called(300, OFF), called(600, ON), called(800, GONE)]
        drawn = picture(build_timeline(calls, [tried(50), tried(1000, sn="02")]))
        bands = [(item.get("class"), x_of(item, "width") > 15) for item in by_class(drawn, "band")]
        assert bands == [("band inactive", True), ("band deleted", True)]
        assert {"inactive", "deleted"} <= set(texts(drawn))
        inactive, back = by_class(drawn, "band")[0], by_class(drawn, "answer")[1]
        assert x_of(inactive) + x_of(inactive, "width") == pytest.approx(x_of(back, "x1"), abs=1)

    def test_thousands_become_bars(self) -> None:
        """The picture of 5,000 attempts is as small as that of hundreds, and loses none."""
        drawn = picture(build_timeline([], crowd(5000)))
        bars = by_class(drawn, "bar")
        counted = sum(int((item.findtext("title") or "0").split()[0]) for item in bars)
        assert (marks(drawn), counted) == ({}, 5000)
        assert len(bars) <= 320

    def test_bar_never_leaves_its_row(self) -> None:
        """The tallest bar of all lanes fills its row."""
        heights = [
            float(item.get("height", ""))
            for item in by_class(picture(build_timeline([], crowd(5000))), "bar")
        ]
        assert max(heights) == 34
        assert min(heights) > 0

    @pytest.mark.parametrize(("number", "is_bars"), [(MOST_MARKS, False), (MOST_MARKS + 1, True)])
    def test_marks_stay_marks_as_long_as_there_is_room(self, number: int, is_bars: bool) -> None:
        """The change comes where they would run into each other."""
        drawn = picture(build_timeline([], [tried(at) for at in range(number)]))
        assert bool(by_class(drawn, "bar")) == is_bars

    def test_wrong_admissions_are_marked_also_among_thousands(self) -> None:
        """What should not have been is a mark of its own, never part of a bar."""
        decisions = [tried(at * 10) for at in range(1000)]
        drawn = picture(build_timeline([called(9900, OFF)], decisions))
        assert marks(drawn)[Mark.WRONG] >= 1

    def test_busiest_cas_are_drawn(self) -> None:
        """Of many CAs those with most to show keep their order."""
        decisions = [tried(at, ca_sn=f"{at % 20 + 1:04x}") for at in range(200)]
        decisions += [tried(at, ca_sn="7777") for at in range(50)]
        timeline = build_timeline([], decisions)
        drawn = drawn_lanes(timeline)
        assert len(drawn) == MOST_LANES
        assert [lane.sn for lane in drawn][:3] == ["0001", "7777", "0002"]
        assert len(by_class(picture(timeline), "lane")) == MOST_LANES

    def test_numbers_do_not_cover_each_other(self) -> None:
        """Switches that follow each other closely stand in rows below each other."""
        calls = [called(at, OFF) for at in (0, 1, 2, 1000)]
        circles = list(picture(build_timeline(calls, [])).iter("circle"))
        places = [(round(x_of(item, "cx")), item.get("cy")) for item in circles]
        assert len(set(places)) == 4
        assert places[0][1] == places[3][1]

    def test_very_many_switches_share_a_row(self) -> None:
        """The picture does not grow with the number of switches."""
        calls = [called(at, OFF) for at in range(MOST_BADGES + 1)]
        drawn = picture(build_timeline(calls, []))
        assert len({item.get("cy") for item in drawn.iter("circle")}) == 1

    def test_cut_says_how_long_it_is(self) -> None:
        """A moved clock is told in words."""
        assert "400 d later" in texts(
            picture(build_timeline([], [tried(0), tried(400 * 86_400_000)]))
        )


class TestCloseup:
    """One switch."""

    def test_distance_to_the_next_connection_is_written(self) -> None:
        """From the answer to the refusal, in milliseconds."""
        drawn = closeup(small_run().switches[0])
        distance = by_class(drawn, "distance")[0]
        assert "17 ms" in texts(drawn)
        assert x_of(distance, "x1") == x_of(by_class(drawn, "answer")[0], "x1")
        assert x_of(distance, "x2") == x_of(by_class(drawn, "refused", "use")[0])

    def test_short_distance_has_its_label_beside_it(self) -> None:
        """A refusal a millisecond after the answer of a slow call still can be read."""
        calls = [called(100, OFF, milliseconds=80.0)]
        drawn = closeup(build_timeline(calls, [tried(183, "ca_inactive")]).switches[0])
        label = next(item for item in drawn.iter("text") if item.text == "3 ms")
        assert label.get("dx") == "8"

    def test_wrong_admission_is_no_usual_one(self) -> None:
        """What was admitted before is a dot, what was admitted after an alarm."""
        timeline = build_timeline([called(100, OFF)], [tried(97), tried(120)])
        assert marks(closeup(timeline.switches[0])) == {Mark.ADMITTED: 1, Mark.WRONG: 1}

    def test_late_effect_is_in_the_picture(self) -> None:
        """Where a switch works with a delay, the first refusal is what is measured and seen."""
        decisions = [tried(120), tried(3000), tried(6104, "ca_inactive")]
        drawn = closeup(build_timeline([called(100, OFF)], decisions).switches[0])
        assert marks(drawn) == {Mark.WRONG: 2, Mark.REFUSED: 1}
        assert "6 s" in texts(drawn)

    def test_refused_device_does_not_hide_that_its_ca_is_back(self) -> None:
        """After an activation the first admission is measured."""
        decisions = [tried(120, "device_inactive"), tried(150, sn="02")]
        drawn = closeup(build_timeline([called(100, ON)], decisions).switches[0])
        assert "46 ms" in texts(drawn)

    def test_nobody_came(self) -> None:
        """A switch that no device tried is said to be so."""
        assert "no connection" in texts(closeup(build_timeline([called(100, OFF)], []).switches[0]))

    def test_picture_ends_where_the_next_switch_begins(self) -> None:
        """Closings that come very late do not make it longer."""
        calls = [called(100, OFF), called(200, ON)]
        closings = [closed(106), closed(9000)]
        switch = build_timeline(calls, [tried(150, "ca_inactive")], closings).switches[0]
        assert marks(closeup(switch)) == {Mark.REFUSED: 1, Mark.CLOSED: 1}
