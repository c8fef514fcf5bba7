"""Access keys, and requests signed by the letter of the specification.

The signers here share nothing with certgate's: not even the standard library's percent-encoding.
"""

import base64
import hashlib
import hmac
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode

from certgate_controlplane.access.credentials import AccessKey
from certgate_controlplane.access.gates import SignedGate
from certgate_controlplane.access.policies import Policy, read_policy
from certgate_controlplane.access.throttle import Throttle
from certgate_controlplane.call import Call, read_call
from controlplane.harness import EMPTY_INSTANCE, INSTANCE, Driver, Reply

ACCOUNT = "1000000000000001"
OTHER_ACCOUNT = "1000000000000002"
FOREIGN_INSTANCE = "post-cn-foreign"
OWNERS = {INSTANCE: ACCOUNT, EMPTY_INSTANCE: ACCOUNT, FOREIGN_INSTANCE: OTHER_ACCOUNT}
NOW = datetime(2026, 5, 4, 3, 2, 1, tzinfo=UTC)
TOKEN = "dummy+token/of==tests"
EMPTY = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
VERSION = "2020-04-20"
PREFIX = "Specified signature is not matched with our calculation. server string to sign is:"


def policy(*actions: str, effect: str = "Allow", resource: str = "*") -> Policy:
    """Write a policy of one statement."""
    statement = {"Effect": effect, "Action": list(actions), "Resource": resource}
    return read_policy({"Version": "1", "Statement": statement})


OWNER = AccessKey("dummy-owner", "dummy-secret-1", ACCOUNT)
STRANGER = AccessKey("dummy-stranger", "dummy-secret-2", OTHER_ACCOUNT)
TEMPORARY = AccessKey("dummy-sts", "dummy-secret-3", ACCOUNT, frozenset({"other", TOKEN}))
INACTIVE = AccessKey("dummy-inactive", "dummy-secret-4", ACCOUNT, is_active=False)
READER = AccessKey(
    "dummy-reader",
    "dummy-secret-5",
    ACCOUNT,
    policies=(policy("mq:Get*", "mq:List*", "mq:MqttInstanceAccess"),),
)
KEYS = {key.access_key_id: key for key in (OWNER, STRANGER, TEMPORARY, INACTIVE, READER)}


@dataclass
class Clock:
    """A lab's time that stands still until it is moved.

    Attributes:
        milliseconds: since the epoch.
    """

    milliseconds: int = int(NOW.timestamp()) * 1000

    @classmethod
    def of_today(cls) -> "Clock":
        """Stop at the real time, for clients that sign by it."""
        return cls(int(datetime.now(UTC).timestamp() * 1000))

    def __call__(self) -> int:
        """Give the time."""
        return self.milliseconds

    def move(self, **step: float) -> None:
        """Move it, back or forth."""
        self.milliseconds += int(timedelta(**step).total_seconds() * 1000)


def gate(clock: Clock, rate: int = 0, owners: Mapping[str, str] = OWNERS) -> SignedGate:
    """Make a gate that knows the keys above."""
    return SignedGate(KEYS, owners, Throttle(rate, clock), clock)


def iso(moment: datetime = NOW) -> str:
    """Write a time as signatures do."""
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def percent(text: str) -> str:
    """Encode by RFC 3986, character by character."""
    kept = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.~"
    return "".join(
        chr(byte) if chr(byte) in kept else f"%{byte:02X}" for byte in text.encode("utf-8")
    )


def canonical(parameters: Mapping[str, str]) -> str:
    """Write parameters sorted and encoded."""
    return "&".join(f"{percent(name)}={percent(parameters[name])}" for name in sorted(parameters))


@dataclass(frozen=True)
class Signed:
    """A request, ready to be sent or to be spoilt first.

    Attributes:
        method: HTTP method.
        query: name and value, repetitions allowed.
        headers: likewise.
        body: as sent.
    """

    method: str
    query: list[tuple[str, str]]
    headers: list[tuple[str, str]] = field(default_factory=lambda: [("host", "localhost")])
    body: bytes = b""

    @property
    def encoded(self) -> bytes:
        """The query as the SDKs write it: a space is a plus sign."""
        return urlencode(self.query).encode()

    @property
    def call(self) -> Call:
        """The request as the door reads it."""
        return read_call(self.method, self.headers, self.encoded, self.body)

    async def send(self, driver: Driver) -> Reply:
        """Send it."""
        return await driver.send(self.method, self.encoded, self.headers, [self.body])

    def with_header(self, name: str, value: str | None) -> "Signed":
        """Change a header after signing; None takes it away."""
        kept = [pair for pair in self.headers if pair[0] != name]
        return replace(self, headers=kept if value is None else [*kept, (name, value)])

    def with_parameter(self, name: str, value: str | None) -> "Signed":
        """Change a parameter after signing; None takes it away."""
        kept = [pair for pair in self.query if pair[0] != name]
        return replace(self, query=kept if value is None else [*kept, (name, value)])

    def header(self, name: str) -> str:
        """Give a header."""
        return dict(self.headers)[name]


def v3(
    action: str = "GetRegisterCode",
    parameters: Mapping[str, str] | None = None,
    *,
    key: AccessKey = OWNER,
    method: str = "GET",
    nonce: str = "nonce-1",
    date: str | None = None,
    headers: Mapping[str, str] | None = None,
    unsigned: Iterable[str] = (),
    body: bytes = b"",
    algorithm: str = "ACS3-HMAC-SHA256",
) -> Signed:
    """Sign by header, as the page "V3 request structure and signature" says."""
    asked = {"MqttInstanceId": INSTANCE} if parameters is None else dict(parameters)
    digest = hashlib.sha256(body).hexdigest()
    said = {
        "host": "localhost",
        "x-acs-action": action,
        "x-acs-content-sha256": digest,
        "x-acs-date": iso() if date is None else date,
        "x-acs-signature-nonce": nonce,
        "x-acs-version": VERSION,
    } | dict(headers or {})
    names = sorted(set(said) - set(unsigned))
    lines = "".join(f"{name}:{said[name].strip()}\n" for name in names)
    request = f"{method}\n/\n{canonical(asked)}\n{lines}\n{';'.join(names)}\n{digest}"
    text = f"{algorithm}\n{hashlib.sha256(request.encode()).hexdigest()}"
    made = hmac.digest(key.access_key_secret.encode(), text.encode(), "sha256").hex()
    credential = f"Credential={key.access_key_id},SignedHeaders={';'.join(names)},Signature={made}"
    authorized = [*said.items(), ("authorization", f"{algorithm} {credential}")]
    return Signed(method, list(asked.items()), authorized, body)


def v1(
    action: str = "GetRegisterCode",
    parameters: Mapping[str, str] | None = None,
    *,
    key: AccessKey = OWNER,
    method: str = "GET",
    nonce: str = "nonce-1",
    date: str | None = None,
    extra: Mapping[str, str] | None = None,
    form: Mapping[str, str] | None = None,
) -> Signed:
    """Sign by parameter, as the page "Request signatures" of the RPC style says."""
    asked = {"MqttInstanceId": INSTANCE} if parameters is None else dict(parameters)
    said = asked | {
        "Action": action,
        "Version": VERSION,
        "Format": "JSON",
        "AccessKeyId": key.access_key_id,
        "SignatureMethod": "HMAC-SHA1",
        "SignatureVersion": "1.0",
        "SignatureNonce": nonce,
        "Timestamp": iso() if date is None else date,
    }
    said |= dict(extra or {})
    text = f"{method}&%2F&{percent(canonical(said | dict(form or {})))}"
    made = hmac.digest(f"{key.access_key_secret}&".encode(), text.encode(), "sha1")
    query = [*said.items(), ("Signature", base64.b64encode(made).decode())]
    headers = [("host", "localhost"), ("content-type", "application/x-www-form-urlencoded")]
    return Signed(method, query, headers, urlencode(form or {}).encode())


STYLES: Mapping[str, Callable[..., Signed]] = {"V3": v3, "V1": v1}


async def code(driver: Driver, signed: Signed) -> str | None:
    """Send a request and give its error code; None where it succeeds."""
    reply = await signed.send(driver)
    assert reply.status in {200, 400, 403, 404, 405, 500}
    return reply.body.get("Code")
