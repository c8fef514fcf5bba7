"""A small client of the cloud's API, for the demo and the command line.

It speaks what the official SDKs speak by default: RPC style, signature version 3
(ACS3-HMAC-SHA256). It is not how certgate is tested; the official SDKs are.
"""

import hashlib
import hmac
import http.client
import json
import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote, urlsplit

_VERSION = "2020-04-20"
_ALGORITHM = "ACS3-HMAC-SHA256"
_EMPTY_BODY = hashlib.sha256(b"").hexdigest()
_SECONDS = 10.0
_LOOKING = ("Get", "List", "Query", "BatchQuery")


class CallError(Exception):
    """A call was answered with an error, or not at all.

    Attributes:
        code: the API's error code, or "" where nobody answered.
        status: HTTP status, 0 where nobody answered.
    """

    def __init__(self, message: str, code: str = "", status: int = 0) -> None:
        super().__init__(message)
        self.code = code
        self.status = status


@dataclass(frozen=True, slots=True)
class ApiClient:
    """Calls one API server.

    Attributes:
        url: such as ``http://127.0.0.1:8080``.
        access_key_id: whose key signs; from ``CERTGATE_ACCESS_KEY_ID`` where it is not given.
        access_key_secret: the key's secret; likewise from ``CERTGATE_ACCESS_KEY_SECRET``.
    """

    url: str
    access_key_id: str = field(default_factory=lambda: _from_environment("ID"))
    access_key_secret: str = field(default_factory=lambda: _from_environment("SECRET"), repr=False)

    def call(self, action: str, **parameters: str) -> dict[str, Any]:
        """Call an operation of the cloud's API.

        Args:
            action: its name, such as ``InactivateCaCertificate``.
            parameters: its request parameters.

        Raises:
            CallError: the answer is an error, or there is none.
        """
        # As the official SDKs do: the operations that only look take nothing but GET.
        method = "GET" if action.startswith(_LOOKING) else "POST"
        query = _canonical_query(parameters)
        headers = self._signed_headers(method, action, query)
        return self._send(method, f"/?{query}", headers)

    def read(self, path: str) -> dict[str, Any]:
        """Read from the lab's own door.

        Args:
            path: such as ``/_certgate/decisions?since=0``.

        Raises:
            CallError: the answer is an error, or there is none.
        """
        return self._send("GET", path, {})

    def _send(self, method: str, target: str, headers: Mapping[str, str]) -> dict[str, Any]:
        connection = http.client.HTTPConnection(urlsplit(self.url).netloc, timeout=_SECONDS)
        try:
            connection.request(method, target, headers=dict(headers))
            response = connection.getresponse()
            body = dict(json.loads(response.read()))
        except (OSError, http.client.HTTPException, TypeError, ValueError) as error:
            raise CallError(f"no certgate answers at {self.url}: {error}") from error
        finally:
            connection.close()
        if response.status >= 400:  # noqa: PLR2004  client and server errors
            code, message = str(body.get("Code", "")), body.get("Message", "")
            raise CallError(f"{code}: {message}", code, response.status)
        return body

    def _signed_headers(self, method: str, action: str, query: str) -> dict[str, str]:
        headers = {
            "host": urlsplit(self.url).netloc,
            "x-acs-action": action,
            "x-acs-content-sha256": _EMPTY_BODY,
            "x-acs-date": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "x-acs-signature-nonce": secrets.token_hex(16),
            "x-acs-version": _VERSION,
        }
        names = ";".join(headers)
        lines = "".join(f"{name}:{value}\n" for name, value in headers.items())
        canonical = f"{method}\n/\n{query}\n{lines}\n{names}\n{_EMPTY_BODY}"
        to_sign = f"{_ALGORITHM}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
        key = self.access_key_secret.encode()
        signature = hmac.new(key, to_sign.encode(), hashlib.sha256).hexdigest()
        credential = f"Credential={self.access_key_id},SignedHeaders={names},Signature={signature}"
        return {**headers, "Authorization": f"{_ALGORITHM} {credential}"}


def _from_environment(half: str) -> str:
    # Any pair will do while nothing is checked.
    return os.environ.get(f"CERTGATE_ACCESS_KEY_{half}", "certgate")


def _canonical_query(parameters: Mapping[str, str]) -> str:
    """Write parameters as the signature wants them: sorted, RFC 3986."""
    return "&".join(
        f"{quote(name, safe='-_.~')}={quote(value, safe='-_.~')}"
        for name, value in sorted(parameters.items())
    )
