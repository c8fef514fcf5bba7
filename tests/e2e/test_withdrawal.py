"""Open connections whose right is withdrawn, and TLS sessions that outlive it."""

import json
import socket
import ssl
import statistics
import time
import urllib.request
from pathlib import Path

import pytest

from certgate_certs.authority import CertificateAuthority
from e2e.support import Lab, knock, serving

CLOSE = ("--live-sessions", "close")


@pytest.mark.parametrize("processes", [1, 2], ids=["one process", "two processes"])
def test_sessions_are_closed_at_once(tmp_path: Path, processes: int) -> None:
    """With ``--live-sessions close``, in every process, each closing recorded with its cause."""
    with serving(tmp_path / "state", *CLOSE, processes=processes) as lab:
        took = []
        for number in range(5):
            ca = CertificateAuthority.create_root(f"maker {number}")
            sn = lab.register(ca, f"maker {number}")
            device = lab.device(ca.issue_device("lamp"), f"lamp-{number}")
            client = lab.paho(device, f"lamp-{number}")
            assert client.accepted
            lab.inactivate(sn)
            answered = time.monotonic()
            assert client.dropped.wait(10)
            took.append((time.monotonic() - answered) * 1000)
            client.leave()
        print(f"{processes} process(es): closed {statistics.median(took):.0f} ms after the answer,")
        print(f"slowest of five {max(took):.0f} ms")
        assert max(took) < 5000  # The promise is 250 ms; machines that run this are shared.
        assert [item["cause"] for item in closings(lab)] == ["ca_inactive"] * 5


def closings(lab: Lab) -> list[dict[str, object]]:
    """Read the records of closings."""
    with urllib.request.urlopen(f"{lab.ready['api_url']}/_certgate/closings") as answer:
        return list(json.load(answer)["closings"])


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_a_ticket_does_not_outlive_the_server(tmp_path: Path, version: ssl.TLSVersion) -> None:
    """Across a restart a session does not resume; the device simply shakes hands again."""
    state = tmp_path / "state"
    with serving(state, processes=1) as lab:
        ca = CertificateAuthority.create_root("maker")
        lab.register(ca, "maker")
        device = lab.device(ca.issue_device("lamp"), "lamp")
        context = lab.tls(device)
        context.minimum_version = context.maximum_version = version
        first = session_of(context, lab.port, None)
        assert session_of(context, lab.port, first[0])[1], "it resumes while the server lives"
    with serving(state, processes=1) as lab:
        _, resumed = session_of(context, lab.port, first[0])
        assert not resumed
        assert knock(context, lab.port, "lamp") == 0


def session_of(
    context: ssl.SSLContext, port: int, session: ssl.SSLSession | None
) -> tuple[ssl.SSLSession | None, bool]:
    """Connect, say CONNECT and read the answer; give the TLS session and whether it was resumed."""
    packet = bytes.fromhex("101000044d5154540402003c00046c616d70")
    with (
        socket.create_connection(("127.0.0.1", port), 10) as tcp,
        context.wrap_socket(tcp, server_hostname="localhost", session=session) as stream,
    ):
        stream.sendall(packet)
        assert stream.recv(4) == b"\x20\x02\x00\x00"
        return stream.session, bool(stream.session_reused)
