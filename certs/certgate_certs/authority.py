"""Issue certificates for tests: CAs, intermediates, devices, servers, and what proves possession.

The extensions are those that the cloud's CA and device certificate guides ask for, with the
identifiers of RFC 5280, 4.2.1.1 and 4.2.1.2. Nothing issued here is for anything real.
"""

from collections.abc import Sequence
from datetime import datetime

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.types import CertificateIssuerPublicKeyTypes
from cryptography.hazmat.primitives.serialization import (
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID

from certgate_certs.builder import (
    Extensions,
    KeyType,
    PrivateKey,
    ca_extensions,
    draft,
    general_name,
    identifiers,
    key_usage,
    name_of,
    sign,
)
from certgate_certs.issued import IssuedCertificate

_CA_DAYS = 3650
DEVICE_DAYS = 365


class CertificateAuthority:
    """A CA that signs, root or intermediate.

    Args:
        issued: the CA's certificate with its private key and the certificates above it.
    """

    def __init__(self, issued: IssuedCertificate) -> None:
        if issued.private_key is None:
            raise ValueError("a certificate authority needs its private key")
        self.issued = issued
        self._key = issued.private_key

    @classmethod
    def create_root(
        cls,
        name: str,
        key_type: KeyType = KeyType.EC_P256,
        days: int = _CA_DAYS,
        now: datetime | None = None,
    ) -> "CertificateAuthority":
        """Make a self-signed root CA.

        Args:
            name: common name of its subject, at most 64 characters (X.520 ub-common-name).
            key_type: kind of its key.
            days: validity in days from now.
            now: the time, where it is not the machine's.
        """
        key = key_type.generate()
        subject = name_of(name)
        unsigned = draft(subject, subject, key.public_key(), days, now)
        extensions = ca_extensions(key.public_key(), None, path_length=None)
        return cls(IssuedCertificate(sign(unsigned, extensions, key), key))

    @classmethod
    def load(cls, certificate_pem: str, key_pem: str) -> "CertificateAuthority":
        """Take up a CA made earlier.

        Args:
            certificate_pem: the CA's certificate, its issuers (if any) behind it.
            key_pem: its private key, PEM, unencrypted; EC or RSA.

        Raises:
            ValueError: one of the two cannot be read, they do not belong together, or the key is
                of another kind.
        """
        certificate, *issuers = x509.load_pem_x509_certificates(certificate_pem.encode())
        try:
            key = load_pem_private_key(key_pem.encode(), password=None)
        except (TypeError, UnsupportedAlgorithm) as error:
            raise ValueError(f"the CA's private key cannot be read: {error}") from error
        if not isinstance(key, ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey):
            raise ValueError("the CA's private key is neither EC nor RSA")
        if key.public_key() != certificate.public_key():
            raise ValueError("the private key is not that of the CA's certificate")
        return cls(IssuedCertificate(certificate, key, tuple(issuers)))

    @property
    def certificate(self) -> x509.Certificate:
        """The CA's own certificate."""
        return self.issued.certificate

    @property
    def pem(self) -> str:
        """The CA's own certificate, PEM."""
        return self.issued.pem

    def issue_intermediate(
        self, name: str, key_type: KeyType = KeyType.EC_P256, days: int = _CA_DAYS
    ) -> "CertificateAuthority":
        """Issue a CA below this one that may issue end-entity certificates only.

        Args:
            name: common name of its subject.
            key_type: kind of its key.
            days: validity in days from now.
        """
        key = key_type.generate()
        extensions = ca_extensions(key.public_key(), self.certificate, path_length=0)
        return CertificateAuthority(self._issue(name_of(name), key, extensions, days))

    def issue_device(
        self,
        common_name: str,
        key_type: KeyType = KeyType.EC_P256,
        days: int = DEVICE_DAYS,
        now: datetime | None = None,
    ) -> IssuedCertificate:
        """Issue a device certificate (TLS client).

        Args:
            common_name: becomes the `DeviceName` of its registration.
            key_type: kind of its key.
            days: validity in days from now.
            now: the time, where it is not the machine's.
        """
        key = key_type.generate()
        purpose = ExtendedKeyUsageOID.CLIENT_AUTH
        unsigned = draft(
            name_of(common_name), self.certificate.subject, key.public_key(), days, now
        )
        extensions = self._leaf_extensions(key.public_key(), purpose)
        return IssuedCertificate(sign(unsigned, extensions, self._key), key, self._above())

    def issue_server(
        self, names: Sequence[str], key_type: KeyType = KeyType.EC_P256, days: int = DEVICE_DAYS
    ) -> IssuedCertificate:
        """Issue a server certificate.

        Args:
            names: DNS names and IP addresses it is for, the first one its common name.
            key_type: kind of its key.
            days: validity in days from now.
        """
        key = key_type.generate()
        extensions = self._leaf_extensions(key.public_key(), ExtendedKeyUsageOID.SERVER_AUTH)
        alternatives = x509.SubjectAlternativeName([general_name(name) for name in names])
        return self._issue(name_of(names[0]), key, [*extensions, (alternatives, False)], days)

    def issue_verification(self, code: str) -> IssuedCertificate:
        """Issue the certificate that proves possession of this CA's key.

        Args:
            code: the registration code; it becomes the common name.
        """
        return self.issue_device(code, days=300)

    def sign_request(self, csr_pem: str, days: int = DEVICE_DAYS) -> IssuedCertificate:
        """Issue a device certificate for a certificate signing request (RFC 2986).

        Subject and key are the request's; its extensions are not taken over.

        Args:
            csr_pem: the request, PEM.
            days: validity in days from now.

        Raises:
            ValueError: not a request, its signature is wrong, or its key cannot issue signatures.
        """
        request = x509.load_pem_x509_csr(csr_pem.encode())
        try:
            key, signed = request.public_key(), request.is_signature_valid
        except UnsupportedAlgorithm as error:
            raise ValueError(f"the request's key cannot be used: {error}") from error
        if not signed:
            raise ValueError("the request is not signed by the key it carries")
        if not isinstance(key, ec.EllipticCurvePublicKey | rsa.RSAPublicKey):
            raise ValueError("the request's key is neither EC nor RSA")
        unsigned = draft(request.subject, self.certificate.subject, key, days)
        extensions = self._leaf_extensions(key, ExtendedKeyUsageOID.CLIENT_AUTH)
        return IssuedCertificate(sign(unsigned, extensions, self._key), None, self._above())

    def _issue(
        self, subject: x509.Name, key: PrivateKey, extensions: Extensions, days: int
    ) -> IssuedCertificate:
        unsigned = draft(subject, self.certificate.subject, key.public_key(), days)
        return IssuedCertificate(sign(unsigned, extensions, self._key), key, self._above())

    def _above(self) -> tuple[x509.Certificate, ...]:
        return (self.certificate, *self.issued.issuers)

    def _leaf_extensions(
        self, key: CertificateIssuerPublicKeyTypes, purpose: x509.ObjectIdentifier
    ) -> Extensions:
        return [
            (x509.BasicConstraints(ca=False, path_length=None), True),
            (key_usage(digital_signature=True, key_encipherment=True), True),
            (x509.ExtendedKeyUsage([purpose]), False),
            *identifiers(key, self.certificate),
        ]
