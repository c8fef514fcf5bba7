"""The gateway's errors: code, status, message."""

from collections.abc import Callable

import pytest

from certgate_controlplane.access import refusals
from certgate_controlplane.errors import ApiError
from certgate_controlplane.statuses import StatusProfile

CATALOGUE: list[tuple[Callable[[], ApiError], str, int, str]] = [
    (
        refusals.incomplete_signature,
        "IncompleteSignature",
        400,
        "The request signature does not conform to Aliyun standards.",
    ),
    (
        lambda: refusals.signature_does_not_match("GET&%2F&A"),
        "SignatureDoesNotMatch",
        400,
        (
            "Specified signature is not matched with our calculation."
            " server string to sign is:GET&%2F&A"
        ),
    ),
    (
        refusals.access_key_not_found,
        "InvalidAccessKeyId.NotFound",
        404,
        "Specified access key is not found.",
    ),
    (
        refusals.access_key_inactive,
        "InvalidAccessKeyId.Inactive",
        400,
        "Specified access key is disabled.",
    ),
    (
        refusals.security_token_mismatch,
        "InvalidSecurityToken.MismatchWithAccessKey",
        400,
        "Specified SecurityToken mismatch with the AccessKey.",
    ),
    (
        refusals.timestamp_malformed,
        "InvalidTimeStamp.Format",
        400,
        "Specified time stamp or date value is not well formatted.",
    ),
    (
        refusals.timestamp_expired,
        "InvalidTimeStamp.Expired",
        400,
        "Specified time stamp or date value is expired.",
    ),
    (
        refusals.nonce_used,
        "SignatureNonceUsed",
        400,
        "Specified signature nonce was used already.",
    ),
    (
        lambda: refusals.throttled(3),
        "Throttling.User",
        400,
        "Request was denied due to user flow control.",
    ),
    (
        lambda: refusals.missing("SecurityToken"),
        "MissingSecurityToken",
        400,
        "SecurityToken is mandatory for this action.",
    ),
]


@pytest.mark.parametrize(("make", "code", "status", "message"), CATALOGUE)
@pytest.mark.parametrize("profile", StatusProfile)
def test_catalogue(
    make: Callable[[], ApiError], code: str, status: int, message: str, profile: StatusProfile
) -> None:
    """Each constructor fixes code and message; the gateway has one status for each."""
    error = make()
    assert (error.code, error.message) == (code, message)
    assert error.status(profile, "InactivateCaCertificate") == status
    assert error.status(profile, None) == status


def test_only_throttling_says_when_to_come_back() -> None:
    """The SDKs take any error with that header for throttling."""
    assert {make().code for make, *_ in CATALOGUE if make().retry_after} == {"Throttling.User"}
    assert refusals.throttled(3).retry_after == 3
