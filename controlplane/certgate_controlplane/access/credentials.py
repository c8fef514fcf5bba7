"""The access keys that a lab knows, from a JSON file.

``{"access_keys": [{"access_key_id", "access_key_secret", "account_id", "security_tokens"?,
"status"?, "policies"?}]}``. Nothing in it is passed over: what is not understood is refused, in
one sentence that names file and key and never a secret.
"""

import json
import logging
import re
import stat
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from certgate_controlplane.access.policies import Policy, PolicyError, read_policy

ACCOUNT_ID = re.compile(r"[0-9]{1,32}")
"""An account's id: digits."""

_KEY_ID = re.compile(r"[A-Za-z0-9._-]{1,128}")
_SECRET = re.compile(r"[!-~]{1,4096}")
_STATUSES = {"Active": True, "Inactive": False}
_OTHERS = stat.S_IRWXG | stat.S_IRWXO

_logger = logging.getLogger(__name__)


class CredentialsError(Exception):
    """The file cannot be used; the text is one sentence without a secret in it."""


@dataclass(frozen=True, slots=True)
class AccessKey:
    """An access key.

    Attributes:
        access_key_id: its public half.
        access_key_secret: its other half.
        account_id: the account it belongs to.
        security_tokens: a temporary key comes with one of these; empty for a lasting key.
        is_active: whether it may be used.
        policies: what it may do; None for the account's own key, which may do anything with the
            account's instances.
    """

    access_key_id: str
    access_key_secret: str = field(repr=False)
    account_id: str
    security_tokens: frozenset[str] = field(default=frozenset(), repr=False)
    is_active: bool = True
    policies: tuple[Policy, ...] | None = None


def load_credentials(file: Path) -> Mapping[str, AccessKey]:
    """Read the access keys; warn where other users may read the file too.

    Args:
        file: the JSON file.

    Returns:
        The keys by id.

    Raises:
        CredentialsError: it cannot be used.
    """
    try:
        text = file.read_text(encoding="utf-8")
        is_private = not file.stat().st_mode & _OTHERS
    except OSError as error:
        raise CredentialsError(f"{file} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise CredentialsError(f"{file} is not UTF-8") from None
    keys = read_credentials(text, str(file))
    if not is_private:
        _logger.warning("%s may be read by other users of this machine: chmod 600 it", file)
    return keys


def read_credentials(text: str, name: str) -> Mapping[str, AccessKey]:
    """Read the access keys from JSON.

    Args:
        text: the JSON.
        name: of the file, for the errors.

    Returns:
        The keys by id.

    Raises:
        CredentialsError: it cannot be used.
    """
    keys: dict[str, AccessKey] = {}
    for number, entry in enumerate(_entries(text, name), 1):
        try:
            key = _access_key(entry)
        except ValueError as error:
            raise CredentialsError(f"{name}: {_called(entry, number)}: {error}") from None
        if key.access_key_id in keys:
            raise CredentialsError(f"{name}: {_called(entry, number)} is there twice")
        keys[key.access_key_id] = key
    return keys


def _entries(text: str, name: str) -> Sequence[object]:
    try:
        document = json.loads(text, object_pairs_hook=_without_repetition)
    except json.JSONDecodeError as error:
        raise CredentialsError(
            f"{name} is not JSON: {error.msg} in line {error.lineno}, column {error.colno}"
        ) from None
    except (ValueError, RecursionError):
        raise CredentialsError(f"{name} has a member twice, or is nested too deeply") from None
    if not isinstance(document, dict) or document.keys() != {"access_keys"}:
        raise CredentialsError(f'{name} is not an object with the one member "access_keys"')
    entries = document["access_keys"]
    if not isinstance(entries, list) or not entries:
        raise CredentialsError(f'{name}: "access_keys" is not a list of access keys')
    return entries


def _without_repetition(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) < len(pairs):
        raise ValueError
    return members


def _called(entry: object, number: int) -> str:
    """Name a key by its id, or by its place where the id is not to be trusted to be one."""
    key_id = entry.get("access_key_id") if isinstance(entry, dict) else None
    is_id = isinstance(key_id, str) and _KEY_ID.fullmatch(key_id)
    return f"access key {key_id}" if is_id else f"access key number {number}"


def _access_key(entry: object) -> AccessKey:
    if not isinstance(entry, dict):
        raise ValueError("it is no object")
    for unknown in sorted(entry.keys() - _READERS.keys()):
        raise ValueError(f"it has {unknown!r}, which certgate does not know")
    for absent in sorted(_NEEDED - entry.keys()):
        raise ValueError(f"it has no {absent}")
    read = {name: _READERS[name](name, value) for name, value in entry.items()}
    if "status" in read:
        read["is_active"] = read.pop("status")
    return AccessKey(**read)


def _matching(pattern: re.Pattern[str]) -> Callable[[str, object], str]:
    def read(name: str, value: object) -> str:
        if not isinstance(value, str) or not pattern.fullmatch(value):
            raise ValueError(f"its {name} is not a text that can be one")
        return value

    return read


def _tokens(name: str, value: object) -> frozenset[str]:
    if not isinstance(value, list) or not value:
        raise ValueError(f"its {name} is not a list of texts")
    return frozenset(_matching(_SECRET)(name, each) for each in value)


def _status(name: str, value: object) -> bool:
    if not isinstance(value, str) or value not in _STATUSES:
        raise ValueError(f"its {name} is neither Active nor Inactive")
    return _STATUSES[value]


def _policies(name: str, value: object) -> tuple[Policy, ...]:
    if not isinstance(value, list):
        raise ValueError(f"its {name} is not a list of policy documents")
    try:
        return tuple(read_policy(document) for document in value)
    except PolicyError as error:
        raise ValueError(f"one of its {name} is refused: {error}") from None


_READERS: Mapping[str, Callable[[str, object], Any]] = {
    "access_key_id": _matching(_KEY_ID),
    "access_key_secret": _matching(_SECRET),
    "account_id": _matching(ACCOUNT_ID),
    "security_tokens": _tokens,
    "status": _status,
    "policies": _policies,
}
_NEEDED = {"access_key_id", "access_key_secret", "account_id"}
