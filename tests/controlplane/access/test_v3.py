"""What makes a signature by header (version 3) good, piece by piece."""

import hashlib
from dataclasses import replace

import pytest

from controlplane.access.kit import (
    EMPTY,
    OWNER,
    PREFIX,
    VERSION,
    Signed,
    code,
    v3,
)
from controlplane.harness import INSTANCE, Driver

SN = {"MqttInstanceId": INSTANCE, "Sn": "00ab"}
FORM = {"content-type": "application/x-www-form-urlencoded"}
AUTHORIZATION = "authorization"


def reauthorized(signed: Signed, old: str, new: str) -> Signed:
    """Change the header ``Authorization``."""
    written = signed.header(AUTHORIZATION)
    assert old in written
    return signed.with_header(AUTHORIZATION, written.replace(old, new))


class TestByHeader:
    """Version 3."""

    @pytest.mark.parametrize(
        ("header", "expected"),
        [
            (AUTHORIZATION, "MissingAccessKeyId"),
            ("x-acs-date", "MissingTimestamp"),
            ("x-acs-signature-nonce", "MissingSignatureNonce"),
            ("x-acs-content-sha256", "IncompleteSignature"),
            ("x-acs-action", "InvalidAction.NotFound"),
            ("x-acs-version", "InvalidVersion"),
        ],
    )
    async def test_missing_header(self, signed_driver: Driver, header: str, expected: str) -> None:
        """Each header is needed."""
        assert await code(signed_driver, v3().with_header(header, None)) == expected

    @pytest.mark.parametrize(
        ("name", "expected"), [("x-acs-action", "Action"), ("x-acs-version", "Version")]
    )
    async def test_action_and_version_are_headers(
        self, signed_driver: Driver, name: str, expected: str
    ) -> None:
        """A parameter does not stand in for the header that names the action or the version."""
        signed = v3(
            parameters={"MqttInstanceId": INSTANCE, "Action": "GetRegisterCode", "Version": VERSION}
        )
        assert await code(signed_driver, signed) is None
        assert await code(signed_driver, signed.with_header(name, None)) == f"Missing{expected}"

    @pytest.mark.parametrize(
        ("old", "new", "expected"),
        [
            (f"Credential={OWNER.access_key_id},", "", "MissingAccessKeyId"),
            (f"Credential={OWNER.access_key_id},", "Credential=,", "MissingAccessKeyId"),
            (",Signature=", ",Signature=,Signature=", "IncompleteSignature"),
            (",Signature=", ",More=", "IncompleteSignature"),
            (",Signature=", ",", "IncompleteSignature"),
            ("ACS3-HMAC-SHA256", "ACS3-RSA-SHA256", "IncompleteSignature"),
            ("ACS3-HMAC-SHA256", "ACS3-HMAC-SM3", "IncompleteSignature"),
            ("ACS3-HMAC-SHA256", "acs3-hmac-sha256", "IncompleteSignature"),
            ("ACS3-HMAC-SHA256", "Bearer", "IncompleteSignature"),
            ("ACS3-HMAC-SHA256 ", "", "IncompleteSignature"),
            ("SignedHeaders=host", "SignedHeaders=host;host", "IncompleteSignature"),
            ("SignedHeaders=host", "SignedHeaders=Host", "IncompleteSignature"),
            ("SignedHeaders=host", "SignedHeaders=absent;host", "IncompleteSignature"),
            ("SignedHeaders=host", "SignedHeaders=;host", "IncompleteSignature"),
            ("SignedHeaders=host;", "SignedHeaders=", "IncompleteSignature"),
            (";x-acs-action", "", "IncompleteSignature"),
            (";x-acs-date", "", "IncompleteSignature"),
            (";x-acs-version", "", "IncompleteSignature"),
            (
                "SignedHeaders=host;x-acs-action",
                "SignedHeaders=x-acs-action;host",
                "SignatureDoesNotMatch",
            ),
        ],
    )
    async def test_odd_authorization(
        self, signed_driver: Driver, old: str, new: str, expected: str
    ) -> None:
        """The header has three fields, each once, and names all headers that decide anything."""
        assert await code(signed_driver, reauthorized(v3(), old, new)) == expected

    @pytest.mark.parametrize("field", ["SignedHeaders", "Signature"])
    async def test_missing_field(self, signed_driver: Driver, field: str) -> None:
        """A field of the header that is absent is named."""
        signed = v3()
        scheme, _, rest = signed.header(AUTHORIZATION).partition(" ")
        kept = ",".join(part for part in rest.split(",") if not part.startswith(f"{field}="))
        spoilt = signed.with_header(AUTHORIZATION, f"{scheme} {kept}")
        assert await code(signed_driver, spoilt) == f"Missing{field}"

    @pytest.mark.parametrize("value", ["", "ACS3-HMAC-SHA256", "ACS3-HMAC-SHA256 ", "Basic eA=="])
    async def test_no_authorization_at_all(self, signed_driver: Driver, value: str) -> None:
        """What is no signature is refused as one."""
        signed = v3().with_header(AUTHORIZATION, value)
        assert await code(signed_driver, signed) == "IncompleteSignature"

    @pytest.mark.parametrize(
        ("name", "value"),
        [
            ("x-acs-signature-nonce", "nonce-2"),
            ("x-acs-date", "2026-05-04T03:02:02Z"),
            ("x-acs-action", "ListCaCertificate"),
            ("host", "127.0.0.1"),
            ("x-acs-content-sha256", EMPTY.upper()),
            ("x-acs-content-sha256", "0" * 64),
        ],
    )
    async def test_tampered_header(self, signed_driver: Driver, name: str, value: str) -> None:
        """A header that was changed after signing breaks the signature."""
        assert await code(signed_driver, v3().with_header(name, value)) == "SignatureDoesNotMatch"

    @pytest.mark.parametrize("padding", ["\xa0", "\x85", "\x1c"])
    async def test_nonce_with_other_space(self, signed_driver: Driver, padding: str) -> None:
        """One signature is good for one nonce: space that HTTP does not trim is part of it."""
        signed = v3()
        assert await code(signed_driver, signed) is None
        padded = signed.with_header("x-acs-signature-nonce", f"nonce-1{padding}")
        assert await code(signed_driver, padded) == "SignatureDoesNotMatch"
        trimmed = signed.with_header("x-acs-signature-nonce", " nonce-1\t")
        assert await code(signed_driver, trimmed) == "SignatureNonceUsed"

    async def test_added_header(self, signed_driver: Driver) -> None:
        """A header that the API would heed cannot be added; any other may come on the way."""
        assert await code(signed_driver, v3().with_header("via", "1.1 proxy")) is None
        for name in ("x-acs-security-token", "x-acs-anything"):
            signed = v3(nonce=name).with_header(name, "x")
            assert await code(signed_driver, signed) == "IncompleteSignature"

    @pytest.mark.parametrize("name", ["x-acs-signature-nonce", "accept", AUTHORIZATION])
    async def test_repeated_header(self, signed_driver: Driver, name: str) -> None:
        """A signed header that is there twice is refused, also where both say the same."""
        signed = v3(headers={"accept": "application/json"})
        twice = replace(signed, headers=[*signed.headers, (name, signed.header(name))])
        assert await code(signed_driver, twice) == "IncompleteSignature"

    async def test_repeated_header_in_one(self, signed_driver: Driver) -> None:
        """Nor does it help to sign the list that a repeated header is the same as."""
        signed = v3(headers={"accept": "a,b"})
        kept = [pair for pair in signed.headers if pair[0] != "accept"]
        twice = replace(signed, headers=[*kept, ("accept", "a"), ("accept", "b")])
        assert await code(signed_driver, twice) == "IncompleteSignature"

    async def test_key_is_named_twice(self, signed_driver: Driver) -> None:
        """Where a header names the key too, it is the same key."""
        same = v3(headers={"x-acs-accesskey-id": OWNER.access_key_id})
        assert await code(signed_driver, same) is None
        other = v3(headers={"x-acs-accesskey-id": "other"})
        assert await code(signed_driver, other) == "IncompleteSignature"

    async def test_fewest_headers(self, signed_driver: Driver) -> None:
        """The list says what is signed: accept may be in it or not."""
        assert await code(signed_driver, v3(headers={"accept": "x"}, unsigned=["accept"])) is None

    async def test_latin_1_header(self, signed_driver: Driver) -> None:
        """A header beyond ASCII is signed as UTF-8 and sent as Latin-1, as the Python SDK does."""
        assert await code(signed_driver, v3(headers={"user-agent": "Zürich"})) is None

    async def test_string_to_sign(self, signed_driver: Driver) -> None:
        """The answer to a wrong signature says what should have been signed."""
        reply = await v3(key=replace(OWNER, access_key_secret="wrong")).send(signed_driver)
        request = (
            f"GET\n/\nMqttInstanceId={INSTANCE}\nhost:localhost\nx-acs-action:GetRegisterCode\n"
            f"x-acs-content-sha256:{EMPTY}\nx-acs-date:2026-05-04T03:02:01Z\n"
            f"x-acs-signature-nonce:nonce-1\nx-acs-version:{VERSION}\n\n"
            "host;x-acs-action;x-acs-content-sha256;x-acs-date;x-acs-signature-nonce;x-acs-version"
            f"\n{EMPTY}"
        )
        digest = hashlib.sha256(request.encode()).hexdigest()
        assert reply.body["Message"] == f"{PREFIX}ACS3-HMAC-SHA256\n{digest}"


class TestBody:
    """A body is signed by its digest."""

    async def test_form(self, signed_driver: Driver) -> None:
        """A signed form counts."""
        body = f"MqttInstanceId={INSTANCE}&Sn=00ab".encode()
        signed = v3("DeleteCaCertificate", {}, method="POST", headers=FORM, body=body)
        assert await code(signed_driver, signed) == "FindCaBySnError"

    @pytest.mark.parametrize("body", [b"", b"MqttInstanceId=x&Sn=00ab", b"x"])
    async def test_other_body(self, signed_driver: Driver, body: bytes) -> None:
        """Another body than the signed one is refused."""
        signed = v3("DeleteCaCertificate", {}, method="POST", headers=FORM, body=b"Sn=00ab")
        swapped = replace(signed, body=body)
        assert await code(signed_driver, swapped) == "SignatureDoesNotMatch"
        told = swapped.with_header("x-acs-content-sha256", hashlib.sha256(body).hexdigest())
        assert await code(signed_driver, told) == "SignatureDoesNotMatch"

    async def test_kind_of_body(self, signed_driver: Driver) -> None:
        """What makes a form of a body is signed with it; without a body it does not matter."""
        body = f"MqttInstanceId={INSTANCE}&Sn=00ab".encode()
        signed = v3("DeleteCaCertificate", {}, method="POST", body=body)
        assert await code(signed_driver, signed) == "ParameterFieldCheckFailed"
        for kind in FORM.items():
            spoilt = v3("DeleteCaCertificate", {}, method="POST", body=body).with_header(*kind)
            assert await code(signed_driver, spoilt) == "IncompleteSignature"
        empty = v3("DeleteCaCertificate", SN, method="POST", nonce="nonce-2")
        added = empty.with_header("content-type", "application/octet-stream")
        assert await code(signed_driver, added) == "FindCaBySnError"

    async def test_digest_of_another_body(self, signed_driver: Driver) -> None:
        """A digest that the sender signs but that is not the body's is refused."""
        lie = {"x-acs-content-sha256": "0" * 64}
        assert await code(signed_driver, v3(headers=lie)) == "SignatureDoesNotMatch"

    @pytest.mark.parametrize("method", ["GET", "POST"])
    async def test_body_that_says_nothing(self, signed_driver: Driver, method: str) -> None:
        """A body that is no form is signed all the same."""
        kind = {"content-type": "application/json"}
        signed = v3("ActiveCaCertificate", SN, method=method, headers=kind, body=b"{}")
        assert await code(signed_driver, signed) == "FindCaBySnError"
        assert await code(signed_driver, replace(signed, body=b"[]")) == "SignatureDoesNotMatch"
