"""The decision on any leaf in any standing, formulated once more in other words."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from broker.test_decision import BEGIN, CA, DEVICE, END, FREE, NAMELESS, NOW, SUBJECT, reasons
from certgate_broker.decision import Client, Leaf, Standing, decide
from certgate_broker.policy import Policy
from certgate_broker.reasons import Reason
from certgate_certs.chain import Path
from certgate_certs.registry import Binding, Status

TIMES = st.sampled_from([0, BEGIN, NOW - 1000, NOW - 999, NOW, NOW + 1, END])
SUBJECTS = st.sampled_from([SUBJECT, NAMELESS, b"\x30\x01x"])
LEAVES = st.builds(Leaf, st.just("0a"), st.just(""), SUBJECTS, TIMES, TIMES, st.booleans())
CAS = st.builds(
    lambda number, status, begin, end: replace(
        CA, id=number, status=status, not_before=begin, not_after=end
    ),
    st.integers(7, 8),
    st.sampled_from(Status),
    TIMES,
    TIMES,
)
STANDINGS = st.builds(
    Standing,
    ca=st.none() | CAS,
    issuer_known=st.booleans(),
    path=st.none() | st.builds(Path, st.just(0), st.just(()), TIMES, TIMES),
    device=st.none() | st.builds(lambda number: replace(DEVICE, id=number), st.integers(9, 11)),
    registrations=st.frozensets(st.integers(9, 11)),
    inactive=st.booleans(),
    serial_taken=st.booleans(),
    binding=st.none()
    | st.builds(Binding, st.just(3), st.integers(9, 11), st.integers(7, 8), SUBJECTS, TIMES),
)


def entitled(leaf: Leaf, standing: Standing) -> bool:
    """Say again, in other words, who may use an identifier."""
    owner = standing.binding
    if owner is None or owner.device_id in standing.registrations:
        return True
    if standing.ca is None or leaf.subject_der == NAMELESS:
        return False
    if standing.device is not None and standing.device.id <= owner.device_id:
        return False
    return (
        standing.ca.id == owner.ca_id
        and leaf.subject_der == owner.subject_der
        and not leaf.not_before < owner.not_before
    )


def timely(leaf: Leaf, standing: Standing) -> bool:
    """Say again, in other words, that everything is valid in the second of now."""
    spans = [(leaf.not_before, leaf.not_after)]
    spans += [] if standing.ca is None else [(standing.ca.not_before, standing.ca.not_after)]
    path = standing.path
    spans += [] if path is None else [(path.valid_from, path.valid_until)]
    return all(begin <= NOW <= end + 999 for begin, end in spans)


class TestProperties:
    """Any leaf in any standing."""

    @given(LEAVES, STANDINGS, st.booleans())
    def test_accepted_exactly_where_nothing_is_wrong(
        self, leaf: Leaf, standing: Standing, free: bool
    ) -> None:
        """Accepted is who has an active CA, valid dates, a clean record and a right to the name."""
        expected = (
            standing.ca is not None
            and standing.ca.status == Status.ACTIVE
            and timely(leaf, standing)
            and leaf.usable
            and not (standing.inactive or standing.serial_taken)
            and (free or entitled(leaf, standing))
        )
        decision = decide(leaf, standing, Client("m"), NOW, FREE if free else Policy())
        assert decision.accepted is expected
        assert bool(decision.reasons) is not expected

    @given(LEAVES, STANDINGS)
    def test_reasons_are_in_order_and_said_once(self, leaf: Leaf, standing: Standing) -> None:
        """Reasons come in the order of the enumeration, none of them twice."""
        found = [list(Reason).index(reason) for reason in reasons(leaf, standing)]
        assert found == sorted(set(found))

    @given(LEAVES, STANDINGS)
    def test_a_finding_more_never_helps(self, leaf: Leaf, standing: Standing) -> None:
        """Whoever is refused stays refused, for the same reasons, when more is found."""
        worse = replace(standing, inactive=True, serial_taken=True)
        assert set(reasons(leaf, standing)) <= set(reasons(leaf, worse))
