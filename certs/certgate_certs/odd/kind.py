"""What a kind of odd certificate is: what is odd, what becomes of it, and how one is made."""

from collections.abc import Callable
from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from certgate_certs.authority import CertificateAuthority
from certgate_certs.odd.der import pem

DeviceKey = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey


@dataclass(frozen=True, slots=True)
class OddDevice:
    """A device certificate as a client presents it; as bytes, because libraries refuse some.

    Attributes:
        der: the certificate.
        private_key: its key.
        sent: DER of what the client sends after it, in the order of sending.
    """

    der: bytes
    private_key: DeviceKey
    sent: tuple[bytes, ...] = ()

    @property
    def pem(self) -> str:
        """The certificate alone, PEM."""
        return pem(self.der)

    @property
    def chain_pem(self) -> str:
        """The certificate, then what is sent after it, PEM."""
        return "".join(map(pem, (self.der, *self.sent)))

    @property
    def key_pem(self) -> str:
        """The private key, PKCS #8 PEM, unencrypted."""
        return self.private_key.private_bytes(
            Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
        ).decode("ascii")


@dataclass(frozen=True, slots=True)
class OddCase:
    """One odd certificate with all that is needed to see what becomes of it.

    Attributes:
        device: the one that is admitted or refused.
        cas: the CA certificates that have to be registered.
        judge: the CA that answers for the certificate; None where none can.
        before: a device that connects first and is admitted; None where nobody has to.
        inactive: those of `cas` that are inactivated before the device connects.
    """

    device: OddDevice
    cas: tuple[CertificateAuthority, ...]
    judge: CertificateAuthority | None
    before: OddDevice | None = None
    inactive: tuple[CertificateAuthority, ...] = ()


Make = Callable[[CertificateAuthority, str], OddCase]
"""Issues one below a CA, for a device of a name; both are the caller's to choose."""


@dataclass(frozen=True, slots=True)
class OddKind:
    """A kind of odd certificate.

    Attributes:
        name: what it is called.
        odd: what is odd about it, one sentence.
        reasons: names of the reasons it is refused for; empty where it is admitted.
        why: why that is right, one sentence.
        make: issues one.
        reasons_tls12: the reasons under TLS 1.2, where they differ; else None.
    """

    name: str
    odd: str
    reasons: tuple[str, ...]
    why: str
    make: Make
    reasons_tls12: tuple[str, ...] | None = None

    def reasons_with(self, tls_version: str) -> tuple[str, ...]:
        """Name the reasons it is refused for; none where it is admitted.

        Args:
            tls_version: such as ``TLSv1.3``.
        """
        if tls_version == "TLSv1.2" and self.reasons_tls12 is not None:
            return self.reasons_tls12
        return self.reasons

    @property
    def outcome(self) -> str:
        """``admitted``, or ``refused:`` with the reasons."""
        if not self.reasons:
            return "admitted"
        words = f"refused: {', '.join(self.reasons)}"
        if self.reasons_tls12 is None:
            return words
        return f"{words} (TLS 1.2: {', '.join(self.reasons_tls12)})"
