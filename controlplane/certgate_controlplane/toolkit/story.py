"""What the lab decided, as values and as a story for whoever reads a failed test."""

import heapq
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime

from certgate_broker.reasons import Reason
from certgate_certs.registry import DecisionRecord
from certgate_controlplane.calls import CallRecord
from certgate_controlplane.toolkit.handles import Device

_MOST_LINES = 12


@dataclass(frozen=True, slots=True)
class Decision(DecisionRecord):
    """A decision record with its number.

    Attributes:
        number: later decisions have higher numbers.
    """

    number: int = 0

    @classmethod
    def numbered(cls, number: int, record: DecisionRecord) -> "Decision":
        """Make one of a record."""
        return cls(**asdict(record), number=number)

    def is_about(self, device: Device) -> bool:
        """Tell whether a device made this attempt.

        Args:
            device: the device.
        """
        return self.device_sn == device.sn or self.client_id == device.client_id

    def __str__(self) -> str:
        how = f"{self.tls_version}{', resumed' if self.resumed else ''}" or "no TLS"
        who = f"as {self.client_id!r} from {self.remote_address}"
        return f"{_time(self.at)} {self._verdict()}  ({how}, {who})"

    def _verdict(self) -> str:
        if self.accepted:
            return "admitted"
        sentences = [Reason(name).sentence for name in self.reasons if name in set(Reason)]
        detail = f" {self.detail}" if self.detail else ""
        return f"refused, {', '.join(self.reasons)}: {' '.join(sentences)}{detail}"


def tell(device: Device, decisions: Sequence[Decision], calls: Iterable[CallRecord]) -> str:
    """Tell what was decided on a device, and what the API was asked meanwhile.

    Args:
        device: the device.
        decisions: all that were made on it, oldest first.
        calls: what the API was asked.
    """
    own = {device.sn, device.ca.sn, device.client_id, device.ca.name}
    asked = [(call.at, _call(call)) for call in calls if call.subject in own]
    decided = [(each.at, str(each)) for each in decisions]
    # A merge and no sort: each of the two keeps its order where the clock was moved.
    lines = [line for _, line in heapq.merge(asked, decided, key=lambda item: item[0])]
    if not decisions:
        lines.append("the lab has decided nothing about it: no connection got that far")
    heading = f"The story of {device} (serial number {device.sn}, {device.ca}):"
    return "\n  ".join([heading, *lines[-_MOST_LINES:]])


def _call(call: CallRecord) -> str:
    answer = call.code or "done"
    return f"{_time(call.at)} the API: {call.action} {call.subject}: {answer}"


def _time(milliseconds: int) -> str:
    moment = datetime.fromtimestamp(milliseconds / 1000, UTC)
    return moment.isoformat(" ", "milliseconds").removesuffix("+00:00")
