"""The official SDK with access keys: both signatures, with and without a token, sync and async."""

import asyncio
import hmac
import re
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from typing import Any

import pytest
from alibabacloud_onsmqtt20200420 import models
from alibabacloud_onsmqtt20200420.client import Client
from alibabacloud_tea_openapi.exceptions._client import ClientException
from alibabacloud_tea_openapi.exceptions._throttling import ThrottlingException

# The way its own documentation imports it.
from alibabacloud_tea_openapi.models import Config  # type: ignore[attr-defined]
from Tea.exceptions import TeaException

from certgate_certs.authority import CertificateAuthority
from certgate_controlplane.access.credentials import AccessKey
from certgate_controlplane.api import create_app
from certgate_controlplane.catalogue import OPERATIONS
from certgate_controlplane.context import Context
from controlplane.access.kit import OWNER, READER, STRANGER, TEMPORARY, TOKEN, Clock, gate
from controlplane.harness import INSTANCE, served

PREFIX = "Specified signature is not matched with our calculation. server string to sign is:"
BOTH = pytest.mark.parametrize("algorithm", ["", "v2"], ids=["V3", "V1"])
GOOD = {
    "MqttInstanceId": INSTANCE,
    "InstanceId": INSTANCE,
    "Sn": "00ab",
    "CaSn": "00ab",
    "DeviceSn": "00ab",
    "PageNo": "1",
    "PageSize": "10",
    "CaName": "a b+/=~*()!' é",
    "CaContent": "x",
    "VerificationContent": "x",
    "ClientId": "GID_a@@@1",
    "ClientIdList": ["GID_a@@@1"],
    "MqttTopic": "t",
    "Payload": "p",
}
GATEWAY = re.compile(r"Missing|Incomplete|Signature|InvalidA|InvalidT|InvalidS|Throttling")


def sdk(address: str, key: AccessKey, algorithm: str, token: str = "") -> Client:
    """Make the official client."""
    config = Config(
        endpoint=address,
        protocol="http",
        access_key_id=key.access_key_id,
        access_key_secret=key.access_key_secret,
        signature_algorithm=algorithm,
    )
    if token:
        config.security_token = token
    return Client(config)


async def call(client: Client, action: str, *, is_async: bool = False, **more: Any) -> Any:
    """Call an action with good parameters; give the answer's body or the exception."""
    name = re.sub(r"(?<!^)(?=[A-Z])", "_", action).lower()
    request = getattr(models, f"{action}Request")().from_map(GOOD | more)
    try:
        if is_async:
            answer = await getattr(client, f"{name}_async")(request)
        else:
            answer = await asyncio.to_thread(getattr(client, name), request)
    except TeaException as refusal:
        return refusal
    return answer.body


@BOTH
@pytest.mark.parametrize("is_async", [False, True], ids=["sync", "async"])
class TestSigned:
    """Right keys."""

    @pytest.mark.parametrize(("key", "token"), [(OWNER, ""), (TEMPORARY, TOKEN)])
    async def test_every_operation(
        self, signed_address: str, algorithm: str, is_async: bool, key: AccessKey, token: str
    ) -> None:
        """Every emulated operation is let in: what it answers is its own affair."""
        client = sdk(signed_address, key, algorithm, token)
        for action in OPERATIONS:
            answer = await call(client, action, is_async=is_async)
            code = getattr(answer, "code", None)
            assert not GATEWAY.match(str(code)), f"{action}: {code}"

    async def test_register(
        self, signed_address: str, algorithm: str, is_async: bool, ca: CertificateAuthority
    ) -> None:
        """Two certificates in the query are signed like anything else."""
        client = sdk(signed_address, OWNER, algorithm)
        code = (await call(client, "GetRegisterCode", is_async=is_async)).register_code
        answer = await call(
            client,
            "RegisterCaCertificate",
            is_async=is_async,
            CaContent=ca.pem,
            VerificationContent=ca.issue_verification(code).pem,
        )
        assert answer.sn == ca.issued.view.sn


@BOTH
class TestRefused:
    """Wrong keys, and keys that may not."""

    async def test_unknown_key(self, signed_address: str, algorithm: str) -> None:
        """An unknown key is a client's error."""
        key = replace(OWNER, access_key_id="nobody")
        error = await call(sdk(signed_address, key, algorithm), "GetRegisterCode")
        assert isinstance(error, ClientException)
        assert error.code == "InvalidAccessKeyId.NotFound"
        assert "code: 404, Specified access key is not found." in error.message

    async def test_wrong_secret(
        self, signed_address: str, algorithm: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A wrong secret is told with the very string that the SDK signed."""
        signed = spied(monkeypatch)
        key = replace(OWNER, access_key_secret="wrong")
        error = await call(sdk(signed_address, key, algorithm), "GetRegisterCode")
        assert isinstance(error, ClientException)
        assert error.code == "SignatureDoesNotMatch"
        message = error.data["Message"]
        assert message.startswith(PREFIX)
        assert [message.removeprefix(PREFIX)] == signed

    async def test_tokens(self, signed_address: str, algorithm: str) -> None:
        """A temporary key without its token, or with another, is refused."""
        error = await call(sdk(signed_address, TEMPORARY, algorithm), "GetRegisterCode")
        assert error.code == "MissingSecurityToken"
        error = await call(sdk(signed_address, TEMPORARY, algorithm, "x"), "GetRegisterCode")
        assert error.code == "InvalidSecurityToken.MismatchWithAccessKey"

    async def test_account_and_policies(self, signed_address: str, algorithm: str) -> None:
        """Another account and a user without permission are refused, each with its error."""
        error = await call(sdk(signed_address, STRANGER, algorithm), "InactivateCaCertificate")
        assert (error.code, error.data["statusCode"]) == ("MqttOwnerCheckError", 403)
        reader = sdk(signed_address, READER, algorithm)
        error = await call(reader, "InactivateCaCertificate")
        assert (error.code, error.data["statusCode"]) == ("PermissionCheckFailed", 403)
        assert (await call(reader, "ListCaCertificate")).data.total == 0

    async def test_throttled(self, throttled_address: str, algorithm: str) -> None:
        """The SDK knows throttling by its header, and when to come back."""
        client = sdk(throttled_address, OWNER, algorithm)
        assert (await call(client, "GetRegisterCode")).register_code
        error = await call(client, "GetRegisterCode")
        assert isinstance(error, ThrottlingException)
        assert (error.code, error.retry_after) == ("Throttling.User", 1)


@pytest.fixture
async def throttled_address(instances: Context) -> AsyncIterator[str]:
    """Serve the application behind a gate that lets one call a second in; time stands still."""
    clock = Clock.of_today()
    async with served(create_app(instances, gate=gate(clock, rate=1))) as address:
        yield address


def spied(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Note what the SDK signs: what its HMAC is made of."""
    made: Callable[..., Any] = hmac.new
    noted: list[str] = []

    def new(key: bytes, message: bytes, digestmod: Any) -> Any:
        # The server in this process makes signatures too, with the right secret.
        if key.startswith(b"wrong"):
            noted.append(message.decode())
        return made(key, message, digestmod)

    monkeypatch.setattr(hmac, "new", new)
    return noted
