"""Faults of the API, and the table of all faults."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from certgate_broker.faults.kinds import TEXT, FaultError, number, one_of
from certgate_broker.faults.values import CONNECTION_FAULTS, Drawn, Fault
from certgate_controlplane.catalogue import OPERATIONS
from certgate_controlplane.statuses import documented_codes

_OPERATION = one_of(*OPERATIONS).metadata


@dataclass(frozen=True, kw_only=True)
class OnCalls(Drawn):
    """A fault that strikes calls of the API.

    Attributes:
        operation: only of this one; None for all.
    """

    operation: str | None = field(default=None, metadata=_OPERATION)

    @property
    def target(self) -> str:
        """The operation."""
        return self.operation or ""

    def concerns(self, operation: str) -> bool:
        """Tell whether it can strike a call.

        Args:
            operation: the operation that is called.
        """
        return self.operation in {None, operation}


@dataclass(frozen=True, kw_only=True)
class ErrorAnswer(OnCalls):
    """A call is answered with an error, and nothing is done.

    Attributes:
        operation: which calls.
        code: the error's code, one that the operation has.
    """

    name = "api-error"

    operation: str = field(metadata={**_OPERATION, "required": True})
    code: str = field(metadata={**TEXT.metadata, "required": True})

    def _check(self) -> None:
        super()._check()
        codes = documented_codes(self.operation)
        if self.code not in codes:
            raise FaultError(
                f"{self.operation} has no error {self.code!r}; it has {', '.join(sorted(codes))}"
            )


@dataclass(frozen=True, kw_only=True)
class LateAnswer(OnCalls):
    """A call is answered late; what it asks for is done then, too.

    Attributes:
        milliseconds: how late, by the machine's clock.
    """

    name = "api-delay"

    milliseconds: float = field(metadata={**number(0).metadata, "required": True})


class NoAnswer(OnCalls):
    """What a call asks for is done, and the connection is closed without an answer."""

    name = "api-drop"


FAULTS: Mapping[str, type[Fault]] = {
    **{kind.name: kind for kind in (ErrorAnswer, LateAnswer, NoAnswer)},
    **CONNECTION_FAULTS,
}
"""All faults by name; `field_names` of each gives its fields."""


def make_fault(name: object, given: Mapping[str, object]) -> Fault:
    """Make a fault.

    Args:
        name: its name.
        given: its fields.

    Raises:
        FaultError: there is no such fault, or it has no such fields.
    """
    if not isinstance(name, str) or name not in FAULTS:
        raise FaultError(f"there is no fault {name!r}; there are {', '.join(FAULTS)}")
    return FAULTS[name].make(given)


def read_fault(text: str) -> Fault:
    """Read a fault as flags write it: ``name`` or ``name:field=value,field=value``.

    Names of devices are joined with a plus sign.

    Args:
        text: such as ``connack-cut:percent=50,seed=3``.

    Raises:
        FaultError: it is none.
    """
    name, _, rest = text.partition(":")
    given: dict[str, object] = {}
    for piece in filter(None, rest.split(",")):
        key, separator, value = piece.partition("=")
        if not separator or key in given:
            raise FaultError(f"{text!r} is no fault: write name:field=value,field=value")
        given[key] = _value(name, key, value)
    return make_fault(name, given)


def _value(name: str, key: str, text: str) -> object:
    if name not in FAULTS or key not in FAULTS[name].field_names():
        return text  # Refused later, with what there is.
    kind = FAULTS[name].kind_of(key)
    try:
        return kind.from_text(text)
    except ValueError:
        raise FaultError(f"{name}: {key} is {kind.meaning}, not {text!r}") from None
