"""Chains of certificates that OpenSSL cannot read, and of unusual length."""

import pytest
from cryptography import x509

from certgate_certs.authority import CertificateAuthority
from certgate_certs.builder import name_of
from certgate_certs.chain import follow_chain, split_chain
from certgate_certs.view import CertificateView
from certs import odd

# OpenSSL takes no OCTET STRING in a name, the library that the view reads with does.
UTF8, OCTETS = b"\x0c\x06issuer", b"\x04\x06issuer"


def unreadable(subject: str) -> CertificateView:
    """Give a certificate that the view understands and OpenSSL does not."""
    return CertificateView.from_der(odd.self_issued(name_of(subject)).replace(UTF8, OCTETS))


class TestUnreadable:
    """What only one of two libraries can read leads nowhere and breaks nothing."""

    def test_an_anchor(self) -> None:
        """Such an anchor vouches for nobody."""
        found = follow_chain(unreadable("leaf"), [], [unreadable("issuer")])
        assert (found.paths, found.issuer_known) == ((), True)

    def test_a_leaf(self, root: CertificateAuthority) -> None:
        """Nobody vouches for such a leaf."""
        leaf = CertificateView.from_der(
            odd.replaced(root.issue_device("issuer").view.der, UTF8, OCTETS)
        )
        found = follow_chain(leaf, [], [root.issued.view])
        assert (found.paths, found.issuer_known) == ((), True)

    def test_one_that_is_presented(self, root: CertificateAuthority) -> None:
        """Such a certificate is passed over."""
        leaf = root.issue_device("d").view
        found = follow_chain(leaf, [unreadable("x").der], [root.issued.view])
        assert [path.between for path in found.paths] == [()]

    def test_an_anchor_with_a_serial_number_of_zero(self) -> None:
        """No warning comes of it, and no path."""
        anchor = CertificateView.from_der(odd.with_serial_octets(b"\x00"))
        found = follow_chain(anchor, [anchor.der], [anchor])
        assert found.paths == ()


class TestSplitChain:
    """`split_chain`."""

    def test_nothing(self) -> None:
        """A device that its CA issued directly has nothing in between."""
        assert split_chain(b"") == []

    @pytest.mark.parametrize("filling", [0, 10_000, 70_000])
    def test_lengths_of_every_form(self, root: CertificateAuthority, filling: int) -> None:
        """Certificates of one, two and three octets of length come apart again."""
        content = x509.UnrecognizedExtension(
            x509.ObjectIdentifier("1.2.3.4"), odd.tlv(0x04, b"x" * filling)
        )
        unusual = odd.self_issued(extensions=[(content, False)]) if filling else odd.shortest()
        whole = [odd.der_of(root.certificate), unusual, odd.der_of(root.certificate)]
        assert split_chain(b"".join(whole)) == whole
        assert unusual[1] == {0: 0x81, 10_000: 0x82, 70_000: 0x83}[filling]
