"""Records for reports: made for tests, and read from what the lab's own door gives back."""

from dataclasses import asdict, replace
from typing import Any

import pytest

from certgate_certs.rows import Cause, Closing, DecisionRecord
from certgate_controlplane.calls import CallRecord
from certgate_controlplane.report import call, closing, decision

INSTANCE = "post-cn-test"
CA, OTHER = "00aa", "00bb"
START = 1_790_000_000_000
"""When the runs of these tests begin, milliseconds since the epoch."""


def called(at: int, action: str, subject: str = CA, **changes: Any) -> CallRecord:
    """Give a good call that was answered after 4 ms; times count from `START`."""
    return replace(CallRecord(START + at, action, INSTANCE, subject, 200, "", 4.0), **changes)


def tried(at: int, *reasons: str, sn: str = "01", **changes: Any) -> DecisionRecord:
    """Give a connection attempt of a device of `CA`; refused where there are reasons."""
    made = DecisionRecord(
        at=START + at,
        instance_id=INSTANCE,
        client_id=f"client-{sn}",
        remote_address="127.0.0.1:1",
        tls_version="TLSv1.3",
        resumed=False,
        subject=f"CN=device-{sn}",
        ca_sn=CA,
        device_sn=sn,
        accepted=not reasons,
        reasons=reasons,
    )
    return replace(made, **changes)


def closed(at: int, cause: Cause = Cause.CA_INACTIVE, sn: str = "01", ca: str = CA) -> Closing:
    """Give a closed connection."""
    return Closing(START + at, INSTANCE, f"client-{sn}", ca, sn, cause)


def test_decision_is_read_as_it_was_written() -> None:
    """What the door adds to a record is passed over, the rest comes back equal."""
    record = tried(5, "ca_inactive", "certificate_expired")
    item = {"number": 3, **asdict(record), "reasons": list(record.reasons), "sentences": ["…"]}
    assert decision(item) == record


def test_closing_is_read_as_it_was_written() -> None:
    """A closing's cause comes back as the cause, not as a text."""
    record = closed(5, Cause.DEVICE_DELETED)
    read = closing({"number": 3, **asdict(record), "cause": "device_deleted"})
    assert (read, type(read.cause)) == (record, Cause)


def test_call_is_read_as_it_was_written() -> None:
    """A call's number is passed over."""
    record = called(5, "ActiveCaCertificate")
    assert call({"number": 3, **asdict(record)}) == record


@pytest.mark.parametrize("read", [decision, call])
def test_record_without_its_members_is_refused(read: Any) -> None:
    """What is no record does not become one."""
    with pytest.raises(TypeError):
        read({"number": 3})


def test_closing_without_a_known_cause_is_refused() -> None:
    """A cause that no switch has is an error, not a guess."""
    with pytest.raises(ValueError, match="is not a valid Cause"):
        closing({**asdict(closed(5)), "cause": "weather"})
