"""How often a CA can be switched off and on: certgate beside moto's server, in one run.

``python tests/bench/switch_rate.py`` starts both, calls them in turn through one kept-alive HTTP
connection each, several rounds, and prints medians and their ratio. certgate answers after a
durable commit; moto keeps its state in memory. moto is started from the interpreter given with
``--moto-python`` (one that has ``moto[server,iot]``), or from this one. With ``--only-ours``
certgate is measured alone, and moto is not needed.
"""

import argparse
import http.client
import json
import platform
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote, urlencode

from certgate_certs.authority import CertificateAuthority

INSTANCE = "post-cn-local"
ROUNDS = 7
CALLS = 400
PATIENCE = 30.0


@contextmanager
def started(command: list[str]) -> Iterator[None]:
    """Run a server for the length of the block and end it by its id."""
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield
    finally:
        process.terminate()
        process.wait(PATIENCE)


class Connection:
    """One kept-alive HTTP connection."""

    def __init__(self, port: int) -> None:
        self._http = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)

    def call(
        self, method: str, target: str, headers: dict[str, str], body: str | None = None
    ) -> dict[str, object]:
        """Send a request; anything but success ends the benchmark."""
        self._http.request(method, target, body, headers)
        answer = self._http.getresponse()
        text = answer.read()
        if answer.status >= 300:
            raise SystemExit(f"{method} {target}: {answer.status} {text[:300]!r}")
        return dict(json.loads(text)) if text.strip() else {}


def certgate_switch(connection: Connection) -> Callable[[int], None]:
    """Register a CA with certgate; give the call that switches it."""

    def call(action: str, method: str = "POST", **parameters: str) -> dict[str, object]:
        query = urlencode({"MqttInstanceId": INSTANCE, **parameters}, quote_via=quote)
        headers = {"x-acs-action": action, "x-acs-version": "2020-04-20"}
        return connection.call(method, f"/?{query}", headers)

    ca = CertificateAuthority.create_root("bench")
    code = str(call("GetRegisterCode", "GET")["RegisterCode"])
    proof = ca.issue_verification(code).pem
    sn = call("RegisterCaCertificate", CaName="bench", CaContent=ca.pem, VerificationContent=proof)[
        "Sn"
    ]
    actions = ("InactivateCaCertificate", "ActiveCaCertificate")
    return lambda number: void(call(actions[number % 2], Sn=str(sn)))


def moto_switch(connection: Connection) -> Callable[[int], None]:
    """Register a CA with moto's AWS IoT; give the call that switches it."""
    scope = "Credential=any/20260101/us-east-1/iot/aws4_request"
    authorization = f"AWS4-HMAC-SHA256 {scope}, SignedHeaders=host, Signature=any"
    headers = {"Authorization": authorization, "Content-Type": "application/json"}
    body = {"caCertificate": CertificateAuthority.create_root("bench").pem}
    answer = connection.call("POST", "/cacertificate", headers, json.dumps(body))
    target = f"/cacertificate/{answer['certificateId']}?newStatus="
    statuses = ("INACTIVE", "ACTIVE")
    return lambda number: void(connection.call("PUT", target + statuses[number % 2], headers))


def void(_: object) -> None:
    """Drop an answer."""


def rate(switch: Callable[[int], None], calls: int) -> float:
    """Give the number of calls answered in a second."""
    began = time.perf_counter()
    for number in range(calls):
        switch(number)
    return calls / (time.perf_counter() - began)


def free_port() -> int:
    """Find a port that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def wait_for(port: int) -> None:
    """Wait until somebody listens."""
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.02)
        else:
            return


def main() -> None:
    """Run the benchmark and print its figures."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--moto-python", default=sys.executable)
    options.add_argument("--quick", action="store_true", help="few calls, to see that it runs")
    options.add_argument("--only-ours", action="store_true", help="leave moto out")
    chosen = options.parse_args()
    rounds, calls = (2, 20) if chosen.quick else (ROUNDS, CALLS)
    print(f"Python {platform.python_version()}, {platform.machine()}, {rounds} rounds of {calls}")
    with certgate_running() as ours:
        if chosen.only_ours:
            rate(ours, calls // 4)
            show("certgate", [rate(ours, calls) for _ in range(rounds)])
            return
        with moto_running(chosen.moto_python) as theirs:
            compare(ours, theirs, rounds, calls)


@contextmanager
def certgate_running() -> Iterator[Callable[[int], None]]:
    """Start certgate's API; give the call that switches a CA of it."""
    port = free_port()
    with tempfile.TemporaryDirectory() as folder:
        serve = ["-m", "certgate_controlplane", "serve", "--only", "api", "--throttle", "0"]
        place = ["--state-dir", str(Path(folder) / "state"), "--api-port", str(port)]
        with started([sys.executable, *serve, *place]):
            wait_for(port)
            yield certgate_switch(Connection(port))


@contextmanager
def moto_running(python: str) -> Iterator[Callable[[int], None]]:
    """Start moto's server; give the call that switches a CA of it."""
    port = free_port()
    with started([python, "-m", "moto.server", "-p", str(port)]):
        wait_for(port)
        yield moto_switch(Connection(port))


def compare(
    ours: Callable[[int], None], theirs: Callable[[int], None], rounds: int, calls: int
) -> None:
    """Measure in turn and print medians and the ratio."""
    rate(ours, calls // 4)
    rate(theirs, calls // 4)
    pairs = [(rate(ours, calls), rate(theirs, calls)) for _ in range(rounds)]
    show("certgate", [a for a, _ in pairs])
    show("moto", [b for _, b in pairs])
    ratio = statistics.median(a / b for a, b in pairs)
    print(f"ratio    {ratio:8.2f} (median of the rounds)")


def show(name: str, rates: list[float]) -> None:
    """Print a median."""
    print(f"{name:8} {statistics.median(rates):8.0f} calls answered per second")


if __name__ == "__main__":
    main()
