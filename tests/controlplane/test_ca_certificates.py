"""The actions on CA certificates, called through the official SDK."""

from pathlib import Path

import pytest

from certgate_certs.authority import CertificateAuthority
from certgate_certs.registry import Registry
from controlplane.harness import EMPTY_INSTANCE, INSTANCE, Cloud, register, rows


@pytest.fixture
def sn(ca: CertificateAuthority, populated: Registry) -> str:
    """Give the serial number of a registered CA, as a program that knows the format writes it."""
    digits = f"{ca.certificate.serial_number:x}"
    padded = digits.zfill(len(digits) + len(digits) % 2)
    return padded if int(padded[0], 16) < 8 else f"00{padded}"


class TestGetCaCertificate:
    """`GetCaCertificate`."""

    async def test_record(self, cloud: Cloud, ca: CertificateAuthority, sn: str) -> None:
        """The record has the documented members, all strings, dates in milliseconds."""
        shown = (await cloud.call("GetCaCertificate", MqttInstanceId=INSTANCE, Sn=sn))["Data"]
        begin, end = ca.certificate.not_valid_before_utc, ca.certificate.not_valid_after_utc
        proof = shown.pop("VerificationContent")
        assert proof.startswith("-----BEGIN CERTIFICATE-----\n")
        assert len(shown.pop("RegistrationCode")) == 52
        assert shown == {
            "Sn": sn,
            "CaName": "ca",
            "CaContent": ca.pem,
            "Status": "1",
            "ValidBegin": f"{int(begin.timestamp())}000",
            "ValidEnd": f"{int(end.timestamp())}000",
        }

    @pytest.mark.parametrize("notation", [str.upper, lambda sn: sn.lstrip("0"), "0{}".format])
    async def test_notations(self, cloud: Cloud, sn: str, notation: "type[str]") -> None:
        """Case and leading zeros do not matter; the answer has the one documented form."""
        asked = {"MqttInstanceId": INSTANCE, "Sn": notation(sn)}
        assert (await cloud.call("GetCaCertificate", **asked))["Data"]["Sn"] == sn
        assert (await cloud.call("ActiveCaCertificate", **asked))["Sn"] == sn

    async def test_other_instance(self, cloud: Cloud, sn: str) -> None:
        """A CA of another instance is not found."""
        refusal = await cloud.refusal("GetCaCertificate", MqttInstanceId=EMPTY_INSTANCE, Sn=sn)
        assert refusal.code == "FindCaBySnError"

    @pytest.mark.parametrize("bad", ["", "xyz", "0" * 129, "1 2", "-1"])
    async def test_bad_serial_number(self, cloud: Cloud, bad: str) -> None:
        """What cannot be a serial number is refused as a parameter."""
        refusal = await cloud.refusal("GetCaCertificate", MqttInstanceId=INSTANCE, Sn=bad)
        assert refusal.code == "ParameterFieldCheckFailed"

    async def test_longest_serial_number(self, cloud: Cloud, sn: str) -> None:
        """128 bytes are allowed."""
        asked = {"MqttInstanceId": INSTANCE, "Sn": sn.zfill(128)}
        assert (await cloud.call("GetCaCertificate", **asked))["Data"]["Sn"] == sn


class TestListCaCertificate:
    """`ListCaCertificate`."""

    async def test_pages(self, cloud: Cloud, registry: Registry) -> None:
        """Pages follow the order of registration; `Total` counts records; the end is empty."""
        for name in ("a", "b", "c"):
            await register(registry, CertificateAuthority.create_root(name), name)
        pages = {"1": ["a", "b"], "2": ["c"], "3": []}
        for number, names in pages.items():
            asked = {"MqttInstanceId": INSTANCE, "PageNo": number, "PageSize": "2"}
            data = (await cloud.call("ListCaCertificate", **asked))["Data"]
            assert [record["CaName"] for record in data.pop("CaCertificateVOS")] == names
            assert data == {"Total": 3, "PageNo": int(number), "PageSize": 2}

    async def test_empty_instance(self, cloud: Cloud, sn: str) -> None:
        """An instance lists its own certificates only, however far the page."""
        asked = {"MqttInstanceId": EMPTY_INSTANCE, "PageNo": "999999999", "PageSize": "100"}
        data = (await cloud.call("ListCaCertificate", **asked))["Data"]
        assert (data["Total"], data["CaCertificateVOS"]) == (0, [])

    @pytest.mark.parametrize(
        ("number", "size"),
        [
            ("0", "10"),
            ("-1", "10"),
            ("1", "0"),
            ("1", "101"),
            ("one", "10"),
            ("1", "1.5"),
            ("\N{ARABIC-INDIC DIGIT ONE}", "10"),
            ("9" * 5000, "10"),
            ("", "10"),
            ("1", " 1"),
        ],
    )
    async def test_bad_pages(self, cloud: Cloud, number: str, size: str) -> None:
        """Pages start at 1 and hold 1 to 100 records; anything else is refused."""
        asked = {"MqttInstanceId": INSTANCE, "PageNo": number, "PageSize": size}
        refusal = await cloud.refusal("ListCaCertificate", **asked)
        assert refusal.code == "ParameterFieldCheckFailed"


class TestStatus:
    """`ActiveCaCertificate` and `InactivateCaCertificate`."""

    async def test_there_and_back(self, cloud: Cloud, sn: str) -> None:
        """The state is the one set last; to set it twice is no error."""
        asked = {"MqttInstanceId": INSTANCE, "Sn": sn}
        for action, status in (("InactivateCaCertificate", "0"), ("ActiveCaCertificate", "1")):
            for _ in range(2):
                assert (await cloud.call(action, **asked))["Sn"] == sn
                shown = (await cloud.call("GetCaCertificate", **asked))["Data"]
                assert shown["Status"] == status

    @pytest.mark.parametrize("action", ["ActiveCaCertificate", "InactivateCaCertificate"])
    async def test_unknown(self, cloud: Cloud, sn: str, registry_file: Path, action: str) -> None:
        """What is not registered is not found, and nothing changes."""
        before = rows(registry_file)
        for asked in (
            {"MqttInstanceId": INSTANCE, "Sn": "ab"},
            {"MqttInstanceId": EMPTY_INSTANCE, "Sn": sn},
        ):
            assert (await cloud.refusal(action, **asked)).code == "FindCaBySnError"
        assert rows(registry_file) == before


class TestDeleteCaCertificate:
    """`DeleteCaCertificate`."""

    async def test_takes_its_devices_along(
        self, cloud: Cloud, sn: str, registry_file: Path
    ) -> None:
        """An active CA may be deleted; its devices and their client identifiers go with it."""
        answer = await cloud.call("DeleteCaCertificate", MqttInstanceId=INSTANCE, Sn=sn)
        assert answer["Sn"] == sn
        left = rows(registry_file)
        assert left["ca_certificate"] == []
        assert left["device_certificate"] == []
        assert left["client_identifier"] == []

    async def test_twice(self, cloud: Cloud, sn: str) -> None:
        """What is gone is not found."""
        asked = {"MqttInstanceId": INSTANCE, "Sn": sn}
        await cloud.call("DeleteCaCertificate", **asked)
        assert (await cloud.refusal("DeleteCaCertificate", **asked)).code == "FindCaBySnError"

    async def test_other_instance(self, cloud: Cloud, sn: str, registry_file: Path) -> None:
        """Nobody deletes another instance's CA."""
        before = rows(registry_file)
        asked = {"MqttInstanceId": EMPTY_INSTANCE, "Sn": sn}
        assert (await cloud.refusal("DeleteCaCertificate", **asked)).code == "FindCaBySnError"
        assert rows(registry_file) == before
