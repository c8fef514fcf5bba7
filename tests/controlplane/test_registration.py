"""GetRegisterCode and RegisterCaCertificate, called through the official SDK."""

import re
from pathlib import Path

import pytest
from cryptography import x509

from certgate_certs.authority import CertificateAuthority
from certgate_certs.builder import KeyType, draft, key_usage, name_of, sign
from certgate_certs.issued import IssuedCertificate
from certgate_certs.registry import Registry
from controlplane.harness import EMPTY_INSTANCE, INSTANCE, Cloud, register, rows

CA_TRUE = (x509.BasicConstraints(ca=True, path_length=None), True)
CA_FALSE = (x509.BasicConstraints(ca=False, path_length=None), True)


def self_signed(*extensions: tuple[x509.ExtensionType, bool]) -> CertificateAuthority:
    """Make something that signs, with these extensions only."""
    key = KeyType.EC_P256.generate()
    name = name_of("odd")
    certificate = sign(draft(name, name, key.public_key(), 10), list(extensions), key)
    return CertificateAuthority(IssuedCertificate(certificate, key))


async def application(cloud: Cloud, ca: CertificateAuthority) -> dict[str, str]:
    """Give the parameters that register a CA."""
    answer = await cloud.call("GetRegisterCode", MqttInstanceId=INSTANCE)
    return {
        "MqttInstanceId": INSTANCE,
        "CaName": "my ca ✓",
        "CaContent": ca.pem,
        "VerificationContent": ca.issue_verification(answer["RegisterCode"]).pem,
    }


class TestGetRegisterCode:
    """`GetRegisterCode`."""

    async def test_form(self, cloud: Cloud) -> None:
        """A code is a UUID followed by digits and fits a common name."""
        code = (await cloud.call("GetRegisterCode", MqttInstanceId=INSTANCE))["RegisterCode"]
        assert re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}[0-9]{10,}", code)
        assert len(code) <= 64

    async def test_each_call_hands_out_another(self, cloud: Cloud) -> None:
        """Two calls give two codes."""
        codes = [await cloud.call("GetRegisterCode", MqttInstanceId=INSTANCE) for _ in range(2)]
        assert codes[0]["RegisterCode"] != codes[1]["RegisterCode"]

    async def test_request_id(self, cloud: Cloud) -> None:
        """The request id is an upper-case UUID."""
        answer = await cloud.call("GetRegisterCode", MqttInstanceId=INSTANCE)
        assert re.fullmatch(r"[0-9A-F]{8}(-[0-9A-F]{4}){3}-[0-9A-F]{12}", answer["RequestId"])


class TestRegisterCaCertificate:
    """`RegisterCaCertificate`."""

    async def test_possession_proved(self, cloud: Cloud, ca: CertificateAuthority) -> None:
        """A CA whose key the caller holds is registered, active, and shown as it was sent."""
        sent = await application(cloud, ca)
        sn = (await cloud.call("RegisterCaCertificate", **sent))["Sn"]
        assert int(sn, 16) == ca.certificate.serial_number
        shown = (await cloud.call("GetCaCertificate", MqttInstanceId=INSTANCE, Sn=sn))["Data"]
        assert shown["CaName"] == sent["CaName"]
        assert shown["CaContent"] == sent["CaContent"]
        assert shown["VerificationContent"] == sent["VerificationContent"]
        assert shown["Status"] == "1"

    async def test_large_keys_fit_the_request_line(self, cloud: Cloud) -> None:
        """An RSA CA with a long preamble, kilobytes in the URL, is registered."""
        sent = await application(cloud, CertificateAuthority.create_root("rsa", KeyType.RSA_2048))
        sent["CaContent"] = "Certificate: \n" + "Modulus: 00:aa\n" * 2000 + sent["CaContent"]
        assert (await cloud.call("RegisterCaCertificate", **sent))["Sn"]

    async def test_intermediate(self, cloud: Cloud, ca: CertificateAuthority) -> None:
        """An intermediate CA may be registered too."""
        sent = await application(cloud, ca.issue_intermediate("below"))
        assert (await cloud.call("RegisterCaCertificate", **sent))["Sn"]

    async def test_any_code_handed_out_is_good(
        self, cloud: Cloud, ca: CertificateAuthority
    ) -> None:
        """A later code does not invalidate an earlier one."""
        sent = await application(cloud, ca)
        await cloud.call("GetRegisterCode", MqttInstanceId=INSTANCE)
        assert (await cloud.call("RegisterCaCertificate", **sent))["Sn"]


class TestCertificateContent:
    """What `RegisterCaCertificate` refuses with CertificateContentError."""

    async def refused(self, cloud: Cloud, path: Path, sent: dict[str, str]) -> None:
        before = rows(path)
        refusal = await cloud.refusal("RegisterCaCertificate", **sent)
        assert refusal.code == "CertificateContentError"
        assert rows(path) == before

    async def test_ca_is_no_pem(
        self, cloud: Cloud, ca: CertificateAuthority, registry_file: Path
    ) -> None:
        """Something else than a certificate is refused."""
        sent = await application(cloud, ca)
        await self.refused(cloud, registry_file, sent | {"CaContent": "ca_certificate"})

    async def test_two_certificates(
        self,
        cloud: Cloud,
        ca: CertificateAuthority,
        other_ca: CertificateAuthority,
        registry_file: Path,
    ) -> None:
        """Which of two certificates is meant is not guessed."""
        sent = await application(cloud, ca)
        await self.refused(cloud, registry_file, sent | {"CaContent": ca.pem + other_ca.pem})

    async def test_verification_is_no_pem(
        self, cloud: Cloud, ca: CertificateAuthority, registry_file: Path
    ) -> None:
        """A verification certificate has to be one."""
        sent = await application(cloud, ca)
        await self.refused(cloud, registry_file, sent | {"VerificationContent": "proof"})

    async def test_signed_by_another_ca(
        self,
        cloud: Cloud,
        ca: CertificateAuthority,
        other_ca: CertificateAuthority,
        registry_file: Path,
    ) -> None:
        """Who does not hold the CA's key cannot register it."""
        sent = await application(cloud, other_ca)
        await self.refused(cloud, registry_file, sent | {"CaContent": ca.pem})

    async def test_same_name_other_key(
        self, cloud: Cloud, ca: CertificateAuthority, registry_file: Path
    ) -> None:
        """To bear the CA's name is not to hold its key."""
        impostor = CertificateAuthority.create_root("CA of the tests")
        sent = await application(cloud, impostor)
        await self.refused(cloud, registry_file, sent | {"CaContent": ca.pem})

    @pytest.mark.parametrize(
        "extensions",
        [
            pytest.param([], id="no BasicConstraints"),
            pytest.param([CA_FALSE], id="CA:FALSE"),
            pytest.param([CA_TRUE, (key_usage(digital_signature=True), True)], id="no keyCertSign"),
        ],
    )
    async def test_unfit_to_issue(
        self,
        cloud: Cloud,
        registry_file: Path,
        extensions: list[tuple[x509.ExtensionType, bool]],
    ) -> None:
        """A certificate that may not issue others is no CA certificate."""
        sent = await application(cloud, self_signed(*extensions))
        await self.refused(cloud, registry_file, sent)


class TestRegistrationRefused:
    """What `RegisterCaCertificate` refuses although possession of some key is proved."""

    async def test_code_never_handed_out(
        self, cloud: Cloud, ca: CertificateAuthority, registry_file: Path
    ) -> None:
        """A made-up code is refused and nothing changes."""
        sent = await application(cloud, ca)
        sent["VerificationContent"] = ca.issue_verification("made up").pem
        before = rows(registry_file)
        assert (await cloud.refusal("RegisterCaCertificate", **sent)).code == "RegisterCodeError"
        assert rows(registry_file) == before

    async def test_code_of_another_instance(
        self, cloud: Cloud, ca: CertificateAuthority, registry_file: Path
    ) -> None:
        """A code is good for the instance it was handed out for only."""
        sent = await application(cloud, ca) | {"MqttInstanceId": EMPTY_INSTANCE}
        before = rows(registry_file)
        assert (await cloud.refusal("RegisterCaCertificate", **sent)).code == "RegisterCodeError"
        assert rows(registry_file) == before

    async def test_code_used(
        self, cloud: Cloud, ca: CertificateAuthority, registry_file: Path
    ) -> None:
        """A code is good once, even after its CA was deleted."""
        sent = await application(cloud, ca)
        sn = (await cloud.call("RegisterCaCertificate", **sent))["Sn"]
        await cloud.call("DeleteCaCertificate", MqttInstanceId=INSTANCE, Sn=sn)
        before = rows(registry_file)
        assert (await cloud.refusal("RegisterCaCertificate", **sent)).code == "RegisterCodeUsed"
        assert rows(registry_file) == before

    async def test_registered_already(
        self, cloud: Cloud, ca: CertificateAuthority, registry_file: Path, registry: Registry
    ) -> None:
        """A serial number is registered once; the code stays unused."""
        await register(registry, ca)
        sent = await application(cloud, ca)
        before = rows(registry_file)
        assert (await cloud.refusal("RegisterCaCertificate", **sent)).code == "SnNotUnique"
        assert rows(registry_file) == before

    @pytest.mark.parametrize("name", ["CaName", "CaContent", "VerificationContent"])
    async def test_parameter_bad(
        self, cloud: Cloud, ca: CertificateAuthority, registry_file: Path, name: str
    ) -> None:
        """Every parameter is required and bounded."""
        sent = await application(cloud, ca)
        before = rows(registry_file)
        for bad in ({}, {name: ""}, {name: "x" * (64 * 1024 + 1)}, {name: "a\0b"}):
            changed = {key: value for key, value in sent.items() if key != name} | bad
            refusal = await cloud.refusal("RegisterCaCertificate", **changed)
            assert refusal.code == "ParameterFieldCheckFailed"
        assert rows(registry_file) == before
