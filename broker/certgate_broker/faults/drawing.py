"""Which of the faults that are set strikes."""

import json
import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from certgate_broker.faults.values import Drawn, Fault
from certgate_certs.registry import RegistryUnavailable
from certgate_certs.registry.faults import FaultRow, FaultRows
from certgate_certs.serial_number import SerialNumberError, look_up_key
from certgate_certs.view import CertificateError, CertificateView

_LOGGER = logging.getLogger(__name__)
_Kind = TypeVar("_Kind", bound=Fault)
_Drawn = TypeVar("_Drawn", bound=Drawn)


@dataclass(frozen=True, slots=True)
class SetFault:
    """A fault that is set.

    Attributes:
        number: the number of its row, where it is counted.
        fault: what it does.
    """

    number: int
    fault: Fault


def read_rows(rows: Iterable[FaultRow], known: Mapping[str, type[Fault]]) -> list[SetFault]:
    """Make values of rows; those of faults that are not known here are passed over.

    Args:
        rows: the rows.
        known: the faults by name.
    """
    return [
        SetFault(row.id, known[row.name].make(json.loads(row.fields)))
        for row in rows
        if row.name in known
    ]


class FaultSet:
    """The faults that are set.

    Args:
        rows: where they are counted.
        items: the faults, in the order in which they were set.
    """

    def __init__(self, rows: FaultRows, items: Iterable[SetFault]) -> None:
        self._rows = rows
        self.items = tuple(items)

    def of(self, kind: type[_Kind]) -> list[tuple[int, _Kind]]:
        """Give those of a kind with their numbers.

        Args:
            kind: the kind.
        """
        return [(item.number, item.fault) for item in self.items if isinstance(item.fault, kind)]

    async def draw(
        self, kind: type[_Drawn], concerns: Callable[[_Drawn], bool] = lambda _: True
    ) -> _Drawn | None:
        """Let the faults of a kind strike, or not, and count.

        Args:
            kind: the kind.
            concerns: tells whether a fault can strike here at all.

        Returns:
            The first that strikes, if any; one that cannot be counted does not.
        """
        for number, fault in self.of(kind):
            if concerns(fault) and await self._strikes(number, fault):
                return fault
        return None

    async def count(self, number: int) -> None:
        """Count a strike of a fault that is not drawn.

        Args:
            number: the fault's.
        """
        await self._rows.draw(number, lambda _seen, _struck: True)

    async def _strikes(self, number: int, fault: Drawn) -> bool:
        try:
            return await self._rows.draw(number, fault.strikes)
        except RegistryUnavailable as error:
            _LOGGER.warning("%s does not strike: %s", fault.name, error)
            return False


@dataclass(frozen=True, slots=True)
class Names:
    """What a device can be called by.

    Attributes:
        certificate: common name and serial number of its certificate.
        client_id: its client identifier, or "" while it is not known.
    """

    certificate: frozenset[str]
    client_id: str = ""

    @classmethod
    def of(cls, leaf_der: bytes, client_id: str = "") -> "Names":
        """Find out what a device can be called by.

        Args:
            leaf_der: its certificate; one that cannot be read has no names.
            client_id: its client identifier, or "" while it is not known.
        """
        try:
            view = CertificateView.from_der(leaf_der)
        except CertificateError:
            return cls(frozenset(), client_id)
        named = {view.common_name} - {""}
        return cls(frozenset(named | {_serial(view.sn)}), client_id)

    def in_certificate(self, devices: Iterable[str]) -> bool:
        """Tell whether the certificate has one of some names.

        Args:
            devices: the names.
        """
        return any(not self.certificate.isdisjoint({name, _serial(name)}) for name in devices)

    def anywhere(self, devices: Iterable[str]) -> bool:
        """Tell whether this is one of some devices; without any, it is.

        Args:
            devices: their names.
        """
        chosen = tuple(devices)
        return not chosen or self.in_certificate(chosen) or self.client_id in chosen


def _serial(name: str) -> str:
    """Bring a name that can be a serial number into one form; it is no common name then."""
    try:
        return f"serial number {look_up_key(name)}"
    except SerialNumberError:
        return name
