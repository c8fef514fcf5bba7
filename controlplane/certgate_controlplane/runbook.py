"""What a person does to a running lab by hand, in terms of the cloud's own operations.

Certificates are named by serial number, in any notation, or by name where it is unique.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from certgate_certs.serial_number import SerialNumberError, look_up_key
from certgate_controlplane.client import ApiClient

_PAGE = 100

Record = dict[str, Any]
"""A certificate as the API writes it."""


class RunbookError(Exception):
    """What was asked for cannot be found or told apart; the text says so."""


@dataclass(frozen=True, slots=True)
class Runbook:
    """Works on one instance.

    Attributes:
        api: calls the API.
        instance_id: the instance.
    """

    api: ApiClient
    instance_id: str

    def cas(self) -> list[Record]:
        """List the CA certificates."""
        return list(self._pages("ListCaCertificate", "CaCertificateVOS"))

    def devices(self, ca: str | None = None) -> list[Record]:
        """List device certificates.

        Args:
            ca: serial number or name of their CA; None for those of every CA.
        """
        if ca is None:
            return list(self._pages("ListDeviceCertificate", "DeviceCertificateVOS"))
        found = {"CaSn": self.ca(ca)["Sn"]}
        return list(self._pages("ListDeviceCertificateByCaSn", "DeviceCertificateVOS", **found))

    def ca(self, wanted: str) -> Record:
        """Find a CA certificate.

        Args:
            wanted: its serial number or name.

        Raises:
            RunbookError: there is none, or more than one of the name.
        """
        return _one(self.cas(), wanted, "Sn", "CaName", "CA certificate")

    def device(self, wanted: str, ca: str | None = None) -> Record:
        """Find a device certificate.

        Args:
            wanted: its serial number or name.
            ca: serial number or name of its CA, where that is needed to tell devices apart.

        Raises:
            RunbookError: there is none, or more than one.
        """
        return _one(self.devices(ca), wanted, "DeviceSn", "DeviceName", "device certificate")

    def switch_ca(self, operation: str, wanted: str) -> Record:
        """Activate, inactivate or delete a CA certificate.

        Args:
            operation: ``Active``, ``Inactivate`` or ``Delete``.
            wanted: its serial number or name.
        """
        found = self.ca(wanted)
        self._ask(f"{operation}CaCertificate", "Sn", Sn=found["Sn"])
        return found

    def switch_device(self, operation: str, wanted: str, ca: str | None) -> Record:
        """Activate, inactivate or delete a device certificate.

        Args:
            operation: ``Active``, ``Inactivate`` or ``Delete``.
            wanted: its serial number or name.
            ca: serial number or name of its CA, where that is needed to tell devices apart.
        """
        found = self.device(wanted, ca)
        action = f"{operation}DeviceCertificate"
        self._ask(action, "DeviceSn", CaSn=found["CaSn"], DeviceSn=found["DeviceSn"])
        return found

    def registration_code(self) -> str:
        """Get a registration code."""
        return str(self._ask("GetRegisterCode", "RegisterCode"))

    def register(self, name: str, certificate: str, verification: str) -> str:
        """Register a CA certificate.

        Args:
            name: the name it shall have.
            certificate: PEM.
            verification: PEM of the certificate that proves possession.

        Returns:
            Its serial number.
        """
        sn = self._ask(
            "RegisterCaCertificate",
            "Sn",
            CaName=name,
            CaContent=certificate,
            VerificationContent=verification,
        )
        return str(sn)

    def _pages(self, action: str, key: str, **parameters: str) -> Iterator[Record]:
        number = 0
        while True:
            number += 1
            page = {"PageNo": str(number), "PageSize": str(_PAGE)}
            records: list[Record] = self._ask(action, "Data", key, **parameters, **page)
            yield from records
            if len(records) < _PAGE:
                return

    def _ask(self, action: str, *path: str, **parameters: str) -> Any:  # noqa: ANN401  JSON
        try:
            found: Any = self.api.call(action, MqttInstanceId=self.instance_id, **parameters)
            for member in path:
                found = found[member]
        except UnicodeEncodeError:
            raise RunbookError("what was given is not UTF-8") from None
        except (KeyError, TypeError):
            raise RunbookError(f"what answers at {self.api.url} is no certgate") from None
        return found


def _one(records: list[Record], wanted: str, sn: str, name: str, kind: str) -> Record:
    key = _key(wanted)
    by_sn = [record for record in records if key is not None and _key(record[sn]) == key]
    found = by_sn or [record for record in records if record[name] == wanted]
    if not found:
        raise RunbookError(f"there is no {kind} {wanted!r}, neither by serial number nor by name")
    if len(found) > 1:
        numbers = ", ".join(_full_number(record, sn) for record in found)
        raise RunbookError(f"there are {len(found)} of {wanted!r}; name one: {numbers}")
    return found[0]


def _full_number(record: Record, sn: str) -> str:
    # Two CAs may have given two devices the same serial number.
    return f"{record[sn]} of CA {record['CaSn']}" if "CaSn" in record else str(record[sn])


def _key(text: str) -> str | None:
    try:
        return look_up_key(text)
    except SerialNumberError:
        return None
