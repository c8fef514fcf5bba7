"""Callers of a lab's API, none of them certgate's own: the official SDK and plain HTTP."""

import http.client
import json
import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol
from urllib.parse import quote, urlencode

from alibabacloud_onsmqtt20200420 import models
from alibabacloud_onsmqtt20200420.client import Client as SdkClient
from Tea.exceptions import TeaException

from certgate_certs.authority import CertificateAuthority
from certgate_certs.issued import IssuedCertificate
from e2e.support import PATIENCE
from proofs.history import DONE, Call, Event, Kind

_VERBS = {
    Kind.REGISTER: "Register",
    Kind.ACTIVATE: "Active",
    Kind.INACTIVATE: "Inactivate",
    Kind.DELETE: "Delete",
    Kind.SHOW: "Get",
}
_STATUSES = {"0": "inactive", "1": "active"}


@dataclass(frozen=True)
class Family:
    """A CA and the devices below it.

    Attributes:
        ca: the CA.
        devices: their certificates.
    """

    ca: CertificateAuthority
    devices: tuple[IssuedCertificate, ...]

    @classmethod
    def create(cls, name: str, devices: int) -> "Family":
        """Make a CA and certificates of devices below it."""
        ca = CertificateAuthority.create_root(name)
        return cls(ca, tuple(ca.issue_device(f"{name} lamp {n}") for n in range(devices)))


Answered = tuple[str, Mapping[str, Any]]
"""An error code, "" for success, and the answer's members."""


class Cloud(Protocol):
    """A way to call the API."""

    def ask(self, action: str, parameters: Mapping[str, str]) -> Answered:
        """Call an operation."""
        ...


class OfficialSdk:
    """The cloud's official client.

    Args:
        client: pointed at a lab.
    """

    def __init__(self, client: SdkClient) -> None:
        self._client = client

    def ask(self, action: str, parameters: Mapping[str, str]) -> Answered:
        """Call an operation."""
        method = getattr(self._client, re.sub(r"(?<!^)(?=[A-Z])", "_", action).lower())
        request = getattr(models, f"{action}Request")().from_map(dict(parameters))
        try:
            return "", method(request).body.to_map()
        except TeaException as refusal:
            return str(refusal.code), {}


class PlainHttp:
    """One kept-alive HTTP connection.

    Args:
        url: of the API.
    """

    def __init__(self, url: str) -> None:
        self._http = http.client.HTTPConnection(url.removeprefix("http://"), timeout=PATIENCE)

    def ask(self, action: str, parameters: Mapping[str, str]) -> Answered:
        """Call an operation."""
        query = urlencode(parameters, quote_via=quote)
        headers = {"x-acs-action": action, "x-acs-version": "2020-04-20"}
        answer = self.send("GET" if action.startswith("Get") else "POST", f"/?{query}", headers)
        return str(answer.get("Code", "")), answer

    def send(
        self, method: str, target: str, headers: Mapping[str, str] | None = None
    ) -> dict[str, Any]:
        """Send a request and give the members of the answer."""
        self._http.request(method, target, headers=headers or {})
        return dict(json.loads(self._http.getresponse().read()))

    def close(self) -> None:
        """Hang up."""
        self._http.close()


class Caller:
    """Calls the API, one call after the other.

    Args:
        name: who it is in a history.
        cloud: the way it calls.
        families: the CAs there are.
    """

    def __init__(self, name: str, cloud: Cloud, families: Sequence[Family]) -> None:
        self.name = name
        self._cloud = cloud
        self._families = families

    def make(self, call: Call) -> Event:
        """Make a call; what a registration needs beforehand is no part of it.

        Args:
            call: what to ask for.

        Returns:
            What it came to; trouble is an answer that no model has.
        """
        start = time.monotonic_ns()
        try:
            noun = "Ca" if call.device is None else "Device"
            parameters = {"MqttInstanceId": call.instance, **self._parameters(call)}
            start = time.monotonic_ns()
            asked = self._cloud.ask(f"{_VERBS[call.kind]}{noun}Certificate", parameters)
            answer = _words(call, *asked)
        except (OSError, http.client.HTTPException, ValueError, KeyError) as trouble:
            answer = f"no answer, {trouble!r}"
        return Event(self.name, call, start, time.monotonic_ns(), answer)

    def _parameters(self, call: Call) -> dict[str, str]:
        family = self._families[call.ca]
        ca_sn = family.ca.issued.view.sn
        if call.device is not None:
            return {"CaSn": ca_sn, "DeviceSn": family.devices[call.device].view.sn}
        if call.kind is not Kind.REGISTER:
            return {"Sn": ca_sn}
        _, handed = self._cloud.ask("GetRegisterCode", {"MqttInstanceId": call.instance})
        proof = family.ca.issue_verification(handed["RegisterCode"])
        return {"CaName": "CA", "CaContent": family.ca.pem, "VerificationContent": proof.pem}


def _words(call: Call, code: str, members: Mapping[str, Any]) -> str:
    if code:
        return code
    return _STATUSES[members["Data"]["Status"]] if call.kind is Kind.SHOW else DONE
