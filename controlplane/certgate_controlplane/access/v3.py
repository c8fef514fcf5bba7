"""Signature version 3: ACS3-HMAC-SHA256 in the header ``Authorization``.

The page "V3 request structure and signature" and what the official SDKs send. Which headers are
signed is the request's to say; that those which decide anything are among them is checked here.
"""

import hashlib
import hmac
from collections.abc import Iterable, Mapping

from certgate_controlplane.access.claim import Claim, percent_encoded
from certgate_controlplane.access.refusals import incomplete_signature, missing
from certgate_controlplane.call import Call

ALGORITHM = "ACS3-HMAC-SHA256"
"""The one algorithm that is checked; RSA and SM3 are not."""

_FIELDS = {"Credential": "AccessKeyId", "SignedHeaders": "SignedHeaders", "Signature": "Signature"}
_REQUIRED = {
    "x-acs-action": "Action",
    "x-acs-version": "Version",
    "x-acs-date": "Timestamp",
    "x-acs-signature-nonce": "SignatureNonce",
}
_DIGEST = "x-acs-content-sha256"
_KEY_ID = "x-acs-accesskey-id"


def read_claim(call: Call) -> Claim:
    """Read what the header ``Authorization`` claims.

    Args:
        call: a request that has one.

    Raises:
        ApiError: a piece is missing, or the signature's form is not a documented one.
    """
    headers = _trimmed(call.headers)
    fields = _fields(headers["authorization"])
    for header, piece in _REQUIRED.items():
        if not headers.get(header):
            raise missing(piece)
    key_id = fields["Credential"]
    if headers.get(_KEY_ID, key_id) != key_id or _DIGEST not in headers:
        raise incomplete_signature()
    names = _signed_headers(call, fields["SignedHeaders"])
    received = hashlib.sha256(call.body).hexdigest()
    return Claim(
        access_key_id=key_id,
        security_token=headers.get("x-acs-security-token") or None,
        timestamp=headers["x-acs-date"],
        nonce=headers["x-acs-signature-nonce"],
        string_to_sign=string_to_sign(call, names, received),
        signature=fields["Signature"],
        sign=sign,
        is_whole=headers[_DIGEST] == received,
    )


def string_to_sign(call: Call, names: Iterable[str], digest: str) -> str:
    """Write what the signature has to be made of.

    Args:
        call: the request.
        names: the signed headers, in the order that the request lists them.
        digest: SHA-256 of the body, hexadecimal.
    """
    names, headers = list(names), _trimmed(call.headers)
    canonical = "\n".join(
        [
            call.method,
            "/",
            _canonical_query(call),
            *(f"{name}:{headers[name]}" for name in names),
            "",
            ";".join(names),
            digest,
        ]
    )
    # Header values were decoded as Latin-1 and are encoded as UTF-8, as the SDKs do the reverse.
    return f"{ALGORITHM}\n{hashlib.sha256(canonical.encode()).hexdigest()}"


def sign(secret: str, text: str) -> str:
    """Make a signature, hexadecimal.

    Args:
        secret: of the access key, used as it is.
        text: the string to sign.
    """
    return hmac.new(secret.encode(), text.encode(), hashlib.sha256).hexdigest()


def _trimmed(headers: Mapping[str, str]) -> dict[str, str]:
    # The very values that are signed are the ones that count: were more trimmed off for the
    # signature than for the nonce, the same signature would be good for several nonces.
    return {name: value.strip(" \t") for name, value in headers.items()}


def _fields(authorization: str) -> Mapping[str, str]:
    algorithm, _, rest = authorization.partition(" ")
    if algorithm != ALGORITHM:
        raise incomplete_signature()
    fields: dict[str, str] = {}
    for part in rest.split(","):
        name, _, value = part.strip().partition("=")
        if name not in _FIELDS or name in fields:
            raise incomplete_signature()
        fields[name] = value
    for name, piece in _FIELDS.items():
        if not fields.get(name):
            raise missing(piece)
    return fields


def _signed_headers(call: Call, listed: str) -> list[str]:
    names = listed.split(";")
    must = {"host", *(name for name in call.headers if name.startswith("x-acs-"))}
    if call.body:
        # It decides what the body says. Without a body it says nothing: the official SDK's
        # asynchronous client lets aiohttp add one that it did not sign.
        must |= {"content-type"} & call.headers.keys()
    # A header that is there twice says two things.
    if len(set(names)) < len(names) or not must <= set(names) <= call.headers.keys():
        raise incomplete_signature()
    if call.repeated_headers & {"authorization", *names}:
        raise incomplete_signature()
    return names


def _canonical_query(call: Call) -> str:
    # The SDKs write a space as "+" and sign "%20": what counts is the decoded parameter.
    return "&".join(
        f"{percent_encoded(name)}={percent_encoded(value)}" for name, value in sorted(call.queried)
    )
