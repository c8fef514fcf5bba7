"""Requests that nobody should send; none of them may change a registered certificate.

The serial numbers, codes and proofs in them are nobody's, so whatever is spoilt about a call, only
GetRegisterCode can change something: a code more.
"""

import random
import string
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from urllib.parse import urlencode

from certgate_controlplane.catalogue import NOT_EMULATED, OPERATIONS
from controlplane.access.kit import (
    INACTIVE,
    OWNER,
    READER,
    STRANGER,
    STYLES,
    TEMPORARY,
    VERSION,
    Signed,
)
from controlplane.harness import INSTANCE
from proofs.world import pool

HEADERS = [("host", "localhost"), ("content-type", "application/x-www-form-urlencoded")]
METHODS = ["GET", "POST", "POST", "PUT", "DELETE", "HEAD", "OPTIONS", "TRACE", "CONNECT", "X", ""]
AWKWARD = [
    *("", " ", "\0", "+", "%", "%zz", "&", "=", ";", "#", "a" * 300, "a" * 70_000, "\ufeff"),
    *("\u0661", "\U0001f600", "\ud800", "1e999", "-0", "NaN", "null", "true", "[]", "{}", "../"),
    *("' OR 1=1 --", "${jndi:x}", "<script>", "\r\nX: y", "0x10", "9" * 400, "\u202e", "ACTIVE"),
]
GOOD = {
    "MqttInstanceId": INSTANCE,
    "InstanceId": INSTANCE,
    "Sn": "00ab",
    "CaSn": "00ab",
    "DeviceSn": "00ab",
    "PageNo": "1",
    "PageSize": "10",
    "CaName": "ca",
    "CaContent": "x",
    "VerificationContent": "x",
    "ClientId": "GID_a@@@1",
    "ClientIdList.1": "GID_a@@@1",
    "MqttTopic": "t",
    "Payload": "p",
}
NAMED = [
    *("host", "origin", "sec-fetch-site", "authorization", "content-type", "content-length"),
    *("x-acs-action", "x-acs-version", "x-acs-date", "x-acs-signature-nonce", "cookie"),
    *("x-acs-content-sha256", "x-acs-security-token", "x-acs-accesskey-id", "x-acs-bearer-token"),
    *("transfer-encoding", "expect", "upgrade", "x-forwarded-host", "accept", "range"),
]
SIGNING = [
    *("AccessKeyId", "Signature", "SignatureMethod", "SignatureNonce", "SignatureVersion"),
    *("SignatureType", "Timestamp", "SecurityToken", "BearerToken", "Action", "Version", "Format"),
]
ODD_HEADERS = [
    *("ACS3-HMAC-SHA256 Credential=dummy-owner,SignedHeaders=host,Signature=00", "null", "none"),
    *("ACS3-HMAC-SHA256 Signature=,,", "ACS3-RSA-SHA256 x", "Bearer x", "localhost:80", "[::1]"),
    *("http://localhost", "http://evil.example", "cross-site", "localhost, localhost", "127.1"),
    *(
        "text/plain",
        "multipart/form-data",
        "application/json",
        "2020-04-20",
        "1970-01-01T00:00:00Z",
    ),
]
KEYS = [OWNER, STRANGER, TEMPORARY, INACTIVE, READER, replace(OWNER, access_key_id="nobody")]


@dataclass(frozen=True)
class Request:
    """Something to send.

    Attributes:
        kind: which generator made it.
        operation: what it is meant to call, "-" where nothing is.
        is_signed: whether it goes to the application that asks for signatures.
    """

    kind: str
    operation: str
    method: str
    query: bytes
    headers: list[tuple[str, str]] = field(default_factory=lambda: list(HEADERS))
    body: bytes = b""
    path: str = "/"
    is_signed: bool = False


class Garbage:
    """Makes requests.

    Args:
        rng: decides everything.
    """

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self._makers: dict[str, Callable[[], Request]] = {
            "bytes": self._bytes,
            "parameters": self._parameters,
            "headers": self._headers,
            "PEM": self._pem,
            "signature": self._signature,
            "signed bytes": self._signed_bytes,
        }

    def request(self) -> Request:
        """Make one."""
        kind = self._rng.choice(list(self._makers))
        return replace(self._makers[kind](), kind=kind)

    def _operation(self) -> str:
        pool_of = OPERATIONS if self._rng.random() < 0.95 else NOT_EMULATED
        return self._rng.choice(sorted(pool_of))

    def _text(self) -> str:
        rng = self._rng
        if rng.random() < 0.5:
            return rng.choice(AWKWARD)
        letters = rng.choice([string.printable, string.hexdigits, "\xe9\u4e2d\U0001f600\ud800\0a"])
        return "".join(rng.choices(letters, k=rng.randrange(30)))

    def _header_text(self) -> str:
        rng = self._rng
        if rng.random() < 0.5:
            return rng.choice([*ODD_HEADERS, *OPERATIONS])
        return "".join(map(chr, rng.choices(range(256), k=rng.randrange(40))))

    def _method(self) -> str:
        return self._rng.choice(METHODS)

    def _bytes(self) -> Request:
        rng = self._rng
        path = rng.choice(["/"] * 9 + ["/\xe9", "//", "/x/../", "/certgate", ""])
        query, body = rng.randbytes(rng.randrange(200)), rng.randbytes(rng.randrange(200))
        if rng.random() < 0.2:
            body *= rng.randrange(5_000)
        return Request("", "-", self._method(), query, body=body, path=path)

    def _parameters(self) -> Request:
        rng, operation = self._rng, self._operation()
        pairs = [*GOOD.items(), ("Action", operation), ("Version", VERSION)]
        for _ in range(rng.randrange(4)):
            at = rng.randrange(len(pairs))
            what = rng.choice(["value", "value", "gone", "twice", "name", "more"])
            pairs[at : at + 1] = self._changed(pairs[at], what)
        encoded = urlencode(pairs, errors="surrogatepass").encode()
        if rng.random() < 0.3:
            at = rng.randrange(len(encoded))
            encoded = encoded[:at] + rng.randbytes(3) + encoded[at + rng.randrange(4) :]
        query, form = (encoded, b"") if rng.random() < 0.5 else (b"", encoded)
        return Request("", operation, self._method(), query, body=form)

    def _changed(self, pair: tuple[str, str], what: str) -> list[tuple[str, str]]:
        name, value = pair
        return {
            "value": [(name, self._text())],
            "gone": [],
            "twice": [pair, (name, self._rng.choice([value, self._text()]))],
            "name": [(self._text(), value)],
            "more": [(name, value[:20])] * self._rng.choice([3, 300, 1500]),
        }[what]

    def _headers(self) -> Request:
        rng, operation = self._rng, self._operation()
        headers = [("host", "localhost"), ("x-acs-action", operation), ("x-acs-version", VERSION)]
        more = range(rng.randrange(1, 4))
        headers.extend((rng.choice(NAMED), self._header_text()) for _ in more)
        if rng.random() < 0.3:
            headers = headers[rng.randrange(3) :]
        return Request("", operation, self._method(), urlencode(GOOD).encode(), headers)

    def _pem(self) -> Request:
        rng = self._rng
        pem = rng.choice(pool().cas).pem.encode()
        at = rng.randrange(len(pem))
        noise = rng.choice([rng.randbytes(3), rng.choice(AWKWARD).encode(errors="replace"), b"A"])
        spoilt = pem[:at] + noise + pem[at + rng.randrange(60) :]
        shown = [spoilt, pem, rng.randbytes(100), b"-----BEGIN CERTIFICATE-----\n", pem * 3]
        asked = {
            **GOOD,
            "Action": "RegisterCaCertificate",
            "Version": VERSION,
            "CaContent": rng.choice(shown),
            "VerificationContent": rng.choice(shown),
        }
        encoded = urlencode(asked).encode()
        return Request("", "RegisterCaCertificate", "POST", b"", body=encoded)

    def _signature(self) -> Request:
        rng, operation = self._rng, self._operation()
        method = rng.choice(["GET", "POST"])
        nonce = rng.choice(["nonce", f"garbage-{rng.random()}"])
        sign = STYLES[rng.choice(["V1", "V3"])]
        signed = sign(operation, GOOD, key=rng.choice(KEYS), method=method, nonce=nonce)
        for _ in range(rng.randrange(3)):
            signed = self._spoilt(signed)
        query = urlencode(signed.query, errors="surrogatepass").encode()
        return Request(
            "", operation, signed.method, query, signed.headers, signed.body, is_signed=True
        )

    def _spoilt(self, signed: Signed) -> Signed:
        rng = self._rng
        name, value = rng.choice(rng.choice([NAMED, SIGNING])), rng.choice([None, self._text()])
        if name in NAMED:
            return signed.with_header(name, None if value is None else self._header_text())
        return signed.with_parameter(name, value)

    def _signed_bytes(self) -> Request:
        make = self._rng.choice([self._bytes, self._parameters, self._headers])
        return replace(make(), is_signed=True)
