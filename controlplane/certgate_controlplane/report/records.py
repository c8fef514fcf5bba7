"""Read what the lab's own door gives back into the values it was made from."""

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from certgate_certs.rows import Cause, Closing, DecisionRecord
from certgate_controlplane.calls import CallRecord

_CALL = tuple(field.name for field in fields(CallRecord))
_DECISION = tuple(field.name for field in fields(DecisionRecord))
_CLOSING = tuple(field.name for field in fields(Closing))


def call(item: Mapping[str, Any]) -> CallRecord:
    """Read the record of a call.

    Args:
        item: as ``/_certgate/calls`` gives it; members that no record has are passed over.

    Raises:
        TypeError: a member is missing.
    """
    return CallRecord(**{name: item[name] for name in _CALL if name in item})


def decision(item: Mapping[str, Any]) -> DecisionRecord:
    """Read a decision record.

    Args:
        item: as ``/_certgate/decisions`` gives it; members that no record has are passed over.

    Raises:
        TypeError: a member is missing.
    """
    values = {name: item[name] for name in _DECISION if name in item}
    return DecisionRecord(**{**values, "reasons": tuple(item.get("reasons", ()))})


def closing(item: Mapping[str, Any]) -> Closing:
    """Read the record of a closed connection.

    Args:
        item: as ``/_certgate/closings`` gives it; members that no record has are passed over.

    Raises:
        TypeError: a member is missing.
        ValueError: its cause is none that is known.
    """
    values = {name: item[name] for name in _CLOSING if name in item}
    return Closing(**{**values, "cause": Cause(item.get("cause", ""))})
