"""Call certgate's API through one kept-alive connection, as an SDK's pool does."""

import http.client
import json
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote, urlencode, urlsplit

from bench.identities import INSTANCE
from certgate_certs.authority import CertificateAuthority

_LOOKING = ("Get", "List", "Query")
_PATIENCE = 60.0


class Api:
    """One connection to the API.

    Args:
        url: such as ``http://127.0.0.1:8080``.
    """

    def __init__(self, url: str) -> None:
        self._http = http.client.HTTPConnection(urlsplit(url).netloc, timeout=_PATIENCE)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None
    ) -> None:
        self._http.close()

    def call(self, action: str, **parameters: str | int) -> dict[str, Any]:
        """Call an operation; anything but success ends the benchmark."""
        status, body = self._call(action, parameters)
        if status != http.HTTPStatus.OK:
            raise SystemExit(f"{action}: {status} {body[:300]!r}")
        return dict(json.loads(body))

    def refusal(self, action: str, **parameters: str | int) -> str:
        """Call an operation that is to be refused; give the error's code."""
        _, body = self._call(action, parameters)
        return str(json.loads(body).get("Code"))

    def _call(self, action: str, parameters: Mapping[str, str | int]) -> tuple[int, bytes]:
        query = urlencode({"MqttInstanceId": INSTANCE, **parameters}, quote_via=quote)
        method = "GET" if action.startswith(_LOOKING) else "POST"
        headers = {"x-acs-action": action, "x-acs-version": "2020-04-20"}
        try:
            return self._ask(method, f"/?{query}", headers)
        except http.client.RemoteDisconnected:  # It was idle for too long.
            self._http.close()
            return self._ask(method, f"/?{query}", headers)

    def _ask(self, method: str, target: str, headers: dict[str, str]) -> tuple[int, bytes]:
        self._http.request(method, target, headers=headers)
        answer = self._http.getresponse()
        return answer.status, answer.read()

    def register(self, ca: CertificateAuthority, name: str) -> str:
        """Register a CA; give its serial number."""
        proof = ca.issue_verification(str(self.call("GetRegisterCode")["RegisterCode"])).pem
        answer = self.call(
            "RegisterCaCertificate", CaName=name, CaContent=ca.pem, VerificationContent=proof
        )
        return str(answer["Sn"])

    def totals(self) -> tuple[int, int]:
        """Give how many CAs and how many devices are listed."""
        cas = self.call("ListCaCertificate", PageNo=1, PageSize=1)
        devices = self.call("ListDeviceCertificate", PageNo=1, PageSize=1)
        return int(cas["Data"]["Total"]), int(devices["Data"]["Total"])
