"""What held for a CA or device from one switch to the next."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from certgate_controlplane.report.switches import Kind, Switch, Verb
from certgate_controlplane.report.timeline import Lane


class State(StrEnum):
    """What a switch leaves behind."""

    ACTIVE = "active"
    INACTIVE = "inactive"
    DELETED = "deleted"


_STATES = {
    Verb.ACTIVE: State.ACTIVE,
    Verb.INACTIVATE: State.INACTIVE,
    Verb.DELETE: State.DELETED,
}


@dataclass(frozen=True, slots=True)
class Rule:
    """A time in which a state held.

    Attributes:
        state: the state.
        begin: when it began, milliseconds since the epoch.
        end: when it ended.
    """

    state: State
    begin: float
    end: float


def state_after(switch: Switch) -> State:
    """Tell what a switch leaves behind.

    Args:
        switch: the switch.
    """
    return _STATES[switch.verb]


def rules_of(lane: Lane, end: float) -> Iterator[Rule]:
    """Give the times in which a lane's CA was not active.

    Args:
        lane: the CA's part of the run.
        end: the end of the run, milliseconds since the epoch.
    """
    for switch in lane.switches:
        state = state_after(switch)
        if switch.kind is Kind.CA and state is not State.ACTIVE:
            yield Rule(state, switch.answered, end if switch.until is None else switch.until)
