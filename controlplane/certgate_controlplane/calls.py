"""What the API was asked, and what it answered: the operator's half of a run's story."""

import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from certgate_controlplane.parameters import Parameters

_MOST = 10_000
_LONGEST = 128
_INSTANCES = ("MqttInstanceId", "InstanceId")
_SUBJECTS = ("DeviceSn", "Sn", "CaName", "ClientId")


@dataclass(frozen=True, slots=True)
class CallRecord:
    """One call of the cloud's API.

    Attributes:
        at: when it came, by the lab's clock, milliseconds since the epoch.
        action: the operation; "" where none was named.
        instance_id: the instance it was about, or "".
        subject: the serial number, name or client identifier it was about, or "".
        status: HTTP status of the answer.
        code: the error's code, "" where there was none.
        milliseconds: how long the answer took.
        ca_sn: serial number of the CA, where it is about one of its devices.
    """

    at: int
    action: str
    instance_id: str
    subject: str
    status: int
    code: str
    milliseconds: float
    ca_sn: str = ""


@dataclass(frozen=True, slots=True)
class Running:
    """A call that is being answered.

    Attributes:
        log: where it will be remembered.
        at: when it came, milliseconds since the epoch.
        began: likewise, by `time.perf_counter`.
    """

    log: "CallLog"
    at: int
    began: float

    def end(self, action: str, parameters: Parameters, status: int, code: str = "") -> None:
        """Remember it.

        Args:
            action: the operation; "" where none was named.
            parameters: what it was called with.
            status: HTTP status of the answer.
            code: the error's code, "" where there is none.
        """
        took = (time.perf_counter() - self.began) * 1000
        about = (_first(parameters, _INSTANCES), _first(parameters, _SUBJECTS))
        ca_sn = _first(parameters, ("CaSn",))
        self.log.add(CallRecord(self.at, action, *about, status, code, took, ca_sn))


class CallLog:
    """Remembers the last ten thousand calls that this process answered.

    Args:
        clock: gives milliseconds since the epoch.
    """

    def __init__(self, clock: Callable[[], int]) -> None:
        self._clock = clock
        self._calls: deque[tuple[int, CallRecord]] = deque(maxlen=_MOST)
        self._count = 0

    def start(self) -> Running:
        """Begin to answer a call."""
        return Running(self, self._clock(), time.perf_counter())

    def add(self, record: CallRecord) -> None:
        """Remember a call."""
        self._count += 1
        self._calls.append((self._count, record))

    def since(self, number: int) -> list[tuple[int, CallRecord]]:
        """Give calls with their numbers, oldest first.

        Args:
            number: calls up to and including this one are passed over.
        """
        return [item for item in self._calls if item[0] > number]

    def clear(self) -> None:
        """Forget every call; numbers go on."""
        self._calls.clear()


def _first(parameters: Parameters, names: Sequence[str]) -> str:
    values = [value for name in names for value in parameters.all(name)]
    return values[0][:_LONGEST] if values else ""
