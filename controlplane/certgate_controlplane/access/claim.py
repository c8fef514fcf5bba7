"""What a signed request says about its sender, before anything of it is proved."""

import hmac
from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import quote


@dataclass(frozen=True, slots=True)
class Claim:
    """Who a request says it is from, and what would prove it.

    Attributes:
        access_key_id: whose secret is said to have made the signature.
        security_token: what comes with a temporary access key; None where nothing does.
        timestamp: when it was signed, as received.
        nonce: what tells it from every other request of this key.
        string_to_sign: what the signature has to be made of, by the request as received.
        signature: as received.
        sign: makes a signature of secret and text.
        is_whole: whether the body received is the one that the request speaks of.
    """

    access_key_id: str
    security_token: str | None = field(repr=False)
    timestamp: str
    nonce: str
    string_to_sign: str = field(repr=False)
    signature: str = field(repr=False)
    sign: Callable[[str, str], str] = field(repr=False)
    is_whole: bool = True

    def is_signed_with(self, secret: str) -> bool:
        """Tell whether a secret made the signature; takes as long for a near miss as for any.

        Args:
            secret: of the access key.
        """
        expected = self.sign(secret, self.string_to_sign).encode()
        # Whatever was received has bytes; those that are no text match no signature.
        received = self.signature.encode(errors="backslashreplace")
        return hmac.compare_digest(expected, received) and self.is_whole


def percent_encoded(text: str) -> str:
    """Write text as signatures want it (RFC 3986: unreserved characters stay as they are).

    Args:
        text: may hold lone surrogates, which stand for bytes that were not UTF-8.
    """
    return quote(text, safe="~", errors="surrogateescape")
