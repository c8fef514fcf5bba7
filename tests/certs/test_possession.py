"""Proof of possession of a CA's private key."""

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa, x25519

from certgate_certs.authority import CertificateAuthority
from certgate_certs.builder import key_usage
from certgate_certs.possession import (
    PossessionFinding,
    examine_ca,
    examine_proof,
    is_signed_by,
)
from certgate_certs.view import CertificateView
from certs import odd

CA_TRUE = (x509.BasicConstraints(ca=True, path_length=None), True)
MAY_SIGN = (key_usage(key_cert_sign=True), True)
CODE = "13274673-8f90-4630-bea1-9cccb25756ad2089000000000000"


class TestExamineCa:
    """`examine_ca`."""

    def test_root_and_intermediate(
        self, root: CertificateAuthority, intermediate: CertificateAuthority
    ) -> None:
        """Both kinds of CA may be registered."""
        assert examine_ca(root.issued.view) == examine_ca(intermediate.issued.view) == []

    def test_a_ca_without_key_usage(self) -> None:
        """An absent key usage forbids nothing (RFC 5280, 4.2.1.3)."""
        assert examine_ca(CertificateView.from_der(odd.self_issued(extensions=[CA_TRUE]))) == []

    def test_every_finding(self) -> None:
        """All findings are given, not only the first."""
        weak = rsa.generate_private_key(65537, 1024).public_key()
        usage = (key_usage(digital_signature=True), True)
        view = CertificateView.from_der(odd.self_issued(extensions=[usage], key=weak))
        assert examine_ca(view) == [
            PossessionFinding.CA_DEFECTIVE,
            PossessionFinding.CA_WITHOUT_BASIC_CONSTRAINTS,
            PossessionFinding.CA_MUST_NOT_SIGN,
        ]

    @pytest.mark.parametrize(
        ("extensions", "finding"),
        [
            ([MAY_SIGN], PossessionFinding.CA_WITHOUT_BASIC_CONSTRAINTS),
            ([], PossessionFinding.CA_WITHOUT_BASIC_CONSTRAINTS),
            ([CA_TRUE, (key_usage(crl_sign=True), True)], PossessionFinding.CA_MUST_NOT_SIGN),
        ],
    )
    def test_one_finding(
        self, extensions: list[tuple[x509.ExtensionType, bool]], finding: PossessionFinding
    ) -> None:
        """Each finding stands alone where nothing else is wrong."""
        view = CertificateView.from_der(odd.self_issued(extensions=extensions))
        assert examine_ca(view) == [finding]


class TestExamineProof:
    """`examine_proof`."""

    def test_proved(self, root: CertificateAuthority, intermediate: CertificateAuthority) -> None:
        """A certificate with the code, signed by the CA's key, proves possession."""
        for ca in (root, intermediate):
            proof = ca.issue_verification(CODE).view
            assert examine_proof(ca.issued.view, proof, CODE) == []

    def test_another_code(self, root: CertificateAuthority) -> None:
        """The code has to be this one to the letter."""
        proof = root.issue_verification(CODE).view
        for code in (CODE[:-1], CODE.upper(), f"{CODE} ", ""):
            findings = examine_proof(root.issued.view, proof, code)
            assert findings == [PossessionFinding.CODE_MISMATCH]

    def test_signed_by_another_key_under_the_same_name(self, root: CertificateAuthority) -> None:
        """A namesake of the CA cannot prove anything for it."""
        namesake = CertificateAuthority.create_root("Root of the tests")
        proof = namesake.issue_verification(CODE).view
        findings = examine_proof(root.issued.view, proof, CODE)
        assert findings == [PossessionFinding.NOT_SIGNED_BY_CA]

    def test_everything_wrong(self, root: CertificateAuthority) -> None:
        """Both findings are given."""
        stranger = CertificateAuthority.create_root("Stranger").issue_verification("x").view
        assert examine_proof(root.issued.view, stranger, CODE) == [
            PossessionFinding.NOT_SIGNED_BY_CA,
            PossessionFinding.CODE_MISMATCH,
        ]


class TestIsSignedBy:
    """`is_signed_by`."""

    def test_the_right_key_under_another_name(self, root: CertificateAuthority) -> None:
        """The issuer's name has to be that of the CA."""
        renamed = odd.below(root, "Renamed", [CA_TRUE, MAY_SIGN], key=odd.key_of(root))
        device = root.issue_device("d").view
        assert is_signed_by(device, root.issued.view)
        assert not is_signed_by(device, renamed.issued.view)

    def test_an_altered_certificate(self, root: CertificateAuthority) -> None:
        """One octet of the subject makes the signature wrong."""
        device = root.issue_device("meter-1").view
        altered = CertificateView.from_der(odd.replaced(device.der, b"meter-1", b"meter-2"))
        assert not is_signed_by(altered, root.issued.view)

    def test_a_key_that_cannot_sign(self, root: CertificateAuthority) -> None:
        """A CA certificate with a key-agreement key signed nothing."""
        key = x25519.X25519PrivateKey.generate().public_key()
        ca = CertificateView.from_der(odd.self_issued(root.certificate.subject, key=key))
        assert not is_signed_by(root.issue_device("d").view, ca)
