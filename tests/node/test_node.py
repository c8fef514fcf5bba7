"""The official Node clients call every operation, right and wrong, signed and open."""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from certgate_certs.authority import CertificateAuthority
from certgate_certs.registry import Registry
from certgate_controlplane.access.credentials import AccessKey
from certgate_controlplane.api import create_app
from certgate_controlplane.catalogue import OPERATIONS
from certgate_controlplane.context import Context
from controlplane.access.kit import OWNER, OWNERS, READER, TEMPORARY, TOKEN, Clock, gate
from controlplane.harness import INSTANCE, enrol, served

PREFIX = "Specified signature is not matched with our calculation. server string to sign is:"
CLIENT = "GID_test@@@1"
PAGE = {"PageNo": "1", "PageSize": "10"}
ABOUT_CLIENTS = {
    "CloseConnection": {"ClientId": CLIENT},
    "QuerySessionByClientId": {"ClientId": CLIENT},
    "BatchQuerySessionByClientIds": {"ClientIdList.1": CLIENT, "ClientIdList.2": "x"},
    "SendMessage": {"MqttTopic": "t/ü", "Payload": "a b+/=~*()!'"},
    "ListInstances": {},
}
EVERY_SCRIPT = pytest.mark.parametrize("script", ["v3.js", "v1.js"])


@dataclass(frozen=True)
class Node:
    """One of the two clients, with its keys."""

    folder: Path
    script: str
    address: str
    key: AccessKey
    token: str = ""

    async def run(self, *calls: tuple[str, Mapping[str, str]]) -> list[dict[str, Any]]:
        """Call operations one after the other."""
        asked = {
            "endpoint": self.address,
            "accessKeyId": self.key.access_key_id,
            "accessKeySecret": self.key.access_key_secret,
            "securityToken": self.token,
            "calls": [call(action, parameters) for action, parameters in calls],
        }
        pipe = asyncio.subprocess.PIPE
        process = await asyncio.create_subprocess_exec(
            "node", self.script, cwd=self.folder, stdin=pipe, stdout=pipe, stderr=pipe
        )
        said, complaints = await process.communicate(json.dumps(asked).encode())
        assert process.returncode == 0, complaints.decode()
        answers: list[dict[str, Any]] = json.loads(said)
        assert [answer["action"] for answer in answers] == [action for action, _ in calls]
        return answers


def call(action: str, parameters: Mapping[str, str]) -> dict[str, object]:
    """Write a call; what changes something is posted, as the product's SDKs do."""
    instance = "InstanceId" if action in ABOUT_CLIENTS else "MqttInstanceId"
    method = "POST" if "POST" in OPERATIONS[action].methods else "GET"
    return {
        "action": action,
        "method": method,
        "parameters": {instance: INSTANCE} | dict(parameters),
    }


def certificate_calls(ca: str, device: str) -> list[tuple[str, Mapping[str, str]]]:
    """Give a call of every operation on what is registered, deletions last."""
    one, both = {"Sn": ca}, {"CaSn": ca, "DeviceSn": device}
    return [
        ("GetCaCertificate", one),
        ("ListCaCertificate", PAGE),
        ("InactivateCaCertificate", one),
        ("ActiveCaCertificate", one),
        ("ListDeviceCertificate", PAGE),
        ("ListDeviceCertificateByCaSn", PAGE | {"CaSn": ca}),
        ("GetDeviceCertificate", both),
        ("InactivateDeviceCertificate", both),
        ("ActiveDeviceCertificate", both),
        ("DeleteDeviceCertificate", both),
        ("DeleteCaCertificate", one),
    ]


@EVERY_SCRIPT
@pytest.mark.parametrize("mode", ["signed", "with a token", "open"])
async def test_every_operation(clients: Path, registry: Registry, script: str, mode: str) -> None:
    """Every operation works, from a CA's registration to its deletion."""
    key, token = {"signed": (OWNER, ""), "with a token": (TEMPORARY, TOKEN)}.get(
        mode, (AccessKey("any", "any", "0"), "")
    )
    guard = None if mode == "open" else gate(Clock.of_today())
    async with served(create_app(Context(registry, frozenset(OWNERS)), gate=guard)) as address:
        node = Node(clients, script, address, key, token)
        [handed_out] = await node.run(("GetRegisterCode", {}))
        ca = CertificateAuthority.create_root("CA of a b+/=~*()!' é")
        certificates = {
            "CaName": "a b+/=~*()!' é\U0001f600",
            "CaContent": ca.pem,
            "VerificationContent": ca.issue_verification(handed_out["body"]["RegisterCode"]).pem,
        }
        [registered] = await node.run(("RegisterCaCertificate", certificates))
        assert registered["body"]["Sn"] == ca.issued.view.sn
        row = await registry.cas.find(INSTANCE, ca.issued.view.sn)
        assert row is not None
        assert row.name == certificates["CaName"]
        device = ca.issue_device("device")
        await enrol(registry, row.id, device, CLIENT)
        calls = certificate_calls(ca.issued.view.sn, device.view.sn)
        answers = await node.run(*calls, *ABOUT_CLIENTS.items())
    assert [answer for answer in answers if answer["code"] is not None] == []
    shown = {answer["action"]: answer["body"] for answer in answers}
    assert shown["GetDeviceCertificate"]["Data"]["DeviceSn"] == device.view.sn
    assert set(shown) | {"GetRegisterCode", "RegisterCaCertificate"} == set(OPERATIONS)


@EVERY_SCRIPT
async def test_wrong_parameters(clients: Path, registry: Registry, script: str) -> None:
    """What is not there, and what is nonsense, is answered with the operation's own error."""
    async with served(create_app(Context(registry, frozenset(OWNERS)))) as address:
        node = Node(clients, script, address, OWNER)
        answers = await node.run(
            ("GetRegisterCode", {"MqttInstanceId": "nowhere"}),
            ("RegisterCaCertificate", dict.fromkeys(("CaName", "CaContent"), "x")),
            *certificate_calls("00ab", "00cd"),
            ("ListCaCertificate", {"PageNo": "0", "PageSize": "1"}),
        )
    assert [answer["code"] for answer in answers] == [
        "MqttInstanceNotFound",
        "ParameterFieldCheckFailed",
        "FindCaBySnError",
        None,
        "FindCaBySnError",
        "FindCaBySnError",
        None,
        "FindDeviceBySnError",
        "FindDeviceBySnError",
        "FindDeviceBySnError",
        "FindDeviceBySnError",
        "FindDeviceBySnError",
        "FindCaBySnError",
        "ParameterFieldCheckFailed",
    ]


@EVERY_SCRIPT
@pytest.mark.parametrize(
    ("key", "token", "code"),
    [
        (AccessKey(OWNER.access_key_id, "wrong", "0"), "", "SignatureDoesNotMatch"),
        (AccessKey("nobody", "wrong", "0"), "", "InvalidAccessKeyId.NotFound"),
        (TEMPORARY, "", "MissingSecurityToken"),
        (TEMPORARY, "x", "InvalidSecurityToken.MismatchWithAccessKey"),
    ],
)
async def test_wrong_key(  # noqa: PLR0917  fixtures are arguments
    clients: Path, registry: Registry, script: str, key: AccessKey, token: str, code: str
) -> None:
    """No operation answers to a wrong key."""
    app = create_app(Context(registry, frozenset(OWNERS)), gate=gate(Clock.of_today()))
    async with served(app) as address:
        node = Node(clients, script, address, key, token)
        answers = await node.run(*((action, {}) for action in OPERATIONS))
    assert {answer["code"] for answer in answers} == {code}
    assert {answer["status"] for answer in answers} == {404 if code.endswith("NotFound") else 400}
    if code == "SignatureDoesNotMatch":
        assert all(answer["message"].startswith(PREFIX) for answer in answers)


@EVERY_SCRIPT
async def test_permission(clients: Path, registry: Registry, script: str) -> None:
    """A user who may read reads, and changes nothing."""
    app = create_app(Context(registry, frozenset(OWNERS)), gate=gate(Clock.of_today()))
    async with served(app) as address:
        node = Node(clients, script, address, READER)
        answers = await node.run(("ListCaCertificate", PAGE), ("DeleteCaCertificate", {"Sn": "ab"}))
    assert [answer["code"] for answer in answers] == [None, "PermissionCheckFailed"]
