"""A run put in order."""

import pytest

from certgate_controlplane.report import build_timeline
from controlplane.test_report_records import CA, INSTANCE, OTHER, START, called, closed, tried


def test_run_without_anything_is_empty() -> None:
    """Nothing in, nothing out, and no error."""
    timeline = build_timeline([], [])
    assert (timeline.times, timeline.lanes, timeline.wrong, timeline.went_back) == (
        [],
        (),
        [],
        False,
    )


def test_times_are_sorted_and_know_answers() -> None:
    """Every call counts with its beginning and its answer."""
    timeline = build_timeline([called(10, "ListCaCertificate")], [tried(12)], [closed(11)])
    assert [at - START for at in timeline.times] == [10, 11, 12, 14]


def test_every_ca_has_a_lane() -> None:
    """Also one that is only switched, and one of which only a closing is known."""
    timeline = build_timeline(
        [called(10, "InactivateCaCertificate", "00CC")],
        [tried(1), tried(2, "ca_not_registered", ca_sn="", sn="77")],
        [closed(11, ca=OTHER)],
    )
    assert [(lane.home, lane.sn) for lane in timeline.lanes] == [
        ((INSTANCE, "aa"), CA),
        ((INSTANCE, "bb"), OTHER),
        ((INSTANCE, "cc"), "00CC"),
        (None, ""),
    ]


def test_lane_holds_what_is_its_own() -> None:
    """Attempts, closings and switches, of the CA and of its devices."""
    calls = [called(10, "InactivateCaCertificate"), called(20, "DeleteDeviceCertificate", "01")]
    timeline = build_timeline(calls, [tried(1), tried(2, ca_sn=OTHER, sn="02")], [closed(11)])
    first, second = timeline.lanes
    assert (len(first.decisions), len(first.closings), len(first.switches)) == (1, 1, 2)
    assert (first.busy, second.busy) == (4, 1)


class TestNames:
    """What CAs and devices are called."""

    def test_ca_goes_by_its_given_name(self) -> None:
        """In any notation of its serial number; without a name by the number."""
        timeline = build_timeline([], [], names={"AA": "maker"})
        assert [timeline.ca_name(sn) for sn in (CA, OTHER)] == ["maker", OTHER]

    @pytest.mark.parametrize(
        ("action", "subject", "name"),
        [
            ("InactivateCaCertificate", CA, "maker"),
            ("InactivateCaCertificate", "01", "01"),
            ("GetDeviceCertificate", "0001", "latest"),
            ("DeleteDeviceCertificate", "02", "given"),
            ("DeleteDeviceCertificate", "ff", "ff"),
            ("RegisterCaCertificate", CA, CA),
            ("CloseConnection", "01", "01"),
        ],
    )
    def test_call_tells_what_it_was_about(self, action: str, subject: str, name: str) -> None:
        """A device goes by its given name or its latest identifier."""
        decisions = [
            tried(1),
            tried(2, client_id="latest"),
            tried(3, client_id=""),
            tried(4, sn="02"),
        ]
        timeline = build_timeline([], decisions, names={"AA": "maker", "02": "given"})
        assert timeline.subject_of(called(5, action, subject)) == name

    def test_refused_client_names_nothing(self) -> None:
        """A certificate of a stranger's own making may carry anybody's serial number."""
        forged = tried(9, "ca_not_registered", sn="01", ca_sn="", client_id="forged")
        timeline = build_timeline([], [tried(1), forged])
        assert timeline.subject_of(called(5, "DeleteDeviceCertificate", "01")) == "client-01"

    def test_device_cannot_take_a_cas_name(self) -> None:
        """A device whose serial number is a CA's does not rename that CA."""
        assert build_timeline([], [tried(1, sn=CA)]).ca_name(CA) == CA


def test_attempt_without_a_certificate_has_no_home() -> None:
    """A knock without a certificate belongs to no CA."""
    timeline = build_timeline([], [tried(1, "no_client_certificate", sn="", ca_sn="", subject="")])
    assert [lane.home for lane in timeline.lanes] == [None]


def test_wrong_admissions_are_gathered() -> None:
    """Each comes with the switch that should have kept it out."""
    calls = [called(10, "InactivateCaCertificate"), called(50, "DeleteCaCertificate", OTHER)]
    late, later = tried(30), tried(70, ca_sn=OTHER, sn="02")
    timeline = build_timeline(calls, [later, late])
    assert [(switch.number, record) for switch, record in timeline.wrong] == [(1, late), (2, later)]


def test_clock_moved_back_is_noticed() -> None:
    """Numbers go on while times go back; what several processes write a little late does not."""
    assert build_timeline([], [tried(5000), tried(10)]).went_back
    assert not build_timeline([], [tried(500), tried(10)]).went_back
