"""Several clients of one running lab, each in a thread of its own."""

import ssl
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from typing import Any

from e2e.support import Lab
from proofs.callers import Caller, Cloud, Family, OfficialSdk, PlainHttp
from proofs.history import ADMITTED, Event, Kind
from proofs.lamps import Lamp
from proofs.linearizable_figures import Figures

Errand = Callable[[], Event]
"""What a client is sent to do."""

INSTANCES = ("post-cn-a", "post-cn-b")
LAMPS = ((0, 0), (0, 0), (0, 1), (1, 0))
"""The CA and the certificate of each device client; the first two share one."""


class Stage:
    """The clients of one running lab.

    Args:
        lab: the lab.
        figures: where histories are counted.
    """

    def __init__(self, lab: Lab, figures: Figures) -> None:
        self.figures = figures
        self._http = PlainHttp(lab.ready["api_url"])
        families = [Family.create(f"maker {number}", 2) for number in range(2)]
        clouds: tuple[Cloud, ...] = (OfficialSdk(lab.sdk), self._http)
        self.callers = [Caller(f"caller {n}", cloud, families) for n, cloud in enumerate(clouds)]
        self.lamps = [_lamp(lab, families, number) for number in range(len(LAMPS))]
        names = [each.name for each in self.clients]
        self._threads = {name: ThreadPoolExecutor(1, name) for name in names}
        self._read = 0

    @property
    def clients(self) -> tuple[Caller | Lamp, ...]:
        """Everybody."""
        return (*self.callers, *self.lamps)

    def send(self, client: Caller | Lamp, errand: Errand) -> Future[Event]:
        """Have a client do something in a thread of its own."""
        return self._threads[client.name].submit(errand)

    def settle(self, events: Sequence[Event]) -> list[Event]:
        """Put the reasons of the decision records into the answers of connections."""
        page = self._http.send("GET", f"/_certgate/decisions?since={self._read}")["decisions"]
        self._read = max([self._read, *(record["number"] for record in page)])
        records = {record["remote_address"]: record for record in page}
        return [settled(event, records.get(event.address)) for event in events]

    def close(self) -> None:
        """End the threads and hang up."""
        for threads in self._threads.values():
            threads.shutdown()
        for lamp in self.lamps:
            lamp.disconnect(INSTANCES[0])
        self._http.close()


def _lamp(lab: Lab, families: Sequence[Family], number: int) -> Lamp:
    """Make a device client; every second one speaks no newer TLS than 1.2."""
    ca, device = LAMPS[number]
    context = lab.tls(lab.device(families[ca].devices[device], f"lamp-{number}"))
    versions = (ssl.TLSVersion.TLSv1_3, ssl.TLSVersion.TLSv1_2)
    context.maximum_version = versions[number % 2]
    return Lamp(f"lamp {number}", (ca, device), context, lab.port)


def settled(event: Event, record: Mapping[str, Any] | None) -> Event:
    """Put the reasons of a connection's decision record in the place of its return code.

    Args:
        event: any call; only connections are changed.
        record: the decision record; where it is missing, or says otherwise than the client saw,
            the answer becomes one that nothing explains.
    """
    if event.call.kind is not Kind.CONNECT:
        return event
    if record is None:
        return replace(event, answer=f"{event.answer}, but there is no decision record")
    answer = ADMITTED if record["accepted"] else "+".join(record["reasons"])
    code = "00" if record["accepted"] else "05"
    expected = (event.client, event.call.instance, event.resumed, f"CONNACK 20 02 00 {code}")
    told = (record["client_id"], record["instance_id"], record["resumed"], event.answer)
    if told != expected:
        answer = f"{event.answer}, but recorded is {answer} {told[:3]}"
    return replace(event, answer=answer)
