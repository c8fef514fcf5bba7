"""What happened in a run, put in order: calls, connection attempts, closings and switches. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from certgate_certs.rows import Closing, DecisionRecord
from certgate_controlplane.calls import CallRecord
from certgate_controlplane.report.homes import Home, Homes, key_of
from certgate_controlplane.report.switches import REGISTER, Kind, Switch, find_switches

_BACK_MS = 1000
"""Several processes write records in batches; only more than this is a clock moved back."""


@dataclass(frozen=True, slots=True)
class Lane:
    """One CA's part of the run.

    Attributes:
        home: the instance and the CA; None for attempts that belong to no CA that is known.
        sn: the CA's serial number as the records write it.
        decisions: the attempts of its devices, oldest first.
        closings: their closed connections, oldest first.
        switches: what was switched, of itself or its devices.
    """

    home: Home | None
    sn: str = ""
    decisions: Sequence[DecisionRecord] = ()
    closings: Sequence[Closing] = ()
    switches: Sequence[Switch] = ()

    @property
    def busy(self) -> int:
        """How much there is to show."""
        return len(self.decisions) + len(self.closings) + len(self.switches)


@dataclass(frozen=True, slots=True)
class Timeline:
    """A run in order.

    Attributes:
        calls: every call of the API, oldest first.
        decisions: every connection attempt, oldest first.
        closings: every connection closed because a right was withdrawn, oldest first.
        switches: the calls that switched something.
        lanes: the run by CA, in the order in which they appear.
        names: given names of CAs and devices by the look-up key of their serial number.
        client_ids: the latest client identifier of each admitted device, likewise.
        went_back: the lab's clock was moved back between two records, so what counts as before
            and after may be wrong.
    """

    calls: tuple[CallRecord, ...] = ()
    decisions: tuple[DecisionRecord, ...] = ()
    closings: tuple[Closing, ...] = ()
    switches: tuple[Switch, ...] = ()
    lanes: tuple[Lane, ...] = ()
    names: Mapping[str, str] = field(default_factory=dict)
    client_ids: Mapping[str, str] = field(default_factory=dict)
    went_back: bool = False

    @property
    def times(self) -> list[float]:
        """When anything happened, sorted."""
        of_calls = [at for call in self.calls for at in (call.at, call.at + call.milliseconds)]
        others = [*(item.at for item in self.decisions), *(item.at for item in self.closings)]
        return sorted([*of_calls, *others])

    @property
    def wrong(self) -> list[tuple[Switch, DecisionRecord]]:
        """What was admitted after a switch that should have kept it out."""
        return [(switch, record) for switch in self.switches for record in switch.wrong]

    def ca_name(self, sn: str) -> str:
        """Give the name of a CA, or its serial number where it has none.

        Args:
            sn: its serial number.
        """
        return self.names.get(key_of(sn), sn)

    def subject_of(self, call: CallRecord) -> str:
        """Give the name of what a call was about, or what the call itself says.

        Args:
            call: the call.
        """
        key = key_of(call.subject)
        if call.action.endswith("DeviceCertificate"):
            return self.names.get(key) or self.client_ids.get(key, call.subject)
        if call.action.endswith("CaCertificate") and call.action != REGISTER:
            return self.names.get(key, call.subject)
        return call.subject


def build_timeline(
    calls: Iterable[CallRecord],
    decisions: Iterable[DecisionRecord],
    closings: Iterable[Closing] = (),
    names: Mapping[str, str] | None = None,
) -> Timeline:
    """Put a run in order and measure its switches.

    Args:
        calls: the calls of the API, in the order of the log.
        decisions: the connection attempts, in the order of their numbers.
        closings: the connections that were closed, likewise.
        names: names by serial number, of CAs and of devices; devices that are not among them go
            by their latest client identifier.
    """
    raw = list(decisions), list(closings)
    tried = tuple(sorted(raw[0], key=lambda record: record.at))
    closed = tuple(sorted(raw[1], key=lambda record: record.at))
    called = tuple(sorted(calls, key=lambda call: call.at))
    homes = Homes(tried)
    switches = find_switches(called, homes, closed)
    return Timeline(
        calls=called,
        decisions=tried,
        closings=closed,
        switches=switches,
        lanes=_lanes(homes, switches, closed),
        names={key_of(sn): name for sn, name in (names or {}).items()},
        client_ids=_client_ids(tried),
        went_back=any(_goes_back([record.at for record in records]) for records in raw),
    )


def _client_ids(decisions: Iterable[DecisionRecord]) -> dict[str, str]:
    """Name devices by what they called themselves when they were admitted.

    Whoever is refused may have written any serial number into a certificate of his own.
    """
    admitted = (item for item in decisions if item.accepted and item.client_id)
    return {key_of(item.device_sn): item.client_id for item in admitted}


def _lanes(
    homes: Homes, switches: Sequence[Switch], closings: Sequence[Closing]
) -> tuple[Lane, ...]:
    sns = {(item.instance_id, key_of(item.ca_sn)): item.ca_sn for item in closings}
    sns |= {
        switch.home: switch.call.subject
        for switch in switches
        if switch.kind is Kind.CA and switch.home is not None
    }
    found = [
        _lane(home, sns, homes, switches, closings)
        for home in {**dict.fromkeys(homes.cas()), **sns}
    ]
    if homes.strangers:
        found.append(Lane(None, decisions=homes.strangers))
    return tuple(found)


def _lane(
    home: Home,
    sns: Mapping[Home, str],
    homes: Homes,
    switches: Sequence[Switch],
    closings: Sequence[Closing],
) -> Lane:
    decisions = homes.of_ca(home)
    written = (record.ca_sn for record in decisions if record.ca_sn)
    return Lane(
        home,
        next(written, sns.get(home, home[1])),
        decisions,
        [item for item in closings if (item.instance_id, key_of(item.ca_sn)) == home],
        [switch for switch in switches if switch.home == home],
    )


def _goes_back(times: Sequence[int]) -> bool:
    latest = 0
    for at in times:
        if at < latest - _BACK_MS:
            return True
        latest = max(latest, at)
    return False
