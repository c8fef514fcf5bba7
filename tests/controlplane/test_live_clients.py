"""The operations on connected clients, through the official SDK before a real door."""

import asyncio
import base64
import contextlib
import re
import ssl
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, get_origin, get_type_hints
from urllib.parse import urlencode

import pytest
from alibabacloud_onsmqtt20200420 import models
from alibabacloud_onsmqtt20200420.client import Client

# The way its own documentation imports it.
from alibabacloud_tea_openapi.models import Config  # type: ignore[attr-defined]
from Tea.exceptions import TeaException

from broker.conftest import Device, write_pair
from certgate_certs.authority import CertificateAuthority
from certgate_certs.issued import IssuedCertificate
from certgate_certs.registry import Registry
from certgate_controlplane.context import Context
from certgate_controlplane.lab import LabServer
from certgate_controlplane.settings import Settings
from controlplane.harness import EMPTY_INSTANCE, INSTANCE, Driver, Reply

CLIENT = "GID_lamps@@@lamp-1"
REFUSALS = {  # The general error page.
    "ParameterCheckFailed": "An error occurred while validating the parameters."
    " The parameters may be missing or invalid.",
    "InstancePermissionCheckFailed": "An error occurred while validating the permissions of the"
    " instance. Please verify the account that created the instance and its permissions settings.",
}


class Scene:
    """A running lab, and the official SDK that calls it.

    Args:
        lab: the lab.
        folder: where clients find their files.
        algorithm: which signature the SDK makes.
    """

    def __init__(self, lab: LabServer, folder: Path, algorithm: str) -> None:
        assert lab.address.api_url is not None
        self._lab, self._folder = lab, folder
        self._ca = CertificateAuthority.create_root("lamp maker")
        self._sdk = Client(
            Config(
                endpoint=lab.address.api_url.removeprefix("http://"),
                protocol="http",
                access_key_id="any",
                access_key_secret="any",
                signature_algorithm=algorithm,
            )
        )

    async def call(self, action: str, **parameters: Any) -> Any:
        """Call an action; give the answer as the SDK's object."""
        method = getattr(self._sdk, re.sub(r"(?<!^)(?=[A-Z])", "_", action).lower())
        request = getattr(models, f"{action}Request")().from_map(parameters)
        answer = await asyncio.to_thread(method, request)
        assert answer.status_code == 200
        assert_as_declared(answer.body)
        return answer.body

    async def is_online(self, client_id: str, instance: str = INSTANCE) -> bool:
        """Call QuerySessionByClientId."""
        which = {"InstanceId": instance, "ClientId": client_id}
        return (await self.call("QuerySessionByClientId", **which)).online_status is True

    async def send(self, topic: str, payload: str, instance: str = INSTANCE) -> str:
        """Call SendMessage; give the message id."""
        what = {"InstanceId": instance, "MqttTopic": topic, "Payload": payload}
        return str((await self.call("SendMessage", **what)).msg_id)

    async def register(self) -> None:
        """Register the CA as the cloud's guide says."""
        code = (await self.call("GetRegisterCode", MqttInstanceId=INSTANCE)).register_code
        proof = self._ca.issue_verification(code).pem
        about = {"CaName": "lamp maker", "CaContent": self._ca.pem, "VerificationContent": proof}
        await self.call("RegisterCaCertificate", MqttInstanceId=INSTANCE, **about)

    def issue(self, name: str = "lamp") -> IssuedCertificate:
        """Issue a device certificate."""
        return self._ca.issue_device(name)

    @contextlib.asynccontextmanager
    async def online(self, issued: IssuedCertificate, client_id: str) -> AsyncIterator[Device]:
        """Connect a client, and let it leave at last."""
        address = self._lab.address
        assert address.mqtts_port is not None
        tls = ssl.create_default_context(cafile=address.server_ca_file)
        tls.load_cert_chain(*write_pair(self._folder, issued))
        device = Device(address.mqtts_port, tls, client_id)
        try:
            assert await device.connect() == ("Success", False)
            yield device
        finally:
            await device.leave()


def assert_as_declared(answer: Any) -> None:
    """Assert that every member the SDK's model declares is there and of the declared type."""
    for member, declared in get_type_hints(type(answer).__init__).items():
        value = getattr(answer, member)
        assert type(value) is (get_origin(declared) or declared), member
        for item in value if isinstance(value, list) else ():
            assert_as_declared(item)


@pytest.fixture(params=["", "v2"], ids=["V3", "V1"])
async def scene(tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[Scene]:
    """Start a lab with two instances and a CA registered with the first."""
    instances = (INSTANCE, EMPTY_INSTANCE)
    settings = Settings(tmp_path / "state", api_port=0, mqtts_port=0, instance_ids=instances)
    async with LabServer(settings) as lab:
        opened = Scene(lab, tmp_path, request.param)
        await opened.register()
        yield opened


class TestRight:
    """Calls as they should be."""

    async def test_close_connection(self, scene: Scene) -> None:
        """The connection is gone when the answer comes; the device may come back at once."""
        issued, which = scene.issue(), {"InstanceId": INSTANCE, "ClientId": CLIENT}
        async with scene.online(issued, CLIENT) as device:
            answer = await scene.call("CloseConnection", **which)
            assert (answer.code, answer.success) == (200, True)
            assert not await scene.is_online(CLIENT)
            await device.cut_off()
        async with scene.online(issued, CLIENT):
            assert await scene.is_online(CLIENT)

    async def test_close_who_is_not_connected(self, scene: Scene) -> None:
        """To close nothing is no error, and another instance's client is left alone."""
        async with scene.online(scene.issue(), CLIENT):
            for instance, client_id in ((EMPTY_INSTANCE, CLIENT), (INSTANCE, "nobody")):
                which = {"InstanceId": instance, "ClientId": client_id}
                assert (await scene.call("CloseConnection", **which)).success is True
            assert await scene.is_online(CLIENT)

    async def test_query_session(self, scene: Scene) -> None:
        """Who is connected is online in the instance it is connected to, and offline afterwards."""
        async with scene.online(scene.issue(), CLIENT):
            assert await scene.is_online(CLIENT)
            assert not await scene.is_online(CLIENT, EMPTY_INSTANCE)
            assert not await scene.is_online("nobody")
            await scene.call("CloseConnection", InstanceId=INSTANCE, ClientId=CLIENT)
        assert not await scene.is_online(CLIENT)

    async def test_batch_query(self, scene: Scene) -> None:
        """A hundred clients are told of in the order they were asked for, repetitions included."""
        asked = [f"client-{number}" for number in range(98)] + [CLIENT, CLIENT]
        async with scene.online(scene.issue(), CLIENT):
            batch = {"InstanceId": INSTANCE, "ClientIdList": asked}
            found = (await scene.call("BatchQuerySessionByClientIds", **batch)).online_status_list
        assert [item.client_id for item in found] == asked
        assert [item.online_status for item in found] == [False] * 98 + [True] * 2

    async def test_send_to_subscribers(self, scene: Scene) -> None:
        """Every subscriber of the instance gets the payload as it was given, Base64 as text."""
        text = base64.b64encode(bytes(range(256))).decode()
        async with scene.online(scene.issue(), CLIENT) as device:
            await device.subscribe("lamps/+")
            first = await scene.send("lamps/all", text)
            await scene.send("lamps/all", "elsewhere", EMPTY_INSTANCE)
            second = await scene.send("lamps/one", "ä + & = %00\n")
            assert await device.message() == text.encode()
            assert await device.message() == "ä + & = %00\n".encode()
        assert first
        assert first != second

    async def test_send_to_one(self, scene: Scene) -> None:
        """`<parent>/p2p/<client identifier>` reaches that client without a subscription, alone."""
        async with scene.online(scene.issue(), CLIENT) as device:
            await device.subscribe("lamps/last")
            async with scene.online(scene.issue("other"), "other") as other:
                await scene.send("lamps/p2p/other", "for the other")
                await scene.send("lamps/p2p/nobody", "for nobody")
                await scene.send("lamps/last", "last")
                assert await other.message() == b"for the other"
                assert await device.message() == b"last"
                assert other.messages.empty()

    async def test_longest(self, scene: Scene) -> None:
        """64 KiB of payload and a topic of 128 bytes are carried."""
        topic, payload = "t" * 128, "p" * 65_536
        async with scene.online(scene.issue(), CLIENT) as device:
            await device.subscribe(topic)
            await scene.send(topic, payload)
            assert await device.message() == payload.encode()

    async def test_list_instances(self, scene: Scene) -> None:
        """Every instance of the lab is listed, running."""
        answer = await scene.call("ListInstances")
        assert (answer.code, answer.success) == ("200", "true")
        told = [(each.instance_id, each.instance_status) for each in answer.instances]
        assert told == [(EMPTY_INSTANCE, 5), (INSTANCE, 5)]

    async def test_refusal_as_the_sdk_sees_it(self, scene: Scene) -> None:
        """The SDK raises the documented code, status and message."""
        wrong = {
            "ParameterCheckFailed": {"InstanceId": INSTANCE, "ClientId": ""},
            "InstancePermissionCheckFailed": {"InstanceId": "post-cn-x", "ClientId": CLIENT},
        }
        for code, parameters in wrong.items():
            with pytest.raises(TeaException) as caught:
                await scene.call("CloseConnection", **parameters)
            assert (caught.value.code, caught.value.data["Code"]) == (code, code)
            assert caught.value.data["statusCode"] == 400
            assert caught.value.data["Message"] == REFUSALS[code]


class Untouched:
    """Connected clients that a refused call must not reach."""

    async def close(self, *_: object) -> bool:
        raise AssertionError("closed")

    async def online(self, *_: object) -> set[str]:
        raise AssertionError("asked")

    async def send(self, *_: object) -> None:
        raise AssertionError("sent")


CALLS: dict[str, dict[str, str]] = {
    "CloseConnection": {"ClientId": CLIENT},
    "QuerySessionByClientId": {"ClientId": CLIENT},
    "BatchQuerySessionByClientIds": {"ClientIdList.1": CLIENT},
    "SendMessage": {"MqttTopic": "lamps/all", "Payload": "on"},
}
EACH = [(action, name) for action, what in CALLS.items() for name in ("InstanceId", *what)]
POSTED = {"CloseConnection", "SendMessage"}
MOST = {"MqttTopic": 128, "Payload": 65_536}


class TestWrong:
    """Calls that are refused; the clients notice nothing."""

    @pytest.fixture
    def context(self, registry: Registry) -> Context:
        """Give clients that must not be touched."""
        return Context(registry, frozenset({INSTANCE}), clients=Untouched())

    @staticmethod
    async def ask(driver: Driver, action: str, *pairs: tuple[str, str]) -> Reply:
        """Call an action with just these parameters."""
        named = [("Action", action), ("Version", "2020-04-20"), *pairs]
        return await driver.send("POST", urlencode(named).encode())

    @staticmethod
    def assert_refused(reply: Reply, code: str = "ParameterCheckFailed") -> None:
        """Assert that it was refused as the general error page has it."""
        assert (reply.status, reply.body["Code"]) == (400, code)
        assert reply.body["Message"] == REFUSALS[code]

    @pytest.mark.parametrize(("action", "name"), EACH)
    @pytest.mark.parametrize("fault", ["missing", "empty", "blank", "NUL", "repeated", "overlong"])
    async def test_parameter(self, driver: Driver, action: str, name: str, fault: str) -> None:
        """A parameter that is missing, empty, too long, repeated or no text is refused."""
        others = {"InstanceId": INSTANCE, **CALLS[action]}
        value = others.pop(name)
        wrong = {
            "missing": [],
            "empty": [""],
            "blank": [" "],
            "NUL": ["a\0"],
            "repeated": [value, value],
            "overlong": ["x" * (MOST.get(name, 256) + 1)],
        }[fault]
        pairs = [(name, each) for each in wrong]
        self.assert_refused(await self.ask(driver, action, *others.items(), *pairs))

    @pytest.mark.parametrize("action", CALLS)
    async def test_unknown_instance(self, driver: Driver, action: str) -> None:
        """An instance that there is not is refused as one of somebody else's."""
        pairs = {"InstanceId": "post-cn-nowhere", **CALLS[action]}.items()
        self.assert_refused(await self.ask(driver, action, *pairs), "InstancePermissionCheckFailed")

    @pytest.mark.parametrize("topic", ["+", "#", "a/+/b", "a/#", "a+b", "$SYS/a", "$"])
    async def test_topic(self, driver: Driver, topic: str) -> None:
        """Nothing is sent to a topic filter or to a topic of the broker's own."""
        pairs = {"InstanceId": INSTANCE, "MqttTopic": topic, "Payload": "on"}.items()
        self.assert_refused(await self.ask(driver, "SendMessage", *pairs))

    @pytest.mark.parametrize(
        "numbers",
        [[], ["2"], ["1", "3"], ["1", "200"], ["0", "1"], ["1", "02"], ["1", ""], range(1, 102)],
    )
    async def test_list(self, driver: Driver, numbers: list[str]) -> None:
        """A list of clients counts from 1 to 100 at most and leaves no number out."""
        pairs = [(f"ClientIdList.{number}", "a") for number in numbers]
        instance = ("InstanceId", INSTANCE)
        self.assert_refused(
            await self.ask(driver, "BatchQuerySessionByClientIds", instance, *pairs)
        )

    @pytest.mark.parametrize("action", [*CALLS, "ListInstances"])
    async def test_method(self, driver: Driver, action: str) -> None:
        """What must be posted is refused as GET; no call that only looks is."""
        what = {"InstanceId": "post-cn-nowhere", **CALLS.get(action, {})}
        query = {"Action": action, "Version": "2020-04-20", **what}
        reply = await driver.send("GET", urlencode(query).encode())
        assert (reply.status == 405) is (action in POSTED)
        assert (reply.body.get("Code") == "UnsupportedHTTPMethod") is (action in POSTED)


async def test_lab_without_a_broker(driver: Driver) -> None:
    """Where nothing runs that clients could connect to, everybody is offline and nothing fails."""
    for action, what in CALLS.items():
        pairs = {"InstanceId": INSTANCE, **what}.items()
        reply = await TestWrong.ask(driver, action, *pairs)
        assert reply.status == 200
        assert reply.body.get("OnlineStatus", False) is False
        statuses = [each["OnlineStatus"] for each in reply.body.get("OnlineStatusList", ())]
        assert statuses == [False] * len(statuses)
