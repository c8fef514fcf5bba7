"""The decision, finding by finding and all of them at once."""

from dataclasses import replace

import pytest

from certgate_broker.decision import (
    Client,
    Decision,
    Leaf,
    Standing,
    decide,
    succeeds,
)
from certgate_broker.policy import IdentifierBinding, IdentifierForm, Policy
from certgate_broker.reasons import Reason
from certgate_certs.authority import CertificateAuthority
from certgate_certs.chain import FOREVER, Path
from certgate_certs.registry import Binding, DeviceCertificate, Status
from certgate_certs.rows import Issuer

SUBJECT, NAMELESS = b"\x30\x0e-subject-of-1-", b"\x30\x00"
BEGIN, END = 1_000_000, 9_000_000
NOW = 5_000_000
FREE = Policy(IdentifierBinding.NONE)

LEAF = Leaf("0a", "meter-1", "CN=meter-1", SUBJECT, BEGIN, END, usable=True)
CA = Issuer(7, "01", Status.ACTIVE, BEGIN, END)
DEVICE = DeviceCertificate(
    20, 7, "01", "0a", "meter-1", Status.ACTIVE, b"", BEGIN, END, "CN=meter-1", SUBJECT, b""
)
PATH = Path(0, (), 0, FOREVER)
OWNER = Binding(3, 10, 7, SUBJECT, BEGIN)
FINE = Standing(ca=CA, path=PATH)
INACTIVE_CA = replace(CA, status=Status.INACTIVE)


def reasons(leaf: Leaf = LEAF, standing: Standing = FINE, now: int = NOW) -> tuple[Reason, ...]:
    """Give the reasons of a decision; accepted is what has none."""
    decision = decide(leaf, standing, Client("m"), now, Policy())
    assert decision.accepted is (decision.reasons == ())
    return decision.reasons


FINDINGS = {
    "nothing": (LEAF, FINE, None),
    "no CA": (LEAF, Standing(), Reason.CA_NOT_REGISTERED),
    "a CA of that name": (LEAF, Standing(issuer_known=True), Reason.CHAIN_INVALID),
    "CA inactive": (LEAF, replace(FINE, ca=INACTIVE_CA), Reason.CA_INACTIVE),
    "no device": (replace(LEAF, usable=False), FINE, Reason.CERTIFICATE_UNACCEPTABLE),
    "device inactive": (LEAF, replace(FINE, inactive=True), Reason.DEVICE_INACTIVE),
    "serial taken": (LEAF, replace(FINE, serial_taken=True), Reason.SERIAL_NUMBER_REUSED),
    "somebody else's identifier": (
        LEAF,
        replace(FINE, binding=replace(OWNER, subject_der=b"another")),
        Reason.CLIENT_IDENTIFIER_BOUND_ELSEWHERE,
    ),
    "its own identifier": (
        LEAF,
        replace(FINE, binding=OWNER, registrations=frozenset({9, 10})),
        None,
    ),
}


class TestDecide:
    """`decide`."""

    @pytest.mark.parametrize(("leaf", "standing", "reason"), FINDINGS.values(), ids=FINDINGS.keys())
    def test_each_finding(self, leaf: Leaf, standing: Standing, reason: Reason | None) -> None:
        """Each finding alone gives its own reason and no other."""
        assert reasons(leaf, standing) == (() if reason is None else (reason,))

    def test_all_findings_in_order(self) -> None:
        """Everything that is wrong is said, in the order of the reasons."""
        path = Path(0, (), NOW + 1, FOREVER)
        standing = Standing(
            ca=INACTIVE_CA,
            path=path,
            inactive=True,
            serial_taken=True,
            binding=replace(OWNER, ca_id=8),
        )
        leaf = replace(LEAF, usable=False, not_after=BEGIN)
        assert reasons(leaf, standing) == (
            Reason.CA_INACTIVE,
            Reason.CERTIFICATE_UNACCEPTABLE,
            Reason.CERTIFICATE_EXPIRED,
            Reason.CERTIFICATE_NOT_YET_VALID,
            Reason.DEVICE_INACTIVE,
            Reason.SERIAL_NUMBER_REUSED,
            Reason.CLIENT_IDENTIFIER_BOUND_ELSEWHERE,
        )

    def test_refused_before_there_was_anything(self) -> None:
        """A refusal made elsewhere is not accepted, and keeps its reasons."""
        refused = Decision.refused(Reason.CONNECT_TIMEOUT)
        assert (refused.accepted, refused.reasons) == (False, (Reason.CONNECT_TIMEOUT,))


EARLY, LATE = Reason.CERTIFICATE_NOT_YET_VALID, Reason.CERTIFICATE_EXPIRED
INSTANTS = [
    (BEGIN - 1, (EARLY,)),
    (BEGIN, ()),
    (END, ()),
    (END + 999, ()),
    (END + 1000, (LATE,)),
]


class TestValidity:
    """Dates, to the millisecond; notAfter is a whole inclusive second (RFC 5280, 4.1.2.5)."""

    @pytest.mark.parametrize(("now", "expected"), INSTANTS)
    def test_of_the_leaf(self, now: int, expected: tuple[Reason, ...]) -> None:
        """The device certificate's own dates count."""
        wide = replace(CA, not_before=0, not_after=FOREVER)
        assert reasons(standing=replace(FINE, ca=wide), now=now) == expected

    @pytest.mark.parametrize(("now", "expected"), INSTANTS)
    def test_of_the_ca(self, now: int, expected: tuple[Reason, ...]) -> None:
        """The CA certificate's dates count."""
        assert reasons(replace(LEAF, not_before=0, not_after=FOREVER), now=now) == expected

    @pytest.mark.parametrize(("now", "expected"), INSTANTS)
    def test_of_what_is_between(self, now: int, expected: tuple[Reason, ...]) -> None:
        """The dates of the certificates between count."""
        wide = replace(CA, not_before=0, not_after=FOREVER)
        standing = Standing(ca=wide, path=Path(0, (b"x",), BEGIN, END))
        assert reasons(replace(LEAF, not_before=0, not_after=FOREVER), standing, now) == expected

    def test_without_a_ca(self) -> None:
        """A device of an unknown CA is told about its own dates too."""
        assert reasons(standing=Standing(), now=END + 1000) == (Reason.CA_NOT_REGISTERED, LATE)


SUCCESSIONS = {
    "newer, not registered yet": (LEAF, FINE, OWNER, True),
    "newer, registered later": (LEAF, replace(FINE, device=DEVICE), OWNER, True),
    "valid from the same instant": (replace(LEAF, not_before=BEGIN), FINE, OWNER, True),
    "valid from earlier": (LEAF, FINE, replace(OWNER, not_before=BEGIN + 1), False),
    "registered earlier": (LEAF, replace(FINE, device=DEVICE), replace(OWNER, device_id=21), False),
    "another CA": (LEAF, FINE, replace(OWNER, ca_id=8), False),
    "another subject": (LEAF, FINE, replace(OWNER, subject_der=b"other"), False),
    "nobody's subject": (
        replace(LEAF, subject_der=NAMELESS),
        FINE,
        replace(OWNER, subject_der=NAMELESS),
        False,
    ),
    "no CA": (LEAF, Standing(), OWNER, False),
    "no owner": (LEAF, FINE, None, False),
}


class TestSuccession:
    """Who takes an identifier over."""

    @pytest.mark.parametrize(
        ("leaf", "standing", "owner", "expected"), SUCCESSIONS.values(), ids=SUCCESSIONS.keys()
    )
    def test_rules(
        self, leaf: Leaf, standing: Standing, owner: Binding | None, expected: bool
    ) -> None:
        """Only a later registration of the same CA and subject, valid from no earlier, succeeds."""
        assert succeeds(leaf, replace(standing, binding=owner)) is expected

    def test_the_successor_is_accepted(self) -> None:
        """A successor is not told that the identifier is bound elsewhere."""
        assert reasons(standing=replace(FINE, binding=OWNER)) == ()

    def test_binding_none(self) -> None:
        """Where identifiers are free nobody owns one."""
        standing = replace(FINE, binding=replace(OWNER, ca_id=8))
        assert decide(LEAF, standing, Client("m"), NOW, FREE).accepted
        assert not decide(LEAF, standing, Client("m"), NOW, Policy()).accepted


class TestIdentifierRules:
    """Which identifiers a device may use at all."""

    @pytest.mark.parametrize(
        ("client_id", "allowed"),
        [
            ("GID_lamps@@@lamp-1", True),
            ("GID-lamps@@@l", True),
            ("GID_lamps@@@" + "x" * 52, True),
            ("GID_lamps@@@" + "x" * 53, False),
            ("GID_lamps@@@", False),
            ("GID_l@@@lamp-1", False),
            ("lamps@@@lamp-1", False),
            ("lamp-1", False),
            ("", False),
        ],
    )
    def test_the_clouds_form(self, client_id: str, allowed: bool) -> None:
        """A group id of 7 to 64 characters, three at signs, a device id; at most 64 in all."""
        policy = Policy(client_id_form=IdentifierForm.CLOUD)
        decision = decide(LEAF, FINE, Client(client_id), NOW, policy)
        assert decision.accepted is allowed
        assert (Reason.CLIENT_IDENTIFIER_UNACCEPTABLE in decision.reasons) is not allowed

    def test_the_common_name(self) -> None:
        """Where it has to be the common name nothing else will do, and no binding counts."""
        policy = Policy(IdentifierBinding.COMMON_NAME)
        bound = replace(FINE, binding=OWNER)
        assert decide(LEAF, bound, Client("meter-1"), NOW, policy).accepted
        refused = decide(LEAF, bound, Client("meter-2"), NOW, policy)
        assert refused.reasons == (Reason.CLIENT_IDENTIFIER_UNACCEPTABLE,)


class TestLeaf:
    """`Leaf`."""

    def test_from_a_view(self, ca: CertificateAuthority) -> None:
        """A device certificate is usable, a CA or a server certificate is not."""
        leaf = Leaf.from_view(ca.issue_device("meter-1").view)
        assert (leaf.subject, leaf.usable) == ("CN=meter-1", True)
        assert not Leaf.from_view(ca.issued.view).usable
        assert not Leaf.from_view(ca.issue_server(["server"]).view).usable

    def test_with_a_defect(self, ca: CertificateAuthority) -> None:
        """A certificate with a defect is not usable."""
        view = replace(ca.issue_device("meter-1").view, defects=("weak",))
        assert not Leaf.from_view(view).usable

    def test_from_a_row(self) -> None:
        """A registration has the same to say as the certificate."""
        assert Leaf.from_row(DEVICE) == LEAF
