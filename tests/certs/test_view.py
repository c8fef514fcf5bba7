"""What a view says of well-formed certificates."""

import hashlib
from datetime import UTC, datetime

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from certgate_certs.authority import CertificateAuthority
from certgate_certs.builder import key_usage, name_of
from certgate_certs.view import CertificateError, CertificateView
from certs import odd


def view_of(subject: x509.Name) -> CertificateView:
    """View a certificate with a subject."""
    return CertificateView.from_der(odd.self_issued(subject))


class TestFields:
    """What is read out of a certificate."""

    def test_identity(self, root: CertificateAuthority) -> None:
        """Names, key and fingerprint are those of the certificate."""
        device = root.issue_device("meter-1")
        view = device.view
        assert view.der == odd.der_of(device.certificate)
        assert view.fingerprint == hashlib.sha256(view.der).digest()
        assert view.subject == "CN=meter-1"
        assert view.common_name == "meter-1"
        assert view.subject_der == name_of("meter-1").public_bytes()
        assert view.issuer_der == root.certificate.subject.public_bytes()
        assert view.public_key_der == device.certificate.public_key().public_bytes(
            Encoding.DER, PublicFormat.SubjectPublicKeyInfo
        )

    def test_fingerprint_agrees_with_openssl(self, root: CertificateAuthority) -> None:
        """The openssl tool computes the same fingerprint."""
        printed = odd.openssl("x509", "-fingerprint", "-sha256", "-noout", given=root.pem)
        assert printed.split("=")[1].strip() == root.issued.view.fingerprint.hex(":").upper()

    def test_validity_is_in_milliseconds(self) -> None:
        """Dates become milliseconds since the epoch, 1970 and year 9999 among them."""
        last = datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)
        dates = (datetime(1970, 1, 1, 0, 0, 1, tzinfo=UTC), last)
        view = CertificateView.from_der(odd.self_issued(dates=dates))
        assert (view.not_before, view.not_after) == (1000, 253_402_300_799_000)

    def test_a_ca_and_a_device_differ(self, root: CertificateAuthority) -> None:
        """A CA may sign certificates, a device may authenticate itself."""
        ca, device = root.issued.view, root.issue_device("d").view
        assert (ca.is_ca, ca.may_sign_certificates) == (True, True)
        assert (device.is_ca, device.may_sign_certificates) == (False, False)
        assert device.may_authenticate_clients
        assert ca.defects == device.defects == ()

    def test_key_identifiers_link_a_device_to_its_ca(self, root: CertificateAuthority) -> None:
        """The device's authority key identifier is the CA's subject key identifier."""
        device = root.issue_device("d").view
        assert device.aki == root.issued.view.ski is not None
        assert device.ski not in {None, device.aki}

    def test_without_extensions(self) -> None:
        """No extension means: no CA, no restriction of use, no identifiers."""
        view = CertificateView.from_der(odd.self_issued())
        assert (view.is_ca, view.may_sign_certificates) == (False, True)
        assert view.may_authenticate_clients
        assert (view.ski, view.aki) == (None, None)

    def test_an_authority_key_identifier_without_key_identifier(self) -> None:
        """One that names issuer and serial number only counts as none."""
        names = [x509.DirectoryName(name_of("issuer"))]
        aki = x509.AuthorityKeyIdentifier(None, names, 1)
        assert CertificateView.from_der(odd.self_issued(extensions=[(aki, False)])).aki is None

    @pytest.mark.parametrize(
        ("purposes", "may"),
        [
            ([ExtendedKeyUsageOID.SERVER_AUTH], False),
            ([ExtendedKeyUsageOID.CLIENT_AUTH], True),
            ([ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH], True),
            ([ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE], True),
        ],
    )
    def test_client_authentication(self, purposes: list[x509.ObjectIdentifier], may: bool) -> None:
        """An extended key usage has to name client authentication, or any purpose."""
        usage = (x509.ExtendedKeyUsage(purposes), True)
        view = CertificateView.from_der(odd.self_issued(extensions=[usage]))
        assert view.may_authenticate_clients is may

    def test_key_usage_without_certificate_signing(self) -> None:
        """CA:TRUE with a key usage that lacks keyCertSign must not sign certificates."""
        constraints = (x509.BasicConstraints(ca=True, path_length=None), True)
        usage = (key_usage(crl_sign=True), True)
        view = CertificateView.from_der(odd.self_issued(extensions=[constraints, usage]))
        assert (view.is_ca, view.may_sign_certificates) == (True, False)


class TestNames:
    """Subjects of all kinds."""

    def test_empty_subject(self) -> None:
        """A certificate without a subject has no common name."""
        view = view_of(x509.Name([]))
        assert (view.subject, view.common_name, view.subject_der) == ("", "", b"0\x00")

    def test_no_common_name(self) -> None:
        """Other attributes do not stand in for it."""
        view = view_of(x509.Name([x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Works")]))
        assert (view.subject, view.common_name) == ("O=Works", "")

    def test_several_common_names(self) -> None:
        """The first one counts."""
        names = [x509.NameAttribute(NameOID.COMMON_NAME, cn) for cn in ("first", "second")]
        assert view_of(x509.Name(names)).common_name == "first"

    def test_beyond_ascii(self) -> None:
        """UTF-8 is read as text."""
        assert view_of(name_of("Zähler 7 電表")).common_name == "Zähler 7 電表"

    def test_a_bmp_string(self) -> None:
        """Two octets a character, big-endian (X.690, 8.23.7)."""
        utf8, bmp = b"\x0c\x08abcdefgh", b"\x1e\x08" + "zähl".encode("utf-16-be")
        view = CertificateView.from_der(
            odd.replaced(odd.self_issued(name_of("abcdefgh")), utf8, bmp)
        )
        assert view.common_name == "zähl"

    def test_a_name_that_is_bits(self) -> None:
        """A unique identifier, a BIT STRING, is part of the subject and no common name."""
        utf8, bits = b"\x06\x03\x55\x04\x03\x0c\x03abc", b"\x06\x03\x55\x04\x2d\x03\x03\x00bc"
        view = CertificateView.from_der(odd.replaced(odd.self_issued(name_of("abc")), utf8, bits))
        assert view.common_name == ""
        assert view.subject.startswith("2.5.4.45=#")


class TestPem:
    """Reading and writing PEM."""

    def test_text_around_it_is_passed_over(self, root: CertificateAuthority) -> None:
        """What ``openssl x509 -text`` writes is read, and given back without the text."""
        text = odd.openssl("x509", "-text", given=root.pem)
        assert text.startswith("Certificate:")
        view = CertificateView.from_pem(f"Größe \ud800\n{text}\nand more\n")
        assert view == root.issued.view
        assert view.pem() == root.pem

    def test_line_ends_of_windows(self, root: CertificateAuthority) -> None:
        """Carriage returns do not matter."""
        assert CertificateView.from_pem(root.pem.replace("\n", "\r\n")) == root.issued.view

    def test_nothing_but_one_certificate(self, root: CertificateAuthority) -> None:
        """Two certificates are refused, under the older label too."""
        other = root.issue_device("d").pem
        older = other.replace("CERTIFICATE", "X509 CERTIFICATE")
        for text in (root.pem + other, root.pem + older, older + root.pem):
            with pytest.raises(CertificateError, match="exactly one"):
                CertificateView.from_pem(text)

    @pytest.mark.parametrize(
        "text",
        [
            "",
            "no certificate",
            "-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n",
            "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
            "-----BEGIN CERTIFICATE-----\n!!!!\n-----END CERTIFICATE-----\n",
            "-----BEGIN CERTIFICATE-----\nAAAA\n",
            "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n",
        ],
    )
    def test_anything_else_is_refused(self, text: str) -> None:
        """Text without a readable certificate is refused with a sentence."""
        with pytest.raises(CertificateError, match=r"readable|exactly one"):
            CertificateView.from_pem(text)

    def test_the_certificate_itself(self, root: CertificateAuthority) -> None:
        """The library's own object is at hand."""
        assert root.issued.view.parsed() == root.certificate
