"""Certificates that a registered CA signed and should not have."""

import hashlib
from collections.abc import Callable

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from broker.conftest import FIRST, register
from certgate_broker.admission import Admission, Presented
from certgate_broker.policy import Policy
from certgate_broker.reasons import Reason
from certgate_certs.authority import CertificateAuthority
from certgate_certs.registry import Registry
from certgate_certs.view import CertificateView
from certs import odd


def resigned(ca: CertificateAuthority, change: Callable[[bytes], bytes]) -> bytes:
    """Issue a device certificate whose signed part was changed before it was signed."""
    certificate, key = ca.issue_device("odd").certificate, odd.key_of(ca)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    signed = certificate.tbs_certificate_bytes
    algorithm = odd.der_of(certificate).split(signed)[1][:12]
    content = change(signed)
    signature = key.sign(content, ec.ECDSA(hashes.SHA256()))
    return odd.tlv(0x30, content + algorithm + odd.tlv(0x03, b"\0" + signature))


def with_serial_number(octets: bytes) -> Callable[[bytes], bytes]:
    """Exchange the serial number, whatever it was, for these octets."""

    def change(signed: bytes) -> bytes:
        head = signed.index(b"\xa0\x03\x02\x01\x02\x02") + 6
        rest = signed[head + 1 + signed[head] :]
        return odd.tlv(0x30, b"\xa0\x03\x02\x01\x02" + odd.tlv(0x02, octets) + rest)

    return change


class TestSerialNumbers:
    """Serial numbers that RFC 5280 (4.1.2.2) does not allow."""

    @pytest.mark.parametrize(
        "octets",
        [b"\x00", b"\xff", b"\x7f" * 21, b"\x7f" * 64, b"\x7f" * 65, b"\x7f" * 500],
        ids=["zero", "negative", "21 octets", "64 octets", "65 octets", "500 octets"],
    )
    async def test_refused(
        self, registry: Registry, ca: CertificateAuthority, octets: bytes
    ) -> None:
        """Such a certificate is unacceptable, and the refusal is a value like any other."""
        await register(registry, ca)
        presented = Presented(FIRST, resigned(ca, with_serial_number(octets)), (), "m")
        now = ca.issued.view.not_before + 3_600_000
        verdict = await Admission(registry, Policy(), lambda: now).admit(presented)
        assert Reason.CERTIFICATE_UNACCEPTABLE in verdict.decision.reasons
        assert verdict.identity is None

    async def test_the_method(self, registry: Registry, ca: CertificateAuthority) -> None:
        """A certificate that was signed anew without a change is a good one."""
        await register(registry, ca)
        der = resigned(ca, lambda signed: signed)
        view = CertificateView.from_der(der)
        assert (view.fingerprint, view.defects) == (hashlib.sha256(der).digest(), ())
        verdict = await Admission(registry, Policy(), lambda: view.not_before + 3_600_000).admit(
            Presented(FIRST, der, (), "m")
        )
        assert verdict.decision.accepted
