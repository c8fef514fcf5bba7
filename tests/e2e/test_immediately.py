"""Immediately: what begins after the answer of the two kill switches is refused."""

import sqlite3
import ssl
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from certgate_certs.authority import CertificateAuthority
from e2e.support import Lab, knock, serving, wait_until

ATTEMPTS = 2_000
CLIENTS = 4


@dataclass
class Storm:
    """Several clients that connect again and again, each time writing down when they began."""

    lab: Lab
    contexts: list[tuple[str, ssl.SSLContext]]
    attempts: list[tuple[int, int | None]] = field(default_factory=list)

    def run(self, switch: Callable[[], None]) -> int:
        """Call the switch in the middle; give the time of its answer, monotonic ns."""
        threads = [threading.Thread(target=self._client, args=(n,)) for n in range(CLIENTS)]
        for thread in threads:
            thread.start()
        wait_until(lambda: len(self.attempts) > ATTEMPTS // 3, "the first third", 60)
        switch()
        answered = time.monotonic_ns()
        for thread in threads:
            thread.join(120)
        return answered

    def _client(self, number: int) -> None:
        mine = self.contexts[number::CLIENTS]
        for turn in range(ATTEMPTS // CLIENTS):
            name, context = mine[turn % len(mine)]
            began = time.monotonic_ns()
            self.attempts.append((began, knock(context, self.lab.port, name)))


def prepared(lab: Lab, ca: CertificateAuthority, count: int) -> list[tuple[str, ssl.SSLContext]]:
    """Make devices with their client contexts."""
    names = [f"device-{number}" for number in range(count)]
    devices = [lab.device(ca.issue_device(name), name) for name in names]
    return [(device.name, lab.tls(device)) for device in devices]


@pytest.mark.proof
@pytest.mark.parametrize("processes", [1, 2], ids=["one process", "two processes"])
@pytest.mark.parametrize("operation", ["inactivate", "delete"])
def test_nobody_is_admitted_after_the_answer(
    tmp_path: Path, operation: str, processes: int
) -> None:
    """Of 2,000 attempts around the call, none that began after its answer is admitted."""
    state = tmp_path / "state"
    with serving(state, processes=processes) as lab:
        ca = CertificateAuthority.create_root("maker")
        sn = lab.register(ca, "maker")
        # For the deletion every attempt is another device's first, so some register themselves
        # at the very moment; for the inactivation most devices are known.
        count = ATTEMPTS if operation == "delete" else ATTEMPTS // 10
        storm = Storm(lab, prepared(lab, ca, count))
        switch = lab.inactivate if operation == "inactivate" else lab.delete
        answered = storm.run(lambda: switch(sn))
        before = [code for began, code in storm.attempts if began <= answered]
        after = [code for began, code in storm.attempts if began > answered]
        print(f"{operation}: {before.count(0)} admitted before, {after.count(0)} after the answer,")
        print(f"{len(after)} attempts after it, {len(storm.attempts)} in all")
        assert len(storm.attempts) == ATTEMPTS
        assert before.count(0) > ATTEMPTS // 4
        assert len(after) > ATTEMPTS // 4
        assert set(after) == {5}
        if operation == "delete":
            wait_until(lambda: device_rows(state) == 0, "the rows are removed")


def device_rows(state: Path) -> int:
    """Count the device rows there are, past certgate."""
    with sqlite3.connect(state / "registry.db") as connection:
        found = connection.execute("SELECT count(*) FROM device_certificate").fetchone()
    connection.close()
    return int(found[0])
