"""Which CA a connection attempt belongs to, also where its record does not say."""

from collections import defaultdict
from collections.abc import Iterable, Sequence

from certgate_certs.rows import DecisionRecord
from certgate_certs.serial_number import SerialNumberError, look_up_key

Home = tuple[str, str]
"""An instance and the look-up key of a CA's serial number."""


def key_of(sn: str) -> str:
    """Give the form in which serial numbers are compared.

    Args:
        sn: a serial number; one that is none is compared as it stands.
    """
    try:
        return look_up_key(sn)
    except SerialNumberError:
        return sn


class Homes:
    """Knows the CA of each attempt.

    The record of a device whose CA was deleted names no CA. It is known by serial number *and*
    subject from its earlier attempts, where only one CA of the run gave out both.

    Args:
        decisions: every decision of the run, oldest first.
    """

    def __init__(self, decisions: Sequence[DecisionRecord]) -> None:
        self._homes = _homes_by_certificate(decisions)
        self._of_ca: dict[Home, list[DecisionRecord]] = defaultdict(list)
        self._of_device: dict[Home, list[DecisionRecord]] = defaultdict(list)
        self._cas_of_device: dict[Home, set[Home]] = defaultdict(set)
        self.strangers: list[DecisionRecord] = []
        for decision in decisions:
            self._file(decision)

    def _file(self, decision: DecisionRecord) -> None:
        home = self.home_of(decision)
        if home is None:
            self.strangers.append(decision)
            return
        device = decision.instance_id, key_of(decision.device_sn)
        self._of_ca[home].append(decision)
        self._of_device[device].append(decision)
        self._cas_of_device[device].add(home)

    def home_of(self, decision: DecisionRecord) -> Home | None:
        """Tell to which CA an attempt belongs; None where nobody can know.

        Args:
            decision: its record.
        """
        if decision.ca_sn:
            return decision.instance_id, key_of(decision.ca_sn)
        known = self._homes.get(_certificate(decision), set())
        return next(iter(known)) if len(known) == 1 else None

    def of_ca(self, home: Home) -> Sequence[DecisionRecord]:
        """Give the attempts of a CA's devices, oldest first.

        Args:
            home: the instance and the CA.
        """
        return self._of_ca.get(home, ())

    def of_device(self, device: Home) -> Sequence[DecisionRecord]:
        """Give the attempts of every device with a serial number, oldest first.

        Args:
            device: the instance and the device's serial number.
        """
        return self._of_device.get(device, ())

    def cas_of_device(self, device: Home) -> frozenset[Home]:
        """Give the CAs that gave a serial number to a device.

        Args:
            device: the instance and the device's serial number.
        """
        return frozenset(self._cas_of_device.get(device, ()))

    def cas(self) -> Iterable[Home]:
        """Give the CAs whose devices came, in the order of their first attempt."""
        return self._of_ca.keys()


def _certificate(decision: DecisionRecord) -> tuple[str, str, str]:
    return decision.instance_id, key_of(decision.device_sn), decision.subject


def _homes_by_certificate(
    decisions: Iterable[DecisionRecord],
) -> dict[tuple[str, str, str], set[Home]]:
    homes: dict[tuple[str, str, str], set[Home]] = defaultdict(set)
    for decision in decisions:
        if decision.ca_sn and decision.device_sn:
            homes[_certificate(decision)].add((decision.instance_id, key_of(decision.ca_sn)))
    return homes
