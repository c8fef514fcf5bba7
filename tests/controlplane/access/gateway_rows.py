"""The gateway's errors that one request brings about: code, status, message, and the request."""

from dataclasses import dataclass, replace

from controlplane.access.kit import INACTIVE, OWNER, TEMPORARY, Signed, v1, v3
from controlplane.test_live_clients import REFUSALS

STRING_TO_SIGN = "server string to sign is:"


@dataclass(frozen=True)
class Row:
    """A gateway's error: what it says, and a request that brings it about."""

    code: str
    status: int
    message: str
    request: Signed


def lacking(piece: str, request: Signed) -> Row:
    """State the row of a missing piece."""
    return Row(f"Missing{piece}", 400, f"{piece} is mandatory for this action.", request)


BY_HEADER, BY_PARAMETER = v3(), v1()
UNSIGNED = Signed("GET", [])
WITHOUT_SIGNED_HEADERS = "ACS3-HMAC-SHA256 Credential=dummy-owner,Signature=00"
CALLED = [("Action", "ListCaCertificate"), ("Version", "2020-04-20")]
GATEWAY = [
    lacking("AccessKeyId", Signed("GET", CALLED)),
    lacking(
        "Action",
        BY_PARAMETER.with_parameter("Action", None).with_header("x-acs-action", "GetRegisterCode"),
    ),
    lacking(
        "Version",
        BY_PARAMETER.with_parameter("Version", None).with_header("x-acs-version", "2020-04-20"),
    ),
    lacking("Signature", BY_PARAMETER.with_parameter("Signature", None)),
    lacking("SignatureMethod", BY_PARAMETER.with_parameter("SignatureMethod", None)),
    lacking("SignatureVersion", BY_PARAMETER.with_parameter("SignatureVersion", None)),
    lacking("SignatureNonce", BY_HEADER.with_header("x-acs-signature-nonce", None)),
    lacking("Timestamp", BY_HEADER.with_header("x-acs-date", None)),
    lacking("SignedHeaders", BY_HEADER.with_header("authorization", WITHOUT_SIGNED_HEADERS)),
    lacking("SecurityToken", v3(key=TEMPORARY)),
    Row(
        "IncompleteSignature",
        400,
        "The request signature does not conform to Aliyun standards.",
        BY_HEADER.with_header("authorization", "Bearer x"),
    ),
    Row(
        "InvalidAccessKeyId.NotFound",
        404,
        "Specified access key is not found.",
        v3(key=replace(OWNER, access_key_id="nobody")),
    ),
    Row(
        "InvalidAccessKeyId.Inactive",
        400,
        "Specified access key is disabled.",
        v3(key=INACTIVE),
    ),
    Row(
        "InvalidSecurityToken.MismatchWithAccessKey",
        400,
        "Specified SecurityToken mismatch with the AccessKey.",
        v3(key=TEMPORARY, headers={"x-acs-security-token": "x"}),
    ),
    Row(
        "InvalidTimeStamp.Format",
        400,
        "Specified time stamp or date value is not well formatted.",
        v3(date="yesterday"),
    ),
    Row(
        "InvalidTimeStamp.Expired",
        400,
        "Specified time stamp or date value is expired.",
        v3(date="2020-01-01T00:00:00Z"),
    ),
    Row(
        "SignatureDoesNotMatch",
        400,
        f"Specified signature is not matched with our calculation. {STRING_TO_SIGN}",
        v3(key=replace(OWNER, access_key_secret="wrong")),
    ),
    Row(
        "InvalidAction.NotFound",
        404,
        "Specified api is not found, please check your url and method.",
        v3("NoSuchAction"),
    ),
    Row(
        "ApiNotSupport",
        404,
        "The specified API is not supported. certgate does not emulate CreateGroupId.",
        v3("CreateGroupId"),
    ),
    Row("InvalidVersion", 400, "Specified parameter Version is not valid.", UNSIGNED),
    Row(
        "UnsupportedHTTPMethod",
        405,
        "This http method is not supported.",
        v3(method="PUT"),
    ),
    Row(
        "ParameterCheckFailed",
        400,
        REFUSALS["ParameterCheckFailed"],
        Signed("GET", [("a", "b")] * 1001),
    ),
    Row(
        "Forbidden.ForeignHost",
        403,
        "certgate is not called by this host name.",
        v3().with_header("host", "evil.example"),
    ),
    Row(
        "Forbidden.ForeignOrigin",
        403,
        "certgate is not called by pages of other origins.",
        v3().with_header("origin", "http://evil.example"),
    ),
]
