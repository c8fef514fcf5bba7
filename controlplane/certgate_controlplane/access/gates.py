"""The gates before the emulated API: an open one, and one that asks for signatures."""

import hmac
from collections.abc import Callable, Mapping
from pathlib import Path

from certgate_controlplane.access.credentials import AccessKey, load_credentials
from certgate_controlplane.access.moment import read_moment
from certgate_controlplane.access.nonces import Nonces
from certgate_controlplane.access.permissions import CallerPermit
from certgate_controlplane.access.refusals import (
    access_key_inactive,
    access_key_not_found,
    missing,
    security_token_mismatch,
    signature_does_not_match,
)
from certgate_controlplane.access.signatures import read_claim
from certgate_controlplane.access.throttle import Throttle
from certgate_controlplane.call import Call
from certgate_controlplane.catalogue import Operation
from certgate_controlplane.permit import ANYTHING, Permit

_EVERYBODY = "everybody"


class OpenGate:
    """Lets everybody call; access keys and signatures are not looked at.

    Args:
        throttle: holds all callers together to one account's rate.
    """

    def __init__(self, throttle: Throttle) -> None:
        self._throttle = throttle

    async def admit(self, call: Call, operation: Operation) -> Permit:  # noqa: ARG002  a Gate's
        """Let a call through.

        Args:
            call: the request.
            operation: what it asks for.

        Raises:
            ApiError: Throttling.User.
        """
        self._throttle.count(_EVERYBODY)
        return ANYTHING


class SignedGate:
    """Lets those call who sign with an access key that the lab knows.

    Args:
        keys: the access keys by id.
        owners: account of each instance.
        throttle: holds each account to its rate.
        clock: the lab's time, milliseconds.
    """

    def __init__(
        self,
        keys: Mapping[str, AccessKey],
        owners: Mapping[str, str],
        throttle: Throttle,
        clock: Callable[[], int],
    ) -> None:
        self._keys = keys
        self._owners = owners
        self._throttle = throttle
        self._clock = clock
        self._nonces = Nonces()

    async def admit(self, call: Call, operation: Operation) -> Permit:
        """Find out who calls, or refuse: pieces, key, time, signature, nonce, rate in this order.

        Args:
            call: the request.
            operation: what it asks for.

        Raises:
            ApiError: one of the gateway's.
        """
        claim = read_claim(call)
        key = self._usable_key(claim.access_key_id)
        now = self._clock()
        signed = read_moment(claim.timestamp, now)
        if not claim.is_signed_with(key.access_key_secret):
            raise signature_does_not_match(claim.string_to_sign)
        _check_token(key, claim.security_token)
        # Only now, so that nobody without the secret can use a nonce up.
        self._nonces.use(key.access_key_id, claim.nonce, signed, now)
        self._throttle.count(key.account_id)
        return CallerPermit(key, operation.name, self._owners)

    def _usable_key(self, access_key_id: str) -> AccessKey:
        key = self._keys.get(access_key_id)
        if key is None:
            raise access_key_not_found()
        if not key.is_active:
            raise access_key_inactive()
        return key


def make_gate(
    credentials: Path | None, owners: Mapping[str, str], rate: int, clock: Callable[[], int]
) -> OpenGate | SignedGate:
    """Make the gate that goes with a lab's settings.

    Args:
        credentials: file with the access keys; None lets anybody call.
        owners: account of each instance.
        rate: calls a second for each account, 0 for any number.
        clock: the lab's time, milliseconds.

    Raises:
        CredentialsError: the access keys cannot be used.
    """
    throttle = Throttle(rate, clock)
    if credentials is None:
        return OpenGate(throttle)
    return SignedGate(load_credentials(credentials), owners, throttle, clock)


def _check_token(key: AccessKey, token: str | None) -> None:
    if token is None and not key.security_tokens:
        return
    if token is None:
        raise missing("SecurityToken")
    sent = token.encode(errors="backslashreplace")
    # Every one is compared, so that the time tells nothing about which of them came close.
    found = [hmac.compare_digest(each.encode(), sent) for each in key.security_tokens]
    if not any(found):
        raise security_token_mismatch()
