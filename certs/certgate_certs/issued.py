"""A certificate that was issued here, with what belongs to it."""

from dataclasses import dataclass

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from certgate_certs.builder import PrivateKey, as_pem
from certgate_certs.view import CertificateView


@dataclass(frozen=True)
class IssuedCertificate:
    """A certificate with its private key (where certgate made the key) and its issuers.

    Attributes:
        certificate: the certificate.
        private_key: its key, or None where it was issued for a certificate signing request.
        issuers: the certificates above it, nearest first, the root included.
    """

    certificate: x509.Certificate
    private_key: PrivateKey | None
    issuers: tuple[x509.Certificate, ...] = ()

    @property
    def view(self) -> CertificateView:
        """What the registry and the decision see of it."""
        return CertificateView.from_der(self.certificate.public_bytes(Encoding.DER))

    @property
    def pem(self) -> str:
        """The certificate alone, PEM."""
        return as_pem(self.certificate)

    @property
    def chain_pem(self) -> str:
        """The certificate, then its issuers: the ``client_chain.crt`` of the cloud's demos."""
        return "".join(map(as_pem, (self.certificate, *self.issuers)))

    @property
    def key_pem(self) -> str:
        """The private key, PKCS #8 PEM, unencrypted.

        Raises:
            ValueError: the key never was here; the certificate was issued for a request.
        """
        if self.private_key is None:
            raise ValueError("this certificate was issued for a request; its key is elsewhere")
        return self.private_key.private_bytes(
            Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
        ).decode("ascii")
