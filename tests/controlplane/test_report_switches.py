"""What the next connections saw of each switch."""

import pytest

from certgate_certs.rows import Cause
from certgate_controlplane.report import build_timeline
from certgate_controlplane.report.switches import Kind, Switch, Verb
from controlplane.test_report_records import CA, OTHER, START, called, closed, tried

OFF, ON, GONE = "InactivateCaCertificate", "ActiveCaCertificate", "DeleteCaCertificate"
DEVICE_OFF, DEVICE_GONE = "InactivateDeviceCertificate", "DeleteDeviceCertificate"


def only(calls: list, decisions: list, closings: list | None = None) -> Switch:  # type: ignore[type-arg]
    """Give the first switch of a run."""
    return build_timeline(calls, decisions, closings or []).switches[0]


class TestWhatIsASwitch:
    """Six operations switch, where they are answered without an error."""

    @pytest.mark.parametrize("verb", list(Verb))
    @pytest.mark.parametrize("kind", list(Kind))
    def test_operation_is_told_apart(self, verb: Verb, kind: Kind) -> None:
        """The name of the operation says what is done to what."""
        switch = only([called(0, f"{verb}{kind}Certificate")], [])
        assert (switch.number, switch.verb, switch.kind) == (1, verb, kind)

    @pytest.mark.parametrize(
        "call",
        [
            called(0, "ListCaCertificate"),
            called(0, "XInactivateCaCertificate"),
            called(0, OFF, status=404),
            called(0, OFF, code="InternalError"),
        ],
    )
    def test_other_call_is_none(self, call: object) -> None:
        """Calls that look, and those that were refused, switch nothing."""
        assert build_timeline([call], []).switches == ()  # type: ignore[list-item]

    def test_numbers_follow_time(self) -> None:
        """The log is in the order of answers; switches are numbered in the order of calls."""
        found = build_timeline([called(9, ON), called(2, OFF)], []).switches
        assert [(switch.number, switch.verb) for switch in found] == [
            (1, Verb.INACTIVATE),
            (2, Verb.ACTIVE),
        ]


class TestAfterTheAnswer:
    """What counts as after, and for whom."""

    def test_next_connection_is_refused(self) -> None:
        """The first refusal after the answer, its distance from it, and the last admission."""
        switch = only(
            [called(100, OFF)],
            [tried(50), tried(121, "ca_inactive"), tried(130, "ca_inactive")],
        )
        assert switch.next is not None
        assert switch.last_admitted is not None
        assert switch.after(switch.next.at) == 17
        assert switch.last_admitted.at == START + 50
        assert (len(switch.refused), len(switch.admitted), switch.wrong) == (2, 0, ())

    @pytest.mark.parametrize(("at", "wrong"), [(103, 0), (104, 0), (105, 1), (900, 1)])
    def test_admission_counts_from_the_next_millisecond(self, at: int, wrong: int) -> None:
        """An admission in the millisecond of the answer may have come before it."""
        assert len(only([called(100, OFF)], [tried(at)]).wrong) == wrong

    @pytest.mark.parametrize(("at", "refused"), [(103, 0), (104, 1), (105, 1)])
    def test_refusal_counts_from_the_answers_millisecond(self, at: int, refused: int) -> None:
        """A refusal in the millisecond of the answer shows that the switch works."""
        assert len(only([called(100, OFF)], [tried(at, "ca_inactive")]).refused) == refused

    def test_part_of_a_millisecond_is_not_shown(self) -> None:
        """The clock writes whole milliseconds, so nothing is 0.4 ms before the answer."""
        switch = only([called(100, OFF, milliseconds=4.4)], [tried(104, "ca_inactive")])
        assert switch.after(START + 104) == 0
        assert len(switch.refused) == 1

    def test_last_admission_is_one_before_the_answer(self) -> None:
        """Admissions after it are not the last before it."""
        last = only([called(100, OFF)], [tried(50), tried(120)]).last_admitted
        assert last is not None
        assert last.at == START + 50

    def test_other_ca_is_not_covered(self) -> None:
        """Devices of another CA, or of the same serial number elsewhere, are left out."""
        elsewhere = tried(130, instance_id="post-cn-other")
        switch = only([called(100, OFF)], [tried(120, ca_sn=OTHER), elsewhere])
        assert (switch.next, switch.wrong) == (None, ())

    def test_notation_does_not_matter(self) -> None:
        """A call may write the serial number as openssl does."""
        switch = only([called(100, OFF, "AA")], [tried(120, "ca_inactive")])
        assert len(switch.refused) == 1

    def test_what_is_no_serial_number_covers_itself_only(self) -> None:
        """A subject that cannot be one is compared as it stands."""
        switch = only([called(100, OFF, "not hex")], [tried(120)])
        assert (switch.attempts, switch.wrong) == ((), ())

    def test_activation_expects_admissions(self) -> None:
        """After an activation the next one is admitted, and no admission is wrong."""
        switch = only([called(100, ON)], [tried(104), tried(104, "device_inactive")])
        assert (switch.admits, len(switch.admitted), len(switch.refused)) == (True, 1, 0)
        assert switch.wrong == ()


class TestDeletedCa:
    """The record of a device whose CA is gone names no CA."""

    def test_device_is_known_by_its_earlier_attempts(self) -> None:
        """Serial number and subject lead to the CA that admitted it before."""
        after = tried(120, "ca_not_registered", ca_sn="")
        assert only([called(100, GONE)], [tried(50), after]).refused == (after,)

    @pytest.mark.parametrize("changes", [{"subject": "CN=x"}, {"device_sn": "02"}])
    def test_stranger_is_not_taken_for_it(self, changes: dict[str, str]) -> None:
        """Either of the two alone leads nowhere."""
        after = tried(120, "ca_not_registered", ca_sn="", **changes)
        timeline = build_timeline([called(100, GONE)], [tried(50), after])
        assert timeline.switches[0].refused == ()
        assert [lane.decisions for lane in timeline.lanes if lane.home is None] == [[after]]

    def test_device_of_two_cas_leads_nowhere(self) -> None:
        """Where two CAs gave out the same certificate's names, nobody can tell whose it was."""
        after = tried(120, "ca_not_registered", ca_sn="")
        timeline = build_timeline([called(100, GONE)], [tried(50), tried(51, ca_sn=OTHER), after])
        assert timeline.switches[0].refused == ()

    def test_registration_ends_it(self) -> None:
        """Once a CA was registered again, its devices may come back."""
        calls = [called(100, GONE), called(200, "RegisterCaCertificate", "name")]
        switch = only(calls, [tried(50), tried(250)])
        assert (switch.until, switch.wrong) == (START + 200, ())


class TestUntil:
    """How long a switch is answerable for what happens."""

    def test_next_switch_of_the_same_ends_it(self) -> None:
        """What comes after the next switch is that one's."""
        calls = [called(100, OFF), called(200, ON), called(300, OFF)]
        first, second, _ = build_timeline(calls, [tried(210), tried(310)]).switches
        assert (first.until, first.wrong) == (START + 200, ())
        assert [record.at for record in second.admitted] == [START + 210]

    def test_switch_of_another_does_not(self) -> None:
        """Another CA's activation lets nobody of this one in."""
        switch = only([called(100, OFF), called(200, ON, OTHER)], [tried(250)])
        assert (switch.until, len(switch.wrong)) == (None, 1)

    @pytest.mark.parametrize(("status", "ends"), [(400, False), (500, True), (0, True)])
    def test_failed_call_ends_it_where_it_may_have_worked(self, status: int, ends: bool) -> None:
        """A call that broke off on the server's side may have done its work."""
        failed = called(200, ON, status=status, code="InternalError")
        switch = only([called(100, OFF), failed], [tried(250)])
        assert (switch.until is not None, len(switch.wrong)) == (ends, 0 if ends else 1)

    def test_last_admission_is_not_sought_before_the_previous_switch(self) -> None:
        """What the one before let in is not this one's."""
        calls = [called(100, OFF), called(200, ON)]
        assert build_timeline(calls, [tried(50)]).switches[1].last_admitted is None


class TestDevices:
    """Switches of single devices."""

    def test_only_the_device_is_covered(self) -> None:
        """Its neighbour under the same CA goes on."""
        decisions = [tried(50), tried(120, "device_inactive"), tried(130, sn="02")]
        switch = only([called(100, DEVICE_OFF, "01")], decisions)
        assert (len(switch.refused), switch.wrong, switch.home) == (
            1,
            (),
            (decisions[0].instance_id, "aa"),
        )

    def test_admission_after_inactivation_is_wrong(self) -> None:
        """An inactive device that gets in is an alarm."""
        assert len(only([called(100, DEVICE_OFF, "01")], [tried(120)]).wrong) == 1

    def test_deleted_device_may_register_again(self) -> None:
        """After a device's deletion either outcome is as it should be."""
        switch = only([called(100, DEVICE_GONE, "01")], [tried(50), tried(104)])
        assert (switch.admits, len(switch.admitted), switch.wrong) == (None, 1, ())

    def test_deletion_of_its_ca_ends_it(self) -> None:
        """With the CA the device's record is gone, and with it that it was inactive."""
        calls = [called(100, DEVICE_OFF, "01"), called(200, GONE)]
        assert only(calls, [tried(50)]).until == START + 200

    def test_serial_number_of_two_devices_is_not_measured(self) -> None:
        """A call names no CA in its record, so where two gave out the number nothing is claimed."""
        switch = only([called(100, DEVICE_OFF, "01")], [tried(50), tried(120, ca_sn=OTHER)])
        assert (switch.is_ambiguous, switch.home, switch.next, switch.wrong) == (
            True,
            None,
            None,
            (),
        )


class TestClosings:
    """Connections closed for the sake of a switch."""

    def test_each_belongs_to_the_latest_switch_of_its_cause(self) -> None:
        """A late closing is not given to a switch of another cause or another CA."""
        calls = [called(100, OFF), called(200, ON), called(300, OFF), called(310, OFF, OTHER)]
        closings = [closed(106), closed(250), closed(320), closed(330, Cause.CA_DELETED)]
        found = build_timeline(calls, [], closings).switches
        assert [[item.at - START for item in switch.closed] for switch in found] == [
            [106, 250],
            [],
            [320],
            [],
        ]

    def test_devices_closing_belongs_to_the_devices_switch(self) -> None:
        """It is found by the device's serial number."""
        calls = [called(90, OFF), called(100, DEVICE_OFF, "01")]
        found = build_timeline(calls, [tried(50)], [closed(106, Cause.DEVICE_INACTIVE)]).switches
        assert [len(switch.closed) for switch in found] == [0, 1]

    def test_closing_before_any_switch_belongs_to_none(self) -> None:
        """What nobody called for is nobody's."""
        assert only([called(100, OFF, CA)], [], [closed(50)]).closed == ()
