"""What was answered is true in every process of a state directory.

That it is true after SIGKILL too is proved in `tests/proofs/test_crashes.py`.
"""

import contextlib
from collections.abc import Iterator
from pathlib import Path

from certgate_certs.authority import CertificateAuthority
from e2e.support import Lab, Process, knock, serving, start_serve


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
