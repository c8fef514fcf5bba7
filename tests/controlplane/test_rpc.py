"""The door of the API: how a call is understood."""

from urllib.parse import urlencode

import pytest

from certgate_certs.authority import CertificateAuthority
from certgate_controlplane.api import create_app
from certgate_controlplane.context import Context
from certgate_controlplane.rpc import MAX_BODY
from controlplane.harness import INSTANCE, Driver

HOST = ("host", "localhost:8080")
FORM = ("content-type", "application/x-www-form-urlencoded")
V3 = (("x-acs-action", "GetRegisterCode"), ("x-acs-version", "2020-04-20"))
CODE = {"Action": "GetRegisterCode", "Version": "2020-04-20", "MqttInstanceId": INSTANCE}
LIST = {
    "Action": "ListCaCertificate",
    "Version": "2020-04-20",
    "MqttInstanceId": INSTANCE,
    "PageNo": "1",
    "PageSize": "10",
}
DELETE = {
    "Action": "DeleteCaCertificate",
    "Version": "2020-04-20",
    "MqttInstanceId": INSTANCE,
    "Sn": "ab",
}


def encoded(parameters: dict[str, str]) -> bytes:
    """Write parameters as a query or a form."""
    return urlencode(parameters).encode()


class TestCall:
    """How action, version and parameters are named."""

    async def test_by_headers(self, driver: Driver) -> None:
        """V3 names action and version in headers."""
        reply = await driver.send(query=encoded({"MqttInstanceId": INSTANCE}), headers=[HOST, *V3])
        assert (reply.status, set(reply.body)) == (200, {"RequestId", "RegisterCode"})
        assert reply.headers["content-type"] == "application/json;charset=utf-8"

    async def test_by_parameters(self, driver: Driver) -> None:
        """V1 names them in parameters; others are passed over."""
        reply = await driver.send(query=encoded(CODE | {"Format": "json", "Nobody": "asks"}))
        assert reply.status == 200

    async def test_both_agree(self, driver: Driver) -> None:
        """The SDK's V1 names them twice."""
        reply = await driver.send(query=encoded(CODE), headers=[HOST, *V3])
        assert reply.status == 200

    async def test_by_form(self, driver: Driver) -> None:
        """A form counts like a query, in however many pieces it comes."""
        form = encoded(DELETE)
        headers = [HOST, ("content-type", "Application/X-WWW-Form-Urlencoded; charset=UTF-8")]
        reply = await driver.send("POST", headers=headers, pieces=[form[:30], form[30:]])
        assert reply.body["Code"] == "FindCaBySnError"

    @pytest.mark.parametrize("kind", ["text/plain", "application/json", "multipart/form-data", ""])
    async def test_other_bodies_are_ignored(self, driver: Driver, kind: str) -> None:
        """What is not a form says nothing."""
        headers = [HOST, ("content-type", kind)]
        reply = await driver.send("POST", headers=headers, pieces=[encoded(DELETE)])
        assert reply.body["Code"] == "InvalidVersion"

    async def test_body_of_a_get_is_ignored(self, driver: Driver) -> None:
        """A GET has no form."""
        reply = await driver.send(headers=[HOST, FORM], pieces=[encoded(CODE)])
        assert reply.body["Code"] == "InvalidVersion"

    async def test_plus_is_a_space_and_utf8_is_read(
        self, driver: Driver, ca: CertificateAuthority
    ) -> None:
        """The query is decoded as the SDK encodes it."""
        code = (await driver.send(query=encoded(CODE))).body["RegisterCode"]
        sent = {
            "Action": "RegisterCaCertificate",
            "Version": "2020-04-20",
            "MqttInstanceId": INSTANCE,
            "CaName": "a b+ü",
            "CaContent": ca.pem,
            "VerificationContent": ca.issue_verification(code).pem,
        }
        assert (await driver.send("POST", query=encoded(sent))).status == 200
        listed = (await driver.send(query=encoded(LIST))).body["Data"]["CaCertificateVOS"]
        assert listed[0]["CaName"] == "a b+ü"


class TestOrder:
    """What is wrong first is said first: version, action, method, parameters, instance."""

    @pytest.mark.parametrize(
        ("method", "change", "status", "code"),
        [
            ("PUT", {"Version": "2013-01-01", "Action": "Nothing"}, 400, "InvalidVersion"),
            ("PUT", {"Action": "Nothing"}, 404, "InvalidAction.NotFound"),
            ("PUT", {"Action": "CreateGroupId"}, 404, "ApiNotSupport"),
            ("PUT", {"PageNo": "0"}, 405, "UnsupportedHTTPMethod"),
            ("POST", {"PageNo": "0"}, 405, "UnsupportedHTTPMethod"),
            ("HEAD", {}, 405, "UnsupportedHTTPMethod"),
            ("OPTIONS", {}, 405, "UnsupportedHTTPMethod"),
            (
                "GET",
                {"PageNo": "0", "MqttInstanceId": "nowhere"},
                500,
                "ParameterFieldCheckFailed",
            ),
            ("GET", {"MqttInstanceId": "nowhere"}, 500, "MqttInstanceNotFound"),
        ],
    )
    async def test_order(
        self, driver: Driver, method: str, change: dict[str, str], status: int, code: str
    ) -> None:
        """Of several things that are wrong, the first in this order is said."""
        reply = await driver.send(method, query=encoded(LIST | change))
        assert (reply.status, reply.body["Code"]) == (status, code)

    async def test_not_emulated(self, driver: Driver) -> None:
        """An action that the product has is refused with a word on why."""
        reply = await driver.send(query=encoded(CODE | {"Action": "ApplyToken"}))
        assert reply.body["Message"].endswith("certgate does not emulate ApplyToken.")

    @pytest.mark.parametrize(
        ("headers", "query", "code"),
        [
            ([], b"Action=GetRegisterCode", "InvalidVersion"),
            ([], b"Version=2020-04-20&Version=2020-04-21", "InvalidVersion"),
            ([("x-acs-version", "2019-01-01")], b"Version=2020-04-20", "InvalidVersion"),
            ([V3[1], V3[1]], b"", "InvalidVersion"),
            ([V3[1]], b"", "InvalidAction.NotFound"),
            ([*V3], b"Action=DeleteCaCertificate", "InvalidAction.NotFound"),
            (
                [V3[1]],
                b"Action=GetRegisterCode&Action=DeleteCaCertificate",
                "InvalidAction.NotFound",
            ),
        ],
    )
    async def test_ambiguous(
        self, driver: Driver, headers: list[tuple[str, str]], query: bytes, code: str
    ) -> None:
        """An action or a version that is absent or named in two ways is not guessed."""
        assert (await driver.send(query=query, headers=[HOST, *headers])).body["Code"] == code


class TestBounds:
    """What is too much or not readable."""

    async def test_parameter_twice(self, driver: Driver) -> None:
        """A parameter that is given twice is refused, in query and form too."""
        again = b"&MqttInstanceId=" + INSTANCE.encode()
        reply = await driver.send(query=encoded(CODE) + again)
        assert reply.body["Code"] == "ParameterFieldCheckFailed"
        reply = await driver.send("POST", encoded(DELETE), headers=[HOST, FORM], pieces=[b"Sn=ab"])
        assert reply.body["Code"] == "ParameterFieldCheckFailed"

    @pytest.mark.parametrize("bad", [b"%ff", b"\xff", b"a%00b", b"%ed%a0%80"])
    async def test_not_utf8(self, driver: Driver, bad: bytes) -> None:
        """Bytes that are no text are refused where they matter."""
        query = encoded(CODE).replace(INSTANCE.encode(), bad)
        reply = await driver.send(query=query)
        assert reply.body["Code"] == "ParameterFieldCheckFailed"
        assert (await driver.send(query=encoded(CODE) + b"&Other=" + bad)).status == 200

    async def test_longest_form(self, driver: Driver) -> None:
        """A form may be 256 KiB long and not a byte longer."""
        form = encoded(DELETE) + b"&x="
        filled = form + b"x" * (MAX_BODY - len(form))
        reply = await driver.send("POST", headers=[HOST, FORM], pieces=[filled])
        assert reply.body["Code"] == "FindCaBySnError"
        reply = await driver.send("POST", headers=[HOST, FORM], pieces=[filled, b"x"])
        assert (reply.status, reply.body["Code"]) == (400, "ParameterCheckFailed")

    async def test_too_many_parameters(self, driver: Driver) -> None:
        """Thousands of parameters are refused before they cost anything."""
        reply = await driver.send(query=b"a&" * 5000)
        assert (reply.status, reply.body["Code"]) == (400, "ParameterCheckFailed")

    async def test_client_hangs_up(
        self, context: Context, caplog: pytest.LogCaptureFixture
    ) -> None:
        """Nobody is answered when the client goes in the middle of its form; nothing is logged."""
        scope = {
            "type": "http",
            "method": "POST",
            "path": "/",
            "query_string": b"",
            "headers": [(b"host", b"localhost"), tuple(part.encode() for part in FORM)],
        }
        piece = {"type": "http.request", "body": b"Action=", "more_body": True}
        assert await Driver(create_app(context)).run(scope, [piece]) == []
        assert caplog.records == []
