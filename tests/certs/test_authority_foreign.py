"""Requests and CAs that come from elsewhere, made by openssl."""

from pathlib import Path
from tempfile import NamedTemporaryFile

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from certgate_certs.authority import CertificateAuthority
from certgate_certs.builder import KeyType
from certgate_certs.possession import is_signed_by
from certs import odd

KINDS = pytest.mark.parametrize("kind", list(KeyType))
_CONFIGURATION = """
[req]
distinguished_name = name
[name]
[extensions]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign
subjectKeyIdentifier ="""


def foreign_ca(identifier: str) -> CertificateAuthority:
    """Take up a CA that openssl made, with a key identifier of its own or none."""
    key = odd.openssl("genpkey", "-algorithm", "RSA")
    with NamedTemporaryFile("w") as configuration, NamedTemporaryFile("w") as kept:
        print(_CONFIGURATION, identifier, file=configuration, flush=True)
        print(key, file=kept, flush=True)
        options = ("-config", configuration.name, "-extensions", "extensions", "-key", kept.name)
        pem = odd.openssl("req", "-x509", "-subj", "/CN=Foreign", *options)
    return CertificateAuthority.load(pem, key)


def request_for(name: str, key: str = "ec", *options: str, curve: str = "P-256") -> str:
    """Let openssl make a key and a certificate signing request."""
    chosen = ("-pkeyopt", f"ec_paramgen_curve:{curve}") if key == "ec" else ()
    new = ("-newkey", key, *chosen, "-nodes", "-keyout", "/dev/null")
    return odd.openssl("req", "-new", *new, "-subj", f"/CN={name}", *options)


class TestSignRequest:
    """Certificates for requests that openssl made."""

    @pytest.mark.parametrize("key", ["ec", "rsa:2048"])
    def test_subject_and_key_are_those_of_the_request(
        self, root: CertificateAuthority, tmp_path: Path, key: str
    ) -> None:
        """What openssl asked for is issued, and openssl verifies it."""
        request = request_for("meter-2", key)
        issued = root.sign_request(request)
        assert issued.view.common_name == "meter-2"
        assert odd.openssl("req", "-pubkey", "-noout", given=request) == odd.openssl(
            "x509", "-pubkey", "-noout", given=issued.pem
        )
        assert odd.verified(tmp_path, "sslclient", issued.pem, root.pem).endswith(": OK\n")
        assert issued.issuers == (root.certificate,)

    def test_extensions_of_the_request_are_not_taken_over(self, root: CertificateAuthority) -> None:
        """A request cannot make itself a CA."""
        request = request_for("greedy", "ec", "-addext", "basicConstraints=critical,CA:TRUE")
        assert "CA:TRUE" in odd.openssl("req", "-text", "-noout", given=request)
        assert not root.sign_request(request).view.is_ca

    def test_the_key_is_elsewhere(self, root: CertificateAuthority) -> None:
        """Neither can its key be written, nor can it sign."""
        issued = root.sign_request(request_for("meter-3"))
        with pytest.raises(ValueError, match="its key is elsewhere"):
            _ = issued.key_pem
        with pytest.raises(ValueError, match="needs its private key"):
            CertificateAuthority(issued)

    def test_a_request_with_a_wrong_signature(self, root: CertificateAuthority) -> None:
        """A request has to be signed by the key it carries."""
        request = x509.load_pem_x509_csr(request_for("meter-4").encode())
        wrong = odd.replaced(request.public_bytes(Encoding.DER), b"meter-4", b"meter-5")
        pem = odd.openssl("req", "-inform", "DER", given=wrong)
        with pytest.raises(ValueError, match="not signed by the key"):
            root.sign_request(pem)

    def test_a_key_that_is_neither_ec_nor_rsa(self, root: CertificateAuthority) -> None:
        """Devices of the cloud have EC or RSA keys."""
        with pytest.raises(ValueError, match="neither EC nor RSA"):
            root.sign_request(request_for("ed", "ed25519"))

    def test_a_curve_that_nobody_knows(self, root: CertificateAuthority) -> None:
        """A key that cannot be read is refused like any other wrong request."""
        with pytest.raises(ValueError, match="cannot be used"):
            root.sign_request(request_for("x", curve="secp160r1"))

    def test_no_request(self, root: CertificateAuthority) -> None:
        """A certificate is not a request."""
        with pytest.raises(ValueError, match="PEM"):
            root.sign_request(root.pem)


class TestLoad:
    """Taking up a CA that was made earlier."""

    @KINDS
    def test_there_and_back(self, kind: KeyType) -> None:
        """A CA that was written and read issues like before, its issuers included."""
        top = CertificateAuthority.create_root("Top")
        middle = top.issue_intermediate("Middle", kind)
        again = CertificateAuthority.load(middle.issued.chain_pem, middle.issued.key_pem)
        assert again.certificate == middle.certificate
        device = again.issue_device("d")
        assert device.issuers == (middle.certificate, top.certificate)
        assert is_signed_by(device.view, middle.issued.view)

    @pytest.mark.parametrize("identifier", ["hash", "01020304", "none"])
    def test_a_ca_that_openssl_made(self, tmp_path: Path, identifier: str) -> None:
        """The key identifier that a foreign CA has is named, and openssl verifies the rest."""
        ca = foreign_ca(identifier)
        assert (ca.issued.view.ski is None) is (identifier == "none")
        for issued in (ca.issue_device("d"), ca.issue_intermediate("m").issued):
            assert issued.view.aki is not None
            assert ca.issued.view.ski in {None, issued.view.aki}
            (tmp_path / "trusted").write_text(ca.pem)
            trusted = str(tmp_path / "trusted")
            assert odd.openssl("verify", "-CAfile", trusted, given=issued.pem) == "stdin: OK\n"

    def test_the_key_of_another(self, root: CertificateAuthority) -> None:
        """Certificate and key have to belong together."""
        other = CertificateAuthority.create_root("Other")
        with pytest.raises(ValueError, match="not that of the CA"):
            CertificateAuthority.load(root.pem, other.issued.key_pem)

    def test_an_encrypted_key(self, root: CertificateAuthority) -> None:
        """A key under a password cannot be read, and that is said."""
        locked = odd.openssl("pkcs8", "-topk8", "-passout", "pass:dummy", given=root.issued.key_pem)
        with pytest.raises(ValueError, match="cannot be read"):
            CertificateAuthority.load(root.pem, locked)

    def test_a_key_of_another_kind(self, root: CertificateAuthority) -> None:
        """Only EC and RSA keys sign here."""
        key = odd.openssl("genpkey", "-algorithm", "ed25519")
        with pytest.raises(ValueError, match="neither EC nor RSA"):
            CertificateAuthority.load(root.pem, key)

    @pytest.mark.parametrize("broken", ["certificate", "key"])
    def test_what_cannot_be_read(self, root: CertificateAuthority, broken: str) -> None:
        """Text that is no PEM is refused."""
        texts = {"certificate": root.pem, "key": root.issued.key_pem, broken: "nothing"}
        with pytest.raises(ValueError, match="PEM"):
            CertificateAuthority.load(texts["certificate"], texts["key"])
