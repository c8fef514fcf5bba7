"""The operator of the demonstration: calls the cloud's API over the network, and asks the lab."""

import time
from dataclasses import dataclass
from typing import Any

from certgate_controlplane.client import ApiClient
from certgate_controlplane.toolkit.handles import Ca
from certgate_controlplane.toolkit.lab import Lab


@dataclass(frozen=True, slots=True)
class Answered:
    """A call that was answered.

    Attributes:
        at: when, milliseconds since the epoch.
        took: how long it took, milliseconds.
    """

    at: int
    took: float


class Cloud:
    """Works on one lab.

    Args:
        lab: the lab.
    """

    def __init__(self, lab: Lab) -> None:
        self._lab = lab
        self._api = ApiClient(lab.api_url)

    def register(self, ca: Ca) -> str:
        """Register a CA, as the cloud's guide says; give its serial number.

        Args:
            ca: made, and not registered.
        """
        code = self._call("GetRegisterCode")["RegisterCode"]
        proof = self._lab.inner.state.verification(ca.name, code)
        answer = self._call(
            "RegisterCaCertificate",
            CaName=ca.name,
            CaContent=ca.certificate_file.read_text(),
            VerificationContent=proof.read_text(),
        )
        return str(answer["Sn"])

    def switch(self, action: str, ca: Ca) -> Answered:
        """Call an operation on a CA.

        Args:
            action: its name.
            ca: the CA.
        """
        started = time.time_ns()
        self._call(action, Sn=ca.sn)
        answered = time.time_ns()
        return Answered(answered // 1_000_000, (answered - started) / 1e6)

    def active_cas(self) -> set[str]:
        """List the serial numbers of the active CAs."""
        listed = self._call("ListCaCertificate", PageNo="1", PageSize="100")["Data"]
        return {item["Sn"] for item in listed["CaCertificateVOS"] if item["Status"] == "1"}

    def count_devices(self, ca: Ca) -> int:
        """Count the device records of a CA.

        Args:
            ca: the CA.
        """
        page = {"CaSn": ca.sn, "PageNo": "1", "PageSize": "100"}
        return int(self._call("ListDeviceCertificateByCaSn", **page)["Data"]["Total"])

    def cas_of_devices(self) -> set[str]:
        """List the serial numbers of the CAs that devices are registered under."""
        data = self._call("ListDeviceCertificate", PageNo="1", PageSize="100")["Data"]
        return {item["CaSn"] for item in data["DeviceCertificateVOS"]}

    def decisions(self, since: int = 0) -> list[dict[str, Any]]:
        """Read decision records.

        Args:
            since: records up to and including this number are passed over.
        """
        return list(self._api.read(f"/_certgate/decisions?since={since}")["decisions"])

    def last_decision(self) -> int:
        """Give the number of the last decision record, 0 where there is none."""
        records = self.decisions()
        return int(records[-1]["number"]) if records else 0

    def _call(self, action: str, **parameters: str) -> dict[str, Any]:
        return self._api.call(action, MqttInstanceId=self._lab.instance_id, **parameters)
