"""What a view makes of weak, broken and hostile certificates."""

from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import (
    dsa,
    ec,
    ed448,
    ed25519,
    rsa,
    x25519,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from certgate_certs.builder import KeyType, key_usage, name_of
from certgate_certs.possession import is_signed_by
from certgate_certs.view import CertificateError, CertificateView
from certs import odd

WEAK = "weaker than RSA 2048"
PEM = "-----BEGIN CERTIFICATE-----"
BASES = [
    odd.self_issued(),
    odd.self_issued(x509.Name([]), key=rsa.generate_private_key(65537, 2048).public_key()),
    odd.self_issued(key=ed25519.Ed25519PrivateKey.generate().public_key()),
    odd.self_issued(
        extensions=[
            (x509.BasicConstraints(ca=True, path_length=3), True),
            (key_usage(key_cert_sign=True), True),
            (x509.ExtendedKeyUsage([x509.ObjectIdentifier("1.3.6.1.5.5.7.3.2")]), False),
            (x509.SubjectAlternativeName([x509.DNSName("a.example")]), False),
            (x509.SubjectKeyIdentifier(b"12345678"), False),
            (x509.AuthorityKeyIdentifier(b"12345678", None, None), False),
        ]
    ),
]


def defects_of(der: bytes) -> str:
    """Give the defects of a certificate as one text."""
    return "\n".join(CertificateView.from_der(der).defects)


class TestKeys:
    """Which keys are good enough."""

    @pytest.mark.parametrize(
        "key",
        [
            ec.generate_private_key(ec.SECP256R1()),
            ec.generate_private_key(ec.SECP384R1()),
            ec.generate_private_key(ec.SECP521R1()),
            rsa.generate_private_key(65537, 2048),
            ed25519.Ed25519PrivateKey.generate(),
            ed448.Ed448PrivateKey.generate(),
        ],
        ids=["P-256", "P-384", "P-521", "RSA-2048", "Ed25519", "Ed448"],
    )
    def test_strong(self, key: Any) -> None:
        """What TLS uses today is no defect."""
        assert defects_of(odd.self_issued(key=key.public_key())) == ""

    @pytest.mark.parametrize(
        "key",
        [
            ec.generate_private_key(ec.SECP192R1()),
            ec.generate_private_key(ec.SECP224R1()),
            rsa.generate_private_key(65537, 1024),
            rsa.generate_private_key(65537, 2047),
            dsa.generate_private_key(2048),
            x25519.X25519PrivateKey.generate(),
        ],
        ids=["P-192", "P-224", "RSA-1024", "RSA-2047", "DSA", "X25519"],
    )
    def test_weak(self, key: Any) -> None:
        """A short key, or one of a kind that TLS cannot use, is a defect."""
        assert WEAK in defects_of(odd.self_issued(key=key.public_key()))

    def test_an_edwards_curve_signs_without_a_hash(self) -> None:
        """A signature algorithm without a hash of its own is no defect."""
        options = ("-x509", "-newkey", "ed25519", "-nodes", "-subj", "/CN=ed", "-keyout", "-")
        pem = odd.openssl("req", *options)
        assert CertificateView.from_pem(pem[pem.index(PEM) :]).defects == ()

    @pytest.mark.parametrize("digest", ["sha1", "md5"])
    def test_a_signature_that_can_be_forged(self, digest: str) -> None:
        """SHA-1 and MD5 are defects, named in the sentence."""
        options = ("-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=old", "-keyout", "-")
        pem = odd.openssl("req", *options, f"-{digest}")
        defects = CertificateView.from_pem(pem[pem.index(PEM) :]).defects
        assert defects == (f"the signature uses {digest}, which can be forged",)


class TestSerialNumbers:
    """Serial numbers that RFC 5280 forbids; a warning of the library would fail the test."""

    @pytest.mark.parametrize(
        ("octets", "sn"), [(b"\x00", "00"), (b"\xff", "ff"), (b"\x80\x01", "8001")]
    )
    def test_not_positive(self, octets: bytes, sn: str) -> None:
        """Zero and negative numbers are defects and nothing else."""
        view = CertificateView.from_der(odd.with_serial_octets(octets))
        assert view.sn == sn
        assert view.defects == ("the serial number is not a positive number (RFC 5280, 4.1.2.2)",)

    def test_not_positive_everywhere(self) -> None:
        """Such a certificate can be written as PEM, read from it, and judged as an issuer."""
        view = CertificateView.from_der(odd.with_serial_octets(b"\x00"))
        assert CertificateView.from_pem(view.pem()) == view
        assert not is_signed_by(view, view)

    @pytest.mark.parametrize(
        ("octets", "too_long"),
        [
            (b"\x7f" + b"\xff" * 19, False),
            (b"\x00\xff" + b"\xff" * 19, False),
            (b"\x01" + b"\x00" * 20, True),
            (b"\x7f" + b"\xff" * 40, True),
        ],
    )
    def test_length(self, octets: bytes, too_long: bool) -> None:
        """A number of more than 160 bits is a defect; a sign octet does not count."""
        assert ("20 octets" in defects_of(odd.with_serial_octets(octets))) is too_long

    def test_not_in_the_shortest_form(self) -> None:
        """A number with a needless octet is not DER."""
        with pytest.raises(CertificateError, match="readable"):
            CertificateView.from_der(odd.with_serial_octets(b"\x00\x01"))


class TestBroken:
    """Certificates that cannot be understood."""

    def test_two_extensions_of_a_kind(self) -> None:
        """RFC 5280 (4.2) forbids it: which of the two would count?"""
        two = [
            (x509.SubjectKeyIdentifier(b"1" * 20), False),
            (
                x509.UnrecognizedExtension(
                    x509.ObjectIdentifier("2.5.29.99"), b"\x04\x14" + b"2" * 20
                ),
                False,
            ),
        ]
        der = odd.replaced(odd.self_issued(extensions=list(two)), b"\x55\x1d\x63", b"\x55\x1d\x0e")
        with pytest.raises(CertificateError, match="Duplicate"):
            CertificateView.from_der(der)

    def test_an_extension_with_broken_content(self) -> None:
        """BasicConstraints that are no SEQUENCE make the certificate unreadable."""
        extension = x509.UnrecognizedExtension(x509.ObjectIdentifier("2.5.29.19"), b"\x05\x00")
        with pytest.raises(CertificateError, match="readable"):
            CertificateView.from_der(odd.self_issued(extensions=[(extension, True)]))

    def test_an_alternative_name_of_a_kind_nobody_uses(self) -> None:
        """An x400Address (tag 3) cannot be understood."""
        content = b"\x30\x04\xa3\x02\x30\x00"
        extension = x509.UnrecognizedExtension(x509.ObjectIdentifier("2.5.29.17"), content)
        with pytest.raises(CertificateError, match="x400Address"):
            CertificateView.from_der(odd.self_issued(extensions=[(extension, False)]))

    def test_a_country_of_three_letters(self) -> None:
        """A name that the library warns of is read all the same, without the warning."""
        wrong = odd.replaced(
            odd.self_issued(name_of("DEU")), b"\x55\x04\x03\x0c\x03DEU", b"\x55\x04\x06\x0c\x03DEU"
        )
        assert CertificateView.from_der(wrong).subject == "C=DEU"

    def test_a_curve_that_nobody_knows(self) -> None:
        """A key on an unknown curve makes the certificate unreadable."""
        p256 = bytes.fromhex("06082a8648ce3d030107")
        der = odd.replaced(odd.self_issued(), p256, p256[:-1] + b"\x63")
        with pytest.raises(CertificateError, match="readable"):
            CertificateView.from_der(der)

    def test_octets_behind_the_certificate(self) -> None:
        """Exactly one certificate, nothing behind it."""
        with pytest.raises(CertificateError, match="readable"):
            CertificateView.from_der(odd.self_issued() + b"\x00")

    @given(st.binary(max_size=400))
    def test_any_octets(self, data: bytes) -> None:
        """Octets that are no certificate are refused, whatever they are."""
        with pytest.raises(CertificateError):
            CertificateView.from_der(data)

    @settings(max_examples=400, deadline=None)
    @given(
        st.sampled_from(BASES),
        st.lists(
            st.tuples(st.integers(min_value=0), st.binary(max_size=3)), min_size=1, max_size=3
        ),
    )
    def test_damaged_certificates(self, der: bytes, damage: list[tuple[int, bytes]]) -> None:
        """A damaged certificate is read or refused; nothing else is raised, no warning either."""
        octets = bytearray(der)
        for place, new in damage:
            at = place % len(octets)
            octets[at : at + 1] = new
        try:
            view = CertificateView.from_der(bytes(octets))
        except CertificateError:
            return
        assert CertificateView.from_pem(view.pem()) == view

    @given(st.text(max_size=200))
    def test_any_text(self, text: str) -> None:
        """Text without a certificate is refused, whatever it is."""
        with pytest.raises(CertificateError):
            CertificateView.from_pem(PEM + text)

    def test_a_key_of_512_bits(self) -> None:
        """What the library itself refuses to use is a defect or unreadable."""
        key = odd.openssl("genrsa", "512")
        pem = odd.openssl("req", "-x509", "-key", "/dev/stdin", "-subj", "/CN=tiny", given=key)
        assert WEAK in "".join(CertificateView.from_pem(pem).defects)


def test_a_generated_key_is_of_its_kind() -> None:
    """Both kinds that are generated are no defect."""
    for kind in KeyType:
        assert defects_of(odd.self_issued(key=kind.generate().public_key())) == ""
