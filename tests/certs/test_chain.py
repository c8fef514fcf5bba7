"""Paths that lead to a registered CA."""

import pytest

from certgate_certs.authority import CertificateAuthority
from certgate_certs.builder import KeyType, ca_extensions
from certgate_certs.chain import FOREVER, MAX_PRESENTED, follow_chain
from certs import odd


def ders(*cas: CertificateAuthority) -> list[bytes]:
    """Give what a peer presents after its leaf."""
    return [odd.der_of(ca.certificate) for ca in cas]


class TestPaths:
    """Chains that are followed."""

    @pytest.mark.parametrize("kind", list(KeyType))
    def test_issued_directly(self, kind: KeyType) -> None:
        """A leaf that the anchor issued needs nothing in between."""
        ca = CertificateAuthority.create_root("CA", kind)
        found = follow_chain(ca.issue_device("d", kind).view, [], [ca.issued.view])
        assert found.issuer_known
        assert [(path.anchor, path.between) for path in found.paths] == [(0, ())]
        assert (found.paths[0].valid_from, found.paths[0].valid_until) == (0, FOREVER)

    def test_by_way_of_an_intermediate(
        self, root: CertificateAuthority, intermediate: CertificateAuthority
    ) -> None:
        """What stands between leaf and anchor is named, with its dates."""
        leaf = intermediate.issue_device("d").view
        (path,) = follow_chain(leaf, ders(intermediate), [root.issued.view]).paths
        assert path.between == (intermediate.issued.view.der,)
        assert path.valid_from == intermediate.issued.view.not_before
        assert path.valid_until == intermediate.issued.view.not_after

    def test_in_any_order_with_strangers_and_the_root(
        self, root: CertificateAuthority, intermediate: CertificateAuthority
    ) -> None:
        """The order does not matter, nor does what belongs to no path or cannot be read."""
        stranger = CertificateAuthority.create_root("Stranger")
        presented = [b"", b"garbage", *ders(root, stranger, intermediate), b"0\x82"]
        leaf = intermediate.issue_device("d").view
        (path,) = follow_chain(leaf, presented, [root.issued.view]).paths
        assert path.between == (intermediate.issued.view.der,)

    def test_three_floors(self, root: CertificateAuthority) -> None:
        """The narrowest dates of two intermediates count; the nearest stands first."""
        upper = odd.below(root, "Upper", odd.ca_like(root), dates=(odd.BEGIN, odd.MIDDLE))
        lower = odd.below(upper, "Lower", odd.ca_like(upper), dates=(odd.LATER, odd.END))
        leaf = lower.issue_device("d").view
        (path,) = follow_chain(leaf, ders(upper, lower), [root.issued.view]).paths
        assert path.between == (lower.issued.view.der, upper.issued.view.der)
        assert path.valid_from == lower.issued.view.not_before
        assert path.valid_until == upper.issued.view.not_after

    def test_an_intermediate_as_anchor(
        self, root: CertificateAuthority, intermediate: CertificateAuthority
    ) -> None:
        """A registered intermediate is an anchor itself; nearer paths come first."""
        leaf = intermediate.issue_device("d").view
        anchors = [root.issued.view, intermediate.issued.view]
        for presented in ([], ders(root), ders(intermediate), ders(root, intermediate)):
            paths = follow_chain(leaf, presented, anchors).paths
            assert (paths[0].anchor, paths[0].between) == (1, ())
            assert (len(paths) == 2) is (ders(intermediate)[0] in presented)

    def test_a_ca_that_was_renewed(self, root: CertificateAuthority) -> None:
        """Two anchors with one name and one key both vouch."""
        anchors = [root.issued.view, odd.renewed(root)]
        found = follow_chain(root.issue_device("d").view, [], anchors)
        assert [path.anchor for path in found.paths] == [0, 1]

    def test_among_namesakes(self, root: CertificateAuthority) -> None:
        """Of two anchors with one name, the one whose key signed vouches."""
        namesake = CertificateAuthority.create_root("Root of the tests")
        anchors = [namesake.issued.view, root.issued.view]
        found = follow_chain(root.issue_device("d").view, [], anchors)
        assert [path.anchor for path in found.paths] == [1]

    def test_dates_are_not_judged(self, root: CertificateAuthority) -> None:
        """Certificates long expired, or not valid yet, still give a path with their dates."""
        old = odd.below(root, "Old", odd.ca_like(root), dates=(odd.BEGIN, odd.MIDDLE))
        leaf = odd.below(old, "leaf", [], dates=(odd.FAR, odd.FARTHER)).issued.view
        (path,) = follow_chain(leaf, ders(old), [root.issued.view]).paths
        assert path.valid_until == old.issued.view.not_after

    def test_as_many_as_are_looked_at(
        self, root: CertificateAuthority, intermediate: CertificateAuthority
    ) -> None:
        """The last certificate that is looked at counts, the one after it does not."""
        leaf = intermediate.issue_device("d").view
        (wanted,) = ders(intermediate)
        for strangers, known in ((MAX_PRESENTED - 1, True), (MAX_PRESENTED, False)):
            presented = [b"garbage"] * strangers + [wanted]
            found = follow_chain(leaf, presented, [root.issued.view])
            assert (len(found.paths) == 1, found.issuer_known) == (known, known)


class TestNoPath:
    """Chains that lead nowhere."""

    def test_nobody_registered(self, root: CertificateAuthority) -> None:
        """Without anchors there is no path and no issuer."""
        found = follow_chain(root.issue_device("d").view, ders(root), [])
        assert (found.paths, found.issuer_known) == ((), False)

    def test_an_unknown_issuer(self, root: CertificateAuthority) -> None:
        """A leaf of another CA knows none of the anchors."""
        stranger = CertificateAuthority.create_root("Stranger")
        leaf = stranger.issue_device("d").view
        found = follow_chain(leaf, ders(stranger), [root.issued.view])
        assert (found.paths, found.issuer_known) == ((), False)

    def test_a_missing_intermediate(
        self, root: CertificateAuthority, intermediate: CertificateAuthority
    ) -> None:
        """The root's name does not stand in a leaf of the intermediate."""
        found = follow_chain(intermediate.issue_device("d").view, [], [root.issued.view])
        assert (found.paths, found.issuer_known) == ((), False)

    def test_a_forged_issuer(self, root: CertificateAuthority) -> None:
        """A CA that has the anchor's name and not its key is found out."""
        forger = CertificateAuthority.create_root("Root of the tests")
        found = follow_chain(forger.issue_device("d").view, ders(forger), [root.issued.view])
        assert (found.paths, found.issuer_known) == ((), True)

    def test_a_forged_intermediate(self, root: CertificateAuthority) -> None:
        """An intermediate that names the root as its issuer has to be signed by it."""
        forger = CertificateAuthority.create_root("Root of the tests")
        middle = forger.issue_intermediate("Intermediate")
        found = follow_chain(middle.issue_device("d").view, ders(middle), [root.issued.view])
        assert (found.paths, found.issuer_known) == ((), True)

    def test_an_altered_leaf(self, root: CertificateAuthority) -> None:
        """One octet of the subject breaks the signature."""
        leaf = root.issue_device("meter-1").view
        altered = type(leaf).from_der(odd.replaced(leaf.der, b"meter-1", b"meter-2"))
        found = follow_chain(altered, [], [root.issued.view])
        assert (found.paths, found.issuer_known) == ((), True)

    def test_an_anchor_does_not_vouch_for_itself(self, root: CertificateAuthority) -> None:
        """A CA certificate presented as a leaf has no path of its own."""
        found = follow_chain(root.issued.view, ders(root), [root.issued.view])
        assert (found.paths, found.issuer_known) == ((), True)

    def test_below_the_path_length(
        self, root: CertificateAuthority, intermediate: CertificateAuthority
    ) -> None:
        """An intermediate of path length zero issues no CA."""
        third = intermediate.issue_intermediate("Third")
        leaf = third.issue_device("d").view
        found = follow_chain(leaf, ders(intermediate, third), [root.issued.view])
        assert (found.paths, found.issuer_known) == ((), True)

    def test_a_device_issues_nothing(self, root: CertificateAuthority) -> None:
        """A device certificate in the middle of a chain breaks it."""
        device = CertificateAuthority(root.issue_device("device"))
        leaf = device.issue_device("d").view
        found = follow_chain(leaf, ders(device), [root.issued.view])
        assert (found.paths, found.issuer_known) == ((), True)

    def test_without_basic_constraints(self, root: CertificateAuthority) -> None:
        """Key usage alone makes no CA, though OpenSSL is content with it."""
        usage = [item for item in odd.ca_like(root) if item[0].oid != odd.BASIC_CONSTRAINTS]
        middle = odd.below(root, "Middle", usage)
        found = follow_chain(middle.issue_device("d").view, ders(middle), [root.issued.view])
        assert (found.paths, found.issuer_known) == ((), True)

    def test_a_weak_intermediate(self, root: CertificateAuthority) -> None:
        """A defect in the middle breaks the chain."""
        key = odd.rsa_1024()
        extensions = ca_extensions(key.public_key(), root.certificate, path_length=0)
        weak = odd.below(root, "Weak", extensions, key=key)
        found = follow_chain(weak.issue_device("d").view, ders(weak), [root.issued.view])
        assert (found.paths, found.issuer_known) == ((), True)
