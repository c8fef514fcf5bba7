"""Every documented error that can be reached now, operation by operation, in both profiles.

Codes, statuses and messages are copied from the cloud's pages: each operation's own table, and for
the second status the page "MQTT OpenAPI status code adjustment".
"""

from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from certgate_certs.authority import CertificateAuthority
from certgate_certs.issued import IssuedCertificate
from certgate_certs.registry import Registry
from certgate_controlplane.api import create_app
from certgate_controlplane.catalogue import OPERATIONS
from certgate_controlplane.context import Context, Limits
from certgate_controlplane.statuses import StatusProfile
from controlplane.harness import EMPTY_INSTANCE, INSTANCE, Cloud, enrol, register, rows, served

MESSAGES = {
    "ParameterFieldCheckFailed": (
        "Failed to validate the parameters. The parameters may be missing or invalid."
    ),
    "FindCaBySnError": "Failed to find the CA by the SN. Please check sn is valid.",
    "FindDeviceBySnError": (
        "Failed to find the device certificate by the SN. Please check sn is valid"
    ),
    "MqttInstanceNotFound": "Specified instance is not found",
    "RegisterCodeError": "Register code error in verification certificate.",
    "RegisterCodeUsed": "Register code has been used.",
    "CaNumExceed": "CA certificate num exceed.",
    "CertificateContentError": (
        "Certificate content error, please check ca/verification certificate content."
        " BasicConstraints extension should be set to true in CA certificate."
    ),
    "SnNotUnique": "Sn is not unique in global.",
}


@dataclass(frozen=True)
class Case:
    """A refusal: what has to be changed about a good call, and the status in each profile."""

    code: str
    change: Mapping[str, str]
    per_operation: int
    adjusted: int


@dataclass
class World:
    """A registry whose instance is full, and parameters by name that would be accepted."""

    registry: Registry
    parameters: dict[str, str]
    proofs: dict[str, dict[str, str]]


NOWHERE = {"MqttInstanceId": "post-cn-nowhere"}
CA = ("MqttInstanceId", "Sn")
PAGE = ("MqttInstanceId", "PageNo", "PageSize")
DEVICE = ("MqttInstanceId", "CaSn", "DeviceSn")

CA_CASES = (
    Case("ParameterFieldCheckFailed", {"Sn": "not hexadecimal"}, 400, 400),
    Case("FindCaBySnError", {"Sn": "ab"}, 500, 400),
    Case("MqttInstanceNotFound", NOWHERE, 500, 400),
)
PAGE_CASES = (
    Case("ParameterFieldCheckFailed", {"PageSize": "101"}, 500, 400),
    Case("MqttInstanceNotFound", NOWHERE, 500, 400),
)
DEVICE_CASES = (
    Case("ParameterFieldCheckFailed", {"DeviceSn": "not hexadecimal"}, 400, 400),
    Case("FindDeviceBySnError", {"DeviceSn": "ab"}, 500, 400),
    Case("FindDeviceBySnError", {"CaSn": "ab"}, 500, 400),
    Case("MqttInstanceNotFound", NOWHERE, 500, 400),
)

TABLE: dict[str, tuple[tuple[str, ...], tuple[Case, ...]]] = {
    "GetRegisterCode": (
        ("MqttInstanceId",),
        (
            Case("ParameterFieldCheckFailed", {"MqttInstanceId": ""}, 500, 400),
            Case("MqttInstanceNotFound", NOWHERE, 500, 400),
        ),
    ),
    "RegisterCaCertificate": (
        ("MqttInstanceId", "CaName", "CaContent", "VerificationContent"),
        (
            Case("ParameterFieldCheckFailed", {"CaName": ""}, 400, 400),
            Case("MqttInstanceNotFound", NOWHERE, 500, 400),
            Case("CertificateContentError", {"CaContent": "no certificate"}, 500, 401),
            Case("RegisterCodeError", {"use": "unknown code"}, 500, 400),
            Case("RegisterCodeUsed", {"use": "used code"}, 500, 401),
            Case("CaNumExceed", {"use": "full instance"}, 500, 401),
            Case("SnNotUnique", {"use": "registered elsewhere"}, 500, 401),
        ),
    ),
    "GetCaCertificate": (CA, CA_CASES),
    "ListCaCertificate": (PAGE, PAGE_CASES),
    "ActiveCaCertificate": (CA, CA_CASES),
    "InactivateCaCertificate": (
        CA,
        (
            Case("ParameterFieldCheckFailed", {"Sn": "not hexadecimal"}, 500, 400),
            Case("FindCaBySnError", {"Sn": "ab"}, 500, 400),
            Case("MqttInstanceNotFound", NOWHERE, 500, 400),
        ),
    ),
    "DeleteCaCertificate": (CA, CA_CASES),
    "ListDeviceCertificate": (PAGE, PAGE_CASES),
    "ListDeviceCertificateByCaSn": (
        (*PAGE, "CaSn"),
        (
            Case("ParameterFieldCheckFailed", {"PageNo": "0"}, 400, 400),
            Case("ParameterFieldCheckFailed", {"CaSn": "not hexadecimal"}, 400, 400),
            Case("FindDeviceBySnError", {"CaSn": "ab"}, 500, 400),
            Case("MqttInstanceNotFound", NOWHERE, 500, 400),
        ),
    ),
    "GetDeviceCertificate": (DEVICE, DEVICE_CASES),
    "ActiveDeviceCertificate": (DEVICE, DEVICE_CASES),
    "InactivateDeviceCertificate": (DEVICE, DEVICE_CASES),
    "DeleteDeviceCertificate": (DEVICE, DEVICE_CASES),
}


@pytest.fixture
async def world(
    registry: Registry,
    ca: CertificateAuthority,
    other_ca: CertificateAuthority,
    device: IssuedCertificate,
) -> World:
    """Fill an instance that may have one CA, and prepare each registration to be refused."""
    await enrol(registry, await register(registry, ca), device, "GID_test@@@1")
    registered = await registry.cas.find(INSTANCE, ca.issued.view.sn)
    assert registered is not None

    def proof(of: CertificateAuthority, code: str, instance: str = INSTANCE) -> dict[str, str]:
        verification = of.issue_verification(code).pem
        shown = {"MqttInstanceId": instance, "CaName": "ca", "CaContent": of.pem}
        return shown | {"VerificationContent": verification}

    elsewhere = await registry.codes.issue(EMPTY_INSTANCE)
    return World(
        registry,
        {
            "MqttInstanceId": INSTANCE,
            "Sn": registered.sn,
            "CaSn": registered.sn,
            "DeviceSn": device.view.sn,
            "PageNo": "1",
            "PageSize": "10",
            **proof(other_ca, await registry.codes.issue(INSTANCE)),
        },
        {
            "unknown code": proof(other_ca, "never handed out"),
            "used code": proof(other_ca, registered.registration_code),
            "full instance": proof(other_ca, await registry.codes.issue(INSTANCE)),
            "registered elsewhere": proof(ca, elsewhere, EMPTY_INSTANCE),
        },
    )


@pytest.fixture
async def cloud_of(
    world: World, request: pytest.FixtureRequest
) -> AsyncIterator[tuple[Cloud, StatusProfile]]:
    """Serve the world in one of the profiles."""
    instances = frozenset({INSTANCE, EMPTY_INSTANCE})
    context = Context(world.registry, instances, Limits(cas_per_instance=1))
    profile = StatusProfile(request.param)
    async with served(create_app(context, profile=profile)) as address:
        yield Cloud(address), profile


def changed(world: World, names: tuple[str, ...], case: Case) -> dict[str, str]:
    """Spoil a good call."""
    if "use" in case.change:
        return world.proofs[case.change["use"]]
    return {name: world.parameters[name] for name in names} | dict(case.change)


def test_table_is_complete() -> None:
    """Every certificate operation has its table; `test_live_clients` has that of the others."""
    live = {
        "BatchQuerySessionByClientIds",
        "CloseConnection",
        "ListInstances",
        "QuerySessionByClientId",
        "SendMessage",
    }
    assert TABLE.keys() == OPERATIONS.keys() - live


@pytest.mark.parametrize("cloud_of", ["per-operation", "adjusted"], indirect=True)
@pytest.mark.parametrize("operation", TABLE)
async def test_documented_errors(
    cloud_of: tuple[Cloud, StatusProfile], world: World, registry_file: Path, operation: str
) -> None:
    """The SDK sees the documented code, status and message, and nothing has changed."""
    (cloud, profile), (names, cases) = cloud_of, TABLE[operation]
    before = rows(registry_file)
    for case in cases:
        refusal = await cloud.refusal(operation, **changed(world, names, case))
        adjusted = profile is StatusProfile.ADJUSTED
        assert refusal.code == case.code
        assert refusal.data["statusCode"] == (case.adjusted if adjusted else case.per_operation)
        assert refusal.data["Message"] == MESSAGES[case.code]
    assert rows(registry_file) == before


@pytest.mark.parametrize("cloud_of", ["per-operation"], indirect=True)
@pytest.mark.parametrize("operation", TABLE)
async def test_every_parameter_is_required(
    cloud_of: tuple[Cloud, StatusProfile], world: World, registry_file: Path, operation: str
) -> None:
    """A parameter that is absent or empty is refused, whichever it is."""
    (cloud, _), (names, _) = cloud_of, TABLE[operation]
    good = {name: world.parameters[name] for name in names}
    before = rows(registry_file)
    spoil: tuple[Callable[[str], dict[str, str]], ...] = (
        lambda missing: {name: value for name, value in good.items() if name != missing},
        lambda missing: good | {missing: ""},
    )
    for name in names:
        for spoilt in spoil:
            refusal = await cloud.refusal(operation, **spoilt(name))
            assert refusal.code == "ParameterFieldCheckFailed"
    assert rows(registry_file) == before


@pytest.mark.parametrize("cloud_of", ["per-operation", "adjusted"], indirect=True)
async def test_error_body(cloud_of: tuple[Cloud, StatusProfile]) -> None:
    """An error has five members, all strings, and the SDK's class follows the status."""
    cloud, profile = cloud_of
    refusal = await cloud.refusal("GetRegisterCode", **NOWHERE)
    body = dict(refusal.data)
    status = body.pop("statusCode")
    assert body.keys() == {"RequestId", "HostId", "Code", "Message", "Recommend"}
    assert all(isinstance(member, str) for member in body.values())
    assert body["HostId"].startswith("127.0.0.1:")
    assert body["Recommend"] == (
        "https://api.aliyun.com/troubleshoot?q=MqttInstanceNotFound&product=OnsMqtt&requestId="
        + body["RequestId"]
    )
    kind = {500: "ServerException", 400: "ClientException"}[status]
    assert type(refusal).__name__ == kind
    assert status == {"per-operation": 500, "adjusted": 400}[profile.value]
