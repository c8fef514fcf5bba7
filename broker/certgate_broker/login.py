"""MQTT user name and password as the cloud's clients send them.

Over mutual TLS the cloud's demo clients still send ``Signature|<access key id>|<instance id>`` and,
as password, the Base64 of HMAC-SHA1 over the client identifier with the access key's secret.
"""

import base64
import hmac
from collections.abc import Callable

from certgate_broker.connect import Connect

SecretOf = Callable[[str, str], str | None]
"""Gives the secret of an access key id, or None where it may not sign for that instance."""

_PARTS = 3


def is_signed(connect: Connect, instance_id: str, secret_of: SecretOf) -> bool:
    """Tell whether a CONNECT packet is signed for its instance by a known access key.

    Args:
        connect: the packet.
        instance_id: the instance it came to.
        secret_of: knows the access keys.
    """
    scheme, *rest = (connect.user_name or "").split("|")
    if scheme != "Signature" or len(rest) != _PARTS - 1 or rest[1] != instance_id:
        return False
    secret = secret_of(rest[0], instance_id)
    if secret is None or connect.password is None:
        return False
    digest = hmac.new(secret.encode(), connect.client_id.encode(), "sha1").digest()
    return hmac.compare_digest(base64.b64encode(digest), connect.password)


def nobody(_access_key_id: str, _instance_id: str) -> None:
    """Know no access key."""
