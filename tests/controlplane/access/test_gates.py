"""The gate: who may call, and what is said to whom may not, in which order."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from certgate_controlplane.access.gates import OpenGate, SignedGate, make_gate
from certgate_controlplane.access.throttle import Throttle
from certgate_controlplane.api import create_app
from certgate_controlplane.context import Context
from controlplane.access.kit import (
    INACTIVE,
    NOW,
    OWNER,
    READER,
    STRANGER,
    STYLES,
    TEMPORARY,
    TOKEN,
    VERSION,
    Clock,
    Signed,
    code,
    gate,
    iso,
    v1,
    v3,
)
from controlplane.harness import INSTANCE, Driver

Sign = Callable[..., Signed]
EVERY_STYLE = pytest.mark.parametrize("sign", STYLES.values(), ids=STYLES)
SN = {"MqttInstanceId": INSTANCE, "Sn": "00ab"}


def with_token(sign: Sign, token: str, **changes: Any) -> Signed:
    """Sign with a security token."""
    if sign is v3:
        return sign(headers={"x-acs-security-token": token}, **changes)
    return sign(extra={"SecurityToken": token}, **changes)


@EVERY_STYLE
class TestEveryStyle:
    """What both styles have in common."""

    async def test_good(self, signed_driver: Driver, sign: Sign) -> None:
        """A good signature is let in."""
        reply = await sign().send(signed_driver)
        assert (reply.status, set(reply.body)) == (200, {"RequestId", "RegisterCode"})

    async def test_good_post(self, signed_driver: Driver, sign: Sign) -> None:
        """The method is signed too: what was signed for POST is good for POST alone."""
        signed = sign("DeleteCaCertificate", SN, method="POST")
        as_get = Signed("GET", signed.query, signed.headers)
        assert await code(signed_driver, as_get) == "SignatureDoesNotMatch"
        assert await code(signed_driver, signed) == "FindCaBySnError"

    async def test_unknown_key(self, signed_driver: Driver, sign: Sign) -> None:
        """A key that nobody has is not found."""
        reply = await sign(key=replace(OWNER, access_key_id="nobody")).send(signed_driver)
        assert (reply.status, reply.body["Code"]) == (404, "InvalidAccessKeyId.NotFound")

    async def test_inactive_key(self, signed_driver: Driver, sign: Sign) -> None:
        """An inactive key is refused though its signature is good."""
        reply = await sign(key=INACTIVE).send(signed_driver)
        assert (reply.status, reply.body["Code"]) == (400, "InvalidAccessKeyId.Inactive")

    async def test_replay(self, signed_driver: Driver, sign: Sign) -> None:
        """The very same request is refused the second time."""
        signed = sign()
        assert await code(signed_driver, signed) is None
        assert await code(signed_driver, signed) == "SignatureNonceUsed"
        assert await code(signed_driver, sign(nonce="nonce-2")) is None

    async def test_failed_signature_uses_no_nonce_up(
        self, signed_driver: Driver, sign: Sign
    ) -> None:
        """Who does not know the secret cannot spoil a request that is under way."""
        wrong = sign(key=replace(OWNER, access_key_secret="wrong"))
        assert await code(signed_driver, wrong) == "SignatureDoesNotMatch"
        assert await code(signed_driver, sign()) is None

    @pytest.mark.parametrize("minutes", [-16, 16])
    async def test_stale(
        self, signed_driver: Driver, clock: Clock, sign: Sign, minutes: int
    ) -> None:
        """A quarter of an hour off, either way, is too much."""
        clock.move(minutes=minutes)
        reply = await sign().send(signed_driver)
        assert (reply.status, reply.body["Code"]) == (400, "InvalidTimeStamp.Expired")

    async def test_odd_date(self, signed_driver: Driver, sign: Sign) -> None:
        """A date in another form is refused."""
        assert await code(signed_driver, sign(date="yesterday")) == "InvalidTimeStamp.Format"

    async def test_other_instances_and_operations(self, signed_driver: Driver, sign: Sign) -> None:
        """Account and policies of the key decide what it may do."""
        assert await code(signed_driver, sign(key=STRANGER)) == "MqttOwnerCheckError"
        assert await code(signed_driver, sign(key=READER)) is None
        delete = sign("DeleteCaCertificate", SN, key=READER, nonce="nonce-2")
        assert await code(signed_driver, delete) == "PermissionCheckFailed"


@EVERY_STYLE
class TestToken:
    """Temporary keys."""

    async def test_good(self, signed_driver: Driver, sign: Sign) -> None:
        """A temporary key comes with one of its tokens."""
        assert await code(signed_driver, with_token(sign, TOKEN, key=TEMPORARY)) is None
        other = with_token(sign, "other", key=TEMPORARY, nonce="nonce-2")
        assert await code(signed_driver, other) is None

    async def test_missing(self, signed_driver: Driver, sign: Sign) -> None:
        """Without a token a temporary key is refused."""
        assert await code(signed_driver, sign(key=TEMPORARY)) == "MissingSecurityToken"
        blank = with_token(sign, "", key=TEMPORARY)
        assert await code(signed_driver, blank) == "MissingSecurityToken"

    @pytest.mark.parametrize("key", [TEMPORARY, OWNER], ids=["temporary", "lasting"])
    async def test_wrong(self, signed_driver: Driver, sign: Sign, key: Any) -> None:
        """A token that is not this key's is refused, and so is one with a lasting key."""
        expected = "InvalidSecurityToken.MismatchWithAccessKey"
        assert await code(signed_driver, with_token(sign, "wrong", key=key)) == expected

    async def test_refused_token_uses_no_nonce_up(self, signed_driver: Driver, sign: Sign) -> None:
        """After a wrong token the same nonce is still good."""
        await with_token(sign, "wrong", key=TEMPORARY).send(signed_driver)
        assert await code(signed_driver, with_token(sign, TOKEN, key=TEMPORARY)) is None

    async def test_token_is_signed(self, signed_driver: Driver, sign: Sign) -> None:
        """A token that was put in after signing breaks the signature, or was not signed at all."""
        signed = sign(key=TEMPORARY)
        if sign is v3:
            assert (
                await code(signed_driver, signed.with_header("x-acs-security-token", TOKEN))
                == "IncompleteSignature"
            )
        else:
            assert (
                await code(signed_driver, signed.with_parameter("SecurityToken", TOKEN))
                == "SignatureDoesNotMatch"
            )


class TestOrder:
    """What is wrong first is said first."""

    @EVERY_STYLE
    async def test_each_step(self, signed_driver: Driver, clock: Clock, sign: Sign) -> None:
        """Action, method, pieces, key, time, signature, nonce, parameters, instance, owner."""
        nobody = replace(OWNER, access_key_id="nobody", access_key_secret="wrong")
        wrong = replace(OWNER, access_key_secret="wrong")
        stale = iso(NOW.replace(year=2020))
        bad = {"MqttInstanceId": "nowhere", "PageNo": "0", "PageSize": "1"}
        ask = "ListCaCertificate"
        steps = [
            ("InvalidAction.NotFound", sign("Nothing", bad, key=nobody, method="PUT")),
            ("UnsupportedHTTPMethod", sign(ask, bad, key=nobody, method="PUT", date="")),
            ("MissingTimestamp", sign(ask, bad, key=nobody, date="")),
            ("InvalidAccessKeyId.NotFound", sign(ask, bad, key=nobody, date=stale)),
            ("InvalidTimeStamp.Expired", sign(ask, bad, key=wrong, date=stale)),
            ("SignatureDoesNotMatch", sign(ask, bad, key=wrong)),
            ("ParameterFieldCheckFailed", sign(ask, bad)),
            ("SignatureNonceUsed", sign(ask, bad)),
            ("MqttInstanceNotFound", sign(ask, bad | {"PageNo": "1"}, nonce="2")),
        ]
        for expected, signed in steps:
            assert await code(signed_driver, signed) == expected

    async def test_version_first(self, signed_driver: Driver) -> None:
        """Another version is refused before anything else is looked at."""
        signed = v3().with_header("x-acs-version", "2013-01-01").with_header("authorization", "")
        assert await code(signed_driver, signed) == "InvalidVersion"

    async def test_throttling_after_the_nonce(self, instances: Context, clock: Clock) -> None:
        """Who is throttled has signed; each account has its own rate."""
        driver = Driver(create_app(instances, gate=gate(clock, rate=1)))
        assert await code(driver, v3()) is None
        assert await code(driver, v3()) == "SignatureNonceUsed"
        reply = await v3("ListCaCertificate", {}, nonce="2").send(driver)
        assert (reply.status, reply.body["Code"]) == (400, "Throttling.User")
        assert reply.headers["x-acs-retry-after"] == "1"
        assert await code(driver, v3(key=STRANGER)) == "MqttOwnerCheckError"


class TestOpen:
    """The gate that asks for nothing."""

    async def test_everybody_together(self, context: Context, clock: Clock) -> None:
        """All callers share one account's rate; who is refused may come back."""
        driver = Driver(create_app(context, gate=OpenGate(Throttle(2, clock))))
        asked = f"Action=GetRegisterCode&Version={VERSION}&MqttInstanceId={INSTANCE}".encode()
        replies = [await driver.send(query=asked) for _ in range(3)]
        assert [reply.status for reply in replies] == [200, 200, 400]
        assert "x-acs-retry-after" not in replies[0].headers
        assert replies[2].headers["x-acs-retry-after"] == "1"
        clock.move(seconds=1)
        assert (await driver.send(query=asked)).status == 200

    async def test_signatures_are_not_looked_at(self, driver: Driver) -> None:
        """In open mode any signature will do."""
        assert (await v3(date="never").send(driver)).status == 200
        assert (await v1(date="never").send(driver)).status == 200


def test_made_by_the_settings(tmp_path: Any, clock: Clock) -> None:
    """A file with keys asks for signatures, none does not."""
    file = tmp_path / "keys.json"
    file.write_text(
        '{"access_keys": [{"access_key_id": "a", "access_key_secret": "b", "account_id": "1"}]}'
    )
    file.chmod(0o600)
    assert isinstance(make_gate(file, {}, 1, clock), SignedGate)
    assert isinstance(make_gate(None, {}, 1, clock), OpenGate)
