"""The actions on device certificates, called through the official SDK."""

from pathlib import Path

import pytest

from certgate_certs.authority import CertificateAuthority
from certgate_certs.issued import IssuedCertificate
from certgate_certs.registry import Registry
from controlplane.harness import EMPTY_INSTANCE, INSTANCE, Cloud, enrol, register, rows

ONE_DEVICE = (
    "GetDeviceCertificate",
    "ActiveDeviceCertificate",
    "InactivateDeviceCertificate",
    "DeleteDeviceCertificate",
)


def hexadecimal(issued: IssuedCertificate) -> str:
    """Write a serial number as ``openssl x509 -serial`` does."""
    return f"{issued.certificate.serial_number:X}"


@pytest.fixture
def asked(
    populated: Registry, ca: CertificateAuthority, device: IssuedCertificate
) -> dict[str, str]:
    """Give the parameters that name the registered device."""
    return {
        "MqttInstanceId": INSTANCE,
        "CaSn": hexadecimal(ca.issued),
        "DeviceSn": hexadecimal(device),
    }


class TestGetDeviceCertificate:
    """`GetDeviceCertificate`."""

    async def test_record(
        self,
        cloud: Cloud,
        ca: CertificateAuthority,
        device: IssuedCertificate,
        asked: dict[str, str],
    ) -> None:
        """The record has the documented members, all strings, dates in milliseconds."""
        shown = (await cloud.call("GetDeviceCertificate", **asked))["Data"]
        begin, end = device.certificate.not_valid_before_utc, device.certificate.not_valid_after_utc
        assert int(shown.pop("CaSn"), 16) == ca.certificate.serial_number
        sn = shown.pop("DeviceSn")
        assert int(sn, 16) == device.certificate.serial_number
        assert sn == sn.lower()
        assert len(sn) % 2 == 0
        assert shown == {
            "DeviceName": "sensor-1",
            "DeviceContent": device.pem,
            "Status": "1",
            "ValidBegin": f"{int(begin.timestamp())}000",
            "ValidEnd": f"{int(end.timestamp())}000",
        }


class TestLists:
    """`ListDeviceCertificate` and `ListDeviceCertificateByCaSn`."""

    async def test_pages(
        self,
        cloud: Cloud,
        registry: Registry,
        ca: CertificateAuthority,
        other_ca: CertificateAuthority,
    ) -> None:
        """One lists the devices of all CAs, the other those of one, both page by page."""
        first, second = await register(registry, ca), await register(registry, other_ca)
        for number, name in enumerate(("a", "b", "c")):
            ca_id, issuer = (second, other_ca) if name == "b" else (first, ca)
            await enrol(registry, ca_id, issuer.issue_device(name), f"GID_test@@@{number}")
        page = {"MqttInstanceId": INSTANCE, "PageNo": "2", "PageSize": "1"}
        of_all = (await cloud.call("ListDeviceCertificate", **page))["Data"]
        assert [record["DeviceName"] for record in of_all.pop("DeviceCertificateVOS")] == ["b"]
        assert of_all == {"Total": 3, "PageNo": 2, "PageSize": 1}
        which = page | {"CaSn": hexadecimal(ca.issued)}
        of_one = (await cloud.call("ListDeviceCertificateByCaSn", **which))["Data"]
        assert [record["DeviceName"] for record in of_one.pop("DeviceCertificateVOS")] == ["c"]
        assert of_one == {"Total": 2, "PageNo": 2, "PageSize": 1}

    async def test_no_devices(
        self, cloud: Cloud, registry: Registry, ca: CertificateAuthority
    ) -> None:
        """A CA without devices has an empty list."""
        await register(registry, ca)
        page = {"MqttInstanceId": INSTANCE, "PageNo": "1", "PageSize": "100"}
        which = page | {"CaSn": hexadecimal(ca.issued)}
        for action, parameters in (
            ("ListDeviceCertificate", page),
            ("ListDeviceCertificateByCaSn", which),
        ):
            data = (await cloud.call(action, **parameters))["Data"]
            assert (data["Total"], data["DeviceCertificateVOS"]) == (0, [])

    async def test_other_instance(self, cloud: Cloud, asked: dict[str, str]) -> None:
        """An instance sees neither the devices nor the CAs of another."""
        page = {"MqttInstanceId": EMPTY_INSTANCE, "PageNo": "1", "PageSize": "1"}
        assert (await cloud.call("ListDeviceCertificate", **page))["Data"]["Total"] == 0
        refusal = await cloud.refusal("ListDeviceCertificateByCaSn", **page, CaSn=asked["CaSn"])
        assert refusal.code == "FindDeviceBySnError"


class TestStatus:
    """`ActiveDeviceCertificate` and `InactivateDeviceCertificate`."""

    async def test_there_and_back(self, cloud: Cloud, asked: dict[str, str]) -> None:
        """The state is the one set last; to set it twice is no error."""
        shown = (await cloud.call("GetDeviceCertificate", **asked))["Data"]
        for action, status in (
            ("InactivateDeviceCertificate", "0"),
            ("ActiveDeviceCertificate", "1"),
        ):
            for _ in range(2):
                assert (await cloud.call(action, **asked))["DeviceSn"] == shown["DeviceSn"]
                now = (await cloud.call("GetDeviceCertificate", **asked))["Data"]
                assert now == shown | {"Status": status}

    async def test_only_the_one_named(
        self,
        cloud: Cloud,
        populated: Registry,
        ca: CertificateAuthority,
        asked: dict[str, str],
    ) -> None:
        """Other devices of the same CA keep their state."""
        registered = await populated.cas.find(INSTANCE, asked["CaSn"])
        assert registered is not None
        neighbour = ca.issue_device("sensor-2")
        await enrol(populated, registered.id, neighbour, "GID_test@@@2")
        await cloud.call("InactivateDeviceCertificate", **asked)
        theirs = asked | {"DeviceSn": hexadecimal(neighbour)}
        assert (await cloud.call("GetDeviceCertificate", **theirs))["Data"]["Status"] == "1"


class TestDeleteDeviceCertificate:
    """`DeleteDeviceCertificate`."""

    async def test_record_and_identifier_are_gone(
        self, cloud: Cloud, device: IssuedCertificate, asked: dict[str, str], registry_file: Path
    ) -> None:
        """The record and its client identifier go, the CA stays."""
        answer = await cloud.call("DeleteDeviceCertificate", **asked)
        assert int(answer["DeviceSn"], 16) == device.certificate.serial_number
        left = rows(registry_file)
        assert (left["device_certificate"], left["client_identifier"]) == ([], [])
        assert len(left["ca_certificate"]) == 1

    async def test_may_come_back(
        self, cloud: Cloud, populated: Registry, device: IssuedCertificate, asked: dict[str, str]
    ) -> None:
        """The certificate registers itself again, active, with its old identifier."""
        registered = await populated.cas.find(INSTANCE, asked["CaSn"])
        assert registered is not None
        await cloud.call("InactivateDeviceCertificate", **asked)
        await cloud.call("DeleteDeviceCertificate", **asked)
        await enrol(populated, registered.id, device, "GID_test@@@1")
        assert (await cloud.call("GetDeviceCertificate", **asked))["Data"]["Status"] == "1"


class TestNotFound:
    """What the actions on one device refuse."""

    @pytest.mark.parametrize("action", ONE_DEVICE)
    async def test_wrong_names(
        self, cloud: Cloud, asked: dict[str, str], registry_file: Path, action: str
    ) -> None:
        """A wrong device, CA or owner is FindDeviceBySnError, and nothing changes."""
        before = rows(registry_file)
        for wrong in (
            {"DeviceSn": "ab"},
            {"CaSn": "ab"},
            {"CaSn": asked["DeviceSn"]},
            {"MqttInstanceId": EMPTY_INSTANCE},
        ):
            refusal = await cloud.refusal(action, **asked | wrong)
            assert refusal.code == "FindDeviceBySnError"
        assert rows(registry_file) == before

    @pytest.mark.parametrize("action", ONE_DEVICE)
    @pytest.mark.parametrize("name", ["CaSn", "DeviceSn"])
    async def test_bad_serial_numbers(
        self, cloud: Cloud, asked: dict[str, str], registry_file: Path, action: str, name: str
    ) -> None:
        """What cannot be a serial number is refused as a parameter."""
        before = rows(registry_file)
        for bad in ("", "g", "0" * 129, "\0"):
            refusal = await cloud.refusal(action, **asked | {name: bad})
            assert refusal.code == "ParameterFieldCheckFailed"
        assert rows(registry_file) == before
