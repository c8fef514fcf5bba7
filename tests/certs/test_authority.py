"""What is issued, judged by openssl."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from certgate_certs.authority import CertificateAuthority
from certgate_certs.builder import KeyType
from certgate_certs.issued import IssuedCertificate
from certgate_certs.possession import is_signed_by
from certs import odd

KINDS = pytest.mark.parametrize("kind", list(KeyType))


@pytest.fixture(scope="module", params=list(KeyType))
def hierarchy(request: pytest.FixtureRequest) -> tuple[CertificateAuthority, CertificateAuthority]:
    """Give a root and an intermediate below it, in each kind of key."""
    top = CertificateAuthority.create_root("Root", request.param)
    return top, top.issue_intermediate("Intermediate", request.param)


def text_of(pem: str) -> str:
    """Give what openssl says of a certificate, each run of white space as one space."""
    return " ".join(odd.openssl("x509", "-text", "-noout", given=pem).split())


class TestIssuing:
    """Certificates of every role."""

    def test_a_root_is_a_ca_without_limit(
        self, hierarchy: tuple[CertificateAuthority, ...]
    ) -> None:
        """The root says CA:TRUE, may sign certificates, and names itself as its issuer."""
        text = text_of(hierarchy[0].pem)
        assert "X509v3 Basic Constraints: critical CA:TRUE X509v3" in text
        assert "Key Usage: critical Digital Signature, Certificate Sign, CRL Sign" in text
        assert "Issuer: CN = Root " in text
        assert "Subject: CN = Root " in text

    def test_an_intermediate_issues_end_entities_only(
        self, hierarchy: tuple[CertificateAuthority, CertificateAuthority], tmp_path: Path
    ) -> None:
        """The intermediate has a path length of zero, and openssl finds its way to the root."""
        top, middle = hierarchy
        assert "critical CA:TRUE, pathlen:0" in text_of(middle.pem)
        assert odd.verified(tmp_path, "sslclient", middle.pem, top.pem).endswith(": OK\n")

    def test_a_device_is_a_client(
        self, hierarchy: tuple[CertificateAuthority, CertificateAuthority], tmp_path: Path
    ) -> None:
        """A device below an intermediate is verified as a TLS client."""
        top, middle = hierarchy
        device = middle.issue_device("meter-1")
        assert odd.verified(tmp_path, "sslclient", device.pem, top.pem, middle.pem).endswith(
            ": OK\n"
        )
        text = text_of(device.pem)
        assert "Basic Constraints: critical CA:FALSE" in text
        assert "Key Usage: critical Digital Signature, Key Encipherment X509v3" in text
        assert "Extended Key Usage: TLS Web Client Authentication X509v3" in text
        assert device.chain_pem == device.pem + middle.pem + top.pem

    def test_a_server_has_its_names(
        self, hierarchy: tuple[CertificateAuthority, ...], tmp_path: Path
    ) -> None:
        """DNS names and IP addresses, versions 4 and 6, are alternative names of their kind."""
        top = hierarchy[0]
        server = top.issue_server(["broker.example", "127.0.0.1", "::1"])
        assert odd.verified(tmp_path, "sslserver", server.pem, top.pem).endswith(": OK\n")
        names = "DNS:broker.example, IP Address:127.0.0.1, IP Address:0:0:0:0:0:0:0:1"
        assert f"Subject Alternative Name: {names}" in text_of(server.pem)
        assert "TLS Web Server Authentication" in text_of(server.pem)
        assert server.view.common_name == "broker.example"

    def test_a_verification_certificate_bears_the_code(self, root: CertificateAuthority) -> None:
        """The registration code is its common name."""
        proof = root.issue_verification("13274673-code").view
        assert proof.common_name == "13274673-code"
        assert is_signed_by(proof, root.issued.view)

    def test_identifiers_chain(
        self, hierarchy: tuple[CertificateAuthority, CertificateAuthority]
    ) -> None:
        """Each authority key identifier is the issuer's subject key identifier."""
        top, middle = (ca.issued.view for ca in hierarchy)
        device = hierarchy[1].issue_device("d").view
        assert top.aki == top.ski
        assert middle.aki == top.ski
        assert device.aki == middle.ski
        assert len({top.ski, middle.ski, device.ski}) == 3

    @KINDS
    def test_keys_are_of_the_kind_asked_for(
        self, root: CertificateAuthority, kind: KeyType
    ) -> None:
        """Openssl reads the private key, and it is that of the certificate."""
        device = root.issue_device("d", kind)
        kept = odd.openssl("pkey", "-pubout", given=device.key_pem)
        assert kept == odd.openssl("x509", "-pubkey", "-noout", given=device.pem)
        expected = {KeyType.EC_P256: "NIST CURVE: P-256", KeyType.RSA_2048: "2048 bit"}
        assert expected[kind] in odd.openssl("pkey", "-text", given=device.key_pem)

    def test_validity_counts_from_now(self, root: CertificateAuthority) -> None:
        """A certificate is valid from a little earlier for the days asked for."""
        now = datetime.now(UTC)
        device = root.issue_device("d", days=7).certificate
        assert device.not_valid_before_utc < now - timedelta(minutes=59)
        assert timedelta(days=6, hours=23) < device.not_valid_after_utc - now < timedelta(days=7)

    def test_serial_numbers_differ(self, root: CertificateAuthority) -> None:
        """No two certificates have the same serial number."""
        assert len({root.issue_device("d").view.sn for _ in range(20)}) == 20

    def test_a_name_that_is_too_long(self, root: CertificateAuthority) -> None:
        """X.520 allows 64 characters."""
        assert root.issue_device("x" * 64).view.common_name == "x" * 64
        with pytest.raises(ValueError, match="64"):
            root.issue_device("x" * 65)


def test_a_key_stays_out_of_sight(root: CertificateAuthority) -> None:
    """Printing what was issued does not print its key."""
    issued: IssuedCertificate = root.issue_device("d")
    assert "PRIVATE" not in repr(issued)
