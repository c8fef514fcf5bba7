"""Signature version 1: HMAC-SHA1 over all parameters, in the parameter ``Signature``.

What the official Python SDK sends as ``v2``, ``@alicloud/pop-core`` and the aliyun command line by
default. Headers are not signed, so nothing that matters is taken from them.
"""

import base64
import hashlib
import hmac

from certgate_controlplane.access.claim import Claim, percent_encoded
from certgate_controlplane.access.refusals import incomplete_signature, missing
from certgate_controlplane.call import Call

_SIGNATURE = "Signature"
_REQUIRED = (
    "Action",
    "Version",
    "AccessKeyId",
    _SIGNATURE,
    "SignatureMethod",
    "SignatureVersion",
    "SignatureNonce",
    "Timestamp",
)


def read_claim(call: Call) -> Claim:
    """Read what the parameters claim, those of the query and of the form alike.

    Args:
        call: a request without the header ``Authorization``, each parameter there once.

    Raises:
        ApiError: a piece is missing, or the signature's form is not a documented one.
    """
    said = dict(call.parameters.pairs())
    for piece in _REQUIRED:
        if not said.get(piece):
            raise missing(piece)
    # The Go SDK sends an empty SignatureType; one that says something names another algorithm.
    form = (said["SignatureMethod"], said["SignatureVersion"], said.get("SignatureType", ""))
    if form != ("HMAC-SHA1", "1.0", ""):
        raise incomplete_signature()
    return Claim(
        access_key_id=said["AccessKeyId"],
        security_token=said.get("SecurityToken") or None,
        timestamp=said["Timestamp"],
        nonce=said["SignatureNonce"],
        string_to_sign=string_to_sign(call),
        signature=said[_SIGNATURE],
        sign=sign,
    )


def string_to_sign(call: Call) -> str:
    """Write what the signature has to be made of; blank values count.

    Args:
        call: the request.
    """
    signed = sorted(pair for pair in call.parameters.pairs() if pair[0] != _SIGNATURE)
    query = "&".join(f"{percent_encoded(name)}={percent_encoded(value)}" for name, value in signed)
    return f"{call.method}&%2F&{percent_encoded(query)}"


def sign(secret: str, text: str) -> str:
    """Make a signature, Base64.

    Args:
        secret: of the access key.
        text: the string to sign.
    """
    made = hmac.new(f"{secret}&".encode(), text.encode(), hashlib.sha1)
    return base64.b64encode(made.digest()).decode()
