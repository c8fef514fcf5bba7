"""Proof of possession: who registers a CA certificate must hold its private key.

The CA signs a *verification certificate* whose subject's common name is the registration code that
the cloud handed out (GetRegisterCode, RegisterCaCertificate).
"""

from enum import StrEnum

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm

from certgate_certs.view import CertificateView


class PossessionFinding(StrEnum):
    """What is wrong with a CA certificate or with the proof for it."""

    CA_DEFECTIVE = "the CA certificate cannot be used by anybody"
    CA_WITHOUT_BASIC_CONSTRAINTS = "the CA certificate does not say CA:TRUE in BasicConstraints"
    CA_MUST_NOT_SIGN = "the CA certificate's key usage lacks keyCertSign"
    PROOF_DEFECTIVE = "the verification certificate proves nothing"
    NOT_SIGNED_BY_CA = "the verification certificate is not signed by the CA certificate's key"
    CODE_MISMATCH = "the verification certificate's common name is not the registration code"


def examine_ca(ca: CertificateView) -> list[PossessionFinding]:
    """Say what forbids registering a CA certificate, whatever proof comes with it.

    Args:
        ca: the certificate to be registered; self-signed or an intermediate.

    Returns:
        Every finding; empty where there is none.
    """
    checks = {
        PossessionFinding.CA_DEFECTIVE: not ca.defects,
        PossessionFinding.CA_WITHOUT_BASIC_CONSTRAINTS: ca.is_ca,
        PossessionFinding.CA_MUST_NOT_SIGN: ca.may_sign_certificates,
    }
    return [finding for finding, holds in checks.items() if not holds]


def examine_proof(
    ca: CertificateView, verification: CertificateView, code: str
) -> list[PossessionFinding]:
    """Check a verification certificate against a CA certificate and a registration code.

    Args:
        ca: the CA certificate to be registered.
        verification: the certificate that should prove possession of the CA's key.
        code: the registration code that was handed out.

    Returns:
        Every finding; empty where possession is proved.
    """
    checks = {
        PossessionFinding.PROOF_DEFECTIVE: not verification.defects,
        PossessionFinding.NOT_SIGNED_BY_CA: is_signed_by(verification, ca),
        PossessionFinding.CODE_MISMATCH: verification.common_name == code,
    }
    return [finding for finding, holds in checks.items() if not holds]


def is_signed_by(certificate: CertificateView, ca: CertificateView) -> bool:
    """Tell whether a certificate names a CA as its issuer and bears the signature of its key.

    Args:
        certificate: the certificate that may have been issued.
        ca: the certificate of the supposed issuer.
    """
    try:
        certificate.parsed().verify_directly_issued_by(ca.parsed())
    except (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm):
        return False
    return True
