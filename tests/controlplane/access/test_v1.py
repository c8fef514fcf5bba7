"""What makes a signature by parameters (version 1) good, piece by piece."""

from dataclasses import replace

import pytest

from controlplane.access.kit import (
    OWNER,
    PREFIX,
    VERSION,
    code,
    v1,
)
from controlplane.harness import INSTANCE, Driver

SN = {"MqttInstanceId": INSTANCE, "Sn": "00ab"}


class TestByParameters:
    """Version 1."""

    @pytest.mark.parametrize(
        ("name", "expected"),
        [
            ("AccessKeyId", "MissingAccessKeyId"),
            ("Signature", "MissingSignature"),
            ("SignatureMethod", "MissingSignatureMethod"),
            ("SignatureVersion", "MissingSignatureVersion"),
            ("SignatureNonce", "MissingSignatureNonce"),
            ("Timestamp", "MissingTimestamp"),
            ("Action", "InvalidAction.NotFound"),
            ("Version", "InvalidVersion"),
        ],
    )
    @pytest.mark.parametrize("value", [None, ""])
    async def test_missing_parameter(
        self, signed_driver: Driver, name: str, expected: str, value: str | None
    ) -> None:
        """Each parameter is needed, and not empty."""
        assert await code(signed_driver, v1().with_parameter(name, value)) == expected

    @pytest.mark.parametrize(
        ("name", "header", "value"),
        [
            ("Action", "x-acs-action", "GetRegisterCode"),
            ("Version", "x-acs-version", VERSION),
        ],
    )
    async def test_unsigned_action(
        self, signed_driver: Driver, name: str, header: str, value: str
    ) -> None:
        """A header does not stand in for a parameter: headers are not signed."""
        signed = v1().with_parameter(name, None).with_header(header, value)
        assert await code(signed_driver, signed) == f"Missing{name}"

    @pytest.mark.parametrize(
        ("name", "value"),
        [
            ("SignatureMethod", "HMAC-SHA256"),
            ("SignatureMethod", "hmac-sha1"),
            ("SignatureVersion", "2.0"),
            ("SignatureType", "BEARERTOKEN"),
            ("SignatureType", "PRIVATEKEY"),
            ("BearerToken", "x"),
        ],
    )
    async def test_other_algorithm(self, signed_driver: Driver, name: str, value: str) -> None:
        """Other algorithms are refused, well signed or not."""
        assert await code(signed_driver, v1(extra={name: value})) == "IncompleteSignature"

    async def test_as_the_go_sdk_sends_it(self, signed_driver: Driver) -> None:
        """Blank values are signed; so are parameters that nobody asks for."""
        extra = {"SignatureType": "", "RegionId": "cn-hangzhou", "Format": "JSON"}
        assert await code(signed_driver, v1(extra=extra)) is None
        gone = v1(extra=extra, nonce="2").with_parameter("SignatureType", None)
        assert await code(signed_driver, gone) == "SignatureDoesNotMatch"

    async def test_form(self, signed_driver: Driver) -> None:
        """The form is signed like the query."""
        signed = v1("DeleteCaCertificate", {}, method="POST", form=SN)
        assert await code(signed_driver, signed) == "FindCaBySnError"
        other = replace(signed, body=signed.body + b"cd")
        assert await code(signed_driver, other) == "SignatureDoesNotMatch"

    async def test_bytes_that_are_no_text(self, signed_driver: Driver) -> None:
        """Bytes that are not UTF-8 are refused, wherever they stand."""
        for name in ("AccessKeyId", "Signature", "SignatureNonce", "Timestamp", "SecurityToken"):
            signed = v1().with_parameter(name, None)
            query = signed.encoded + f"&{name}=%ff".encode()
            reply = await signed_driver.send("GET", query, signed.headers)
            assert reply.status in {400, 404}

    async def test_string_to_sign(self, signed_driver: Driver) -> None:
        """The answer to a wrong signature says what should have been signed."""
        wrong = v1(parameters={"MqttInstanceId": "a b"}, key=replace(OWNER, access_key_secret="x"))
        reply = await wrong.send(signed_driver)
        assert reply.body["Message"] == PREFIX + (
            "GET&%2F&AccessKeyId%3Ddummy-owner%26Action%3DGetRegisterCode%26Format%3DJSON"
            "%26MqttInstanceId%3Da%2520b%26SignatureMethod%3DHMAC-SHA1%26SignatureNonce%3Dnonce-1"
            "%26SignatureVersion%3D1.0%26Timestamp%3D2026-05-04T03%253A02%253A01Z"
            "%26Version%3D2020-04-20"
        )
