"""What was answered is true: in every process of a state directory, and after SIGKILL."""

import contextlib
import os
import signal
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from alibabacloud_onsmqtt20200420 import models

from certgate_certs.authority import CertificateAuthority
from e2e.support import INSTANCE, PATIENCE, Lab, Process, knock, serving, start_serve, wait_until

KILLS = 5
CALLERS = 3
ANSWERS = 40


@contextlib.contextmanager
def started(state: Path) -> Iterator[Process]:
    """Run a serve of both sides and stop it."""
    process = start_serve(state)
    try:
        yield process
    finally:
        assert process.stop() == 0


def test_two_processes_share_one_truth(tmp_path: Path) -> None:
    """What one process is told the other one knows, whichever of the two is told."""
    ca = CertificateAuthority.create_root("maker")
    state = tmp_path / "state"
    with started(state) as first, started(state) as second:
        for teller, other in ((first, second), (second, first)):
            telling, listening = Lab(tmp_path, [teller]), Lab(tmp_path, [other])
            sn = telling.register(ca, "maker")
            context = listening.tls(listening.device(ca.issue_device("lamp"), "lamp"))
            assert knock(context, listening.port, "lamp") == 0
            assert listening.decisions()[-1]["accepted"] is True
            telling.inactivate(sn)
            assert knock(context, listening.port, "lamp") == 5
            assert "ca_inactive" in listening.decisions()[-1]["reasons"]
            assert listening.decisions()[-1]["ca_sn"] == sn
            telling.delete(sn)
            assert knock(context, listening.port, "lamp") == 5
            assert "ca_not_registered" in listening.decisions()[-1]["reasons"]


def test_broker_and_api_in_two_processes(tmp_path: Path) -> None:
    """The broker admits what the API registered; the API tells what the broker decided."""
    ca = CertificateAuthority.create_root("maker")
    with serving(tmp_path / "state", processes=2) as lab:
        lab.register(ca, "maker")
        context = lab.tls(lab.device(ca.issue_device("lamp"), "lamp"))
        assert knock(context, lab.port, "lamp") == 0
        assert [record["client_id"] for record in lab.decisions()] == ["lamp"]


@dataclass
class Caller:
    """Takes a CA through its life again and again, and writes down what was answered.

    Attributes:
        ca: the CA.
        answered: its status after the last answer; None while it is not registered.
        possible: what the call that is on its way makes of it.
        answers: how many calls were answered.
        end: why it stopped.
    """

    ca: CertificateAuthority
    answered: str | None = None
    possible: str | None = None
    answers: int = 0
    end: Exception | None = None

    @property
    def sn(self) -> str:
        """The CA's serial number."""
        return self.ca.issued.view.sn

    def play(self, lab: Lab) -> None:
        """Call until nobody answers any more."""
        self.end = None
        try:
            if self.answered is not None:
                self._call(None, lambda: lab.delete(self.sn))
            while True:
                self._call("1", lambda: lab.register(self.ca, "maker"))
                self._call("0", lambda: lab.inactivate(self.sn))
                self._call(None, lambda: lab.delete(self.sn))
        except Exception as error:  # noqa: BLE001  each client library has its own words for it
            self.end = error

    def _call(self, outcome: str | None, operation: Callable[[], object]) -> None:
        self.possible = outcome
        operation()
        self.answered = outcome
        self.answers += 1

    def check(self, listed: dict[str, str]) -> None:
        """Assert that the answered state stands, or that of the call that had no answer yet."""
        found = listed.get(self.sn)
        assert found in {self.answered, self.possible}
        self.answered = found


def statuses(lab: Lab) -> dict[str, str]:
    """List the registered CAs with their status."""
    request = models.ListCaCertificateRequest(
        mqtt_instance_id=INSTANCE, page_no="1", page_size="100"
    )
    listed = lab.sdk.list_ca_certificate(request).body.data.ca_certificate_vos
    return {item.sn: item.status for item in listed}


@pytest.mark.proof
def test_what_was_answered_survives_sigkill(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Killed in the middle of many calls, five times over, it loses nothing it had answered."""
    callers = [Caller(CertificateAuthority.create_root(f"maker {n}")) for n in range(CALLERS)]
    unanswered = 0
    for _ in range(KILLS):
        lab = Lab(tmp_path, [start_serve(tmp_path / "state", "--only", "api")])
        listed = statuses(lab)
        for caller in callers:
            caller.check(listed)
        unanswered += kill_in_the_middle(lab, callers)
    with started(tmp_path / "state") as process:
        listed = statuses(Lab(tmp_path, [process]))
        for caller in callers:
            caller.check(listed)
    answers = sum(caller.answers for caller in callers)
    with capsys.disabled():
        print(f"\n{KILLS} kills, {answers} answers kept, {unanswered} calls cut off")
    assert answers >= KILLS * ANSWERS
    assert unanswered == KILLS * CALLERS


def kill_in_the_middle(lab: Lab, callers: list[Caller]) -> int:
    """Kill the process once enough was answered; give how many calls had no answer yet."""
    before = sum(caller.answers for caller in callers)
    threads = [threading.Thread(target=caller.play, args=(lab,)) for caller in callers]
    for thread in threads:
        thread.start()
    wait_until(lambda: sum(caller.answers for caller in callers) >= before + ANSWERS, "answers", 60)
    assert all(thread.is_alive() for thread in threads), [caller.end for caller in callers]
    running = lab.processes[0].running
    os.kill(running.pid, signal.SIGKILL)
    assert running.wait(PATIENCE) == -signal.SIGKILL
    for thread in threads:
        thread.join(60)
    return sum(caller.end is not None for caller in callers)
