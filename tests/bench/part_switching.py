"""How often a CA can be switched off and on in a second, through one kept-alive connection.

certgate answers after a commit that survives the machine; moto keeps its state in memory.
"""

import contextlib
import http.client
import json
import time
from collections import defaultdict
from collections.abc import Callable

from bench.api import Api
from bench.identities import HOST
from bench.peers import certgate, moto
from bench.scope import Scope
from certgate_certs.authority import CertificateAuthority

PART = "switching"
RATE = "switches answered in a second"
_SIGNED = (
    "AWS4-HMAC-SHA256 Credential=any/20260101/us-east-1/iot/aws4_request,"
    " SignedHeaders=host, Signature=any"
)
_PATIENCE = 30.0

Switch = Callable[[int], None]
"""Switches a CA off (even numbers) and on again (odd ones)."""


def measure(scope: Scope) -> None:
    """Switch a CA of each in turn."""
    with contextlib.ExitStack() as stack:
        ours = stack.enter_context(certgate(scope.folder))
        port = stack.enter_context(moto()).port
        switches = {
            "certgate": _certgate_switch(ours.api, scope.fleet.ca),
            "moto": _moto_switch(port, scope.fleet.ca),
        }
        rates = defaultdict(list)
        for switch in switches.values():
            _rate(switch, scope.calls // 4)
        for name, switch in scope.turns(switches):
            rates[name].append(_rate(switch, scope.calls))
    scope.book.add(PART, RATE, "/s", rates)


def _rate(switch: Switch, calls: int) -> float:
    began = time.perf_counter()
    for number in range(calls):
        switch(number)
    return calls / (time.perf_counter() - began)


def _certgate_switch(api: Api, ca: CertificateAuthority) -> Switch:
    sn, actions = api.register(ca, "bench"), ("InactivateCaCertificate", "ActiveCaCertificate")

    def switch(number: int) -> None:
        api.call(actions[number % 2], Sn=sn)

    return switch


def _moto_switch(port: int, ca: CertificateAuthority) -> Switch:
    connection = http.client.HTTPConnection(HOST, port, timeout=_PATIENCE)
    headers = {"Authorization": _SIGNED, "Content-Type": "application/json"}

    def call(method: str, target: str, body: str | None = None) -> bytes:
        connection.request(method, target, body, headers)
        answer = connection.getresponse()
        text = answer.read()
        if answer.status != http.HTTPStatus.OK:
            raise SystemExit(f"moto: {method} {target}: {answer.status} {text[:300]!r}")
        return text

    body = json.dumps({"caCertificate": ca.pem})
    number = json.loads(call("POST", "/cacertificate", body))["certificateId"]
    statuses = ("INACTIVE", "ACTIVE")

    def switch(turn: int) -> None:
        call("PUT", f"/cacertificate/{number}?newStatus={statuses[turn % 2]}")

    return switch
