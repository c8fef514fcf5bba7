"""The short version of the fuzz proof; what it found; and that it can find something."""

import random
import re
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509

from broker.test_connect import WRONG
from certgate_broker.connect import Connect, ConnectRefused, Will, read_connect
from certgate_broker.reasons import Reason
from certgate_certs.chain import FOREVER, ChainFindings, follow_chain
from certgate_certs.chain import Path as ChainPath
from certgate_certs.view import CertificateView
from proofs import fuzz_figures, fuzz_memory
from proofs.der_elements import at, exchanged
from proofs.fuzz_certificates import CertificateCheck
from proofs.fuzz_connect import ConnectCheck
from proofs.fuzz_figures import Figures
from proofs.fuzz_memory import Trying, play
from proofs.mqtt_reading import read
from proofs.mutations import Connects
from proofs.spoilt_certificates import Certificates, Pool

PROOF = Path(__file__).parent / "fuzz.py"
TLS_FEATURE = x509.ObjectIdentifier("1.3.6.1.5.5.7.1.24")
ODD_FEATURE = b"\x30\x03\x02\x01\x25"


@cache
def pool() -> Pool:
    """Make the certificates to be spoilt, once."""
    return Pool()


@pytest.mark.proof
def test_inputs_and_connections() -> None:
    """Neither is a fault among so many; the command by itself tries a million and 20,000."""
    ended = subprocess.run(
        [sys.executable, str(PROOF), "--inputs", "20000", "--connections", "300"],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert (ended.returncode, ended.stderr) == (0, ""), ended.stdout + ended.stderr
    assert re.search(r"^20000 inputs, 0 faults,", ended.stdout, re.MULTILINE)
    assert re.search(r"^300 connections, 0 faults,", ended.stdout, re.MULTILINE)


class Panic(BaseException):
    """What a library written in Rust may raise."""


def panicking(data: bytes, limit: int) -> Connect | None:
    """Crash now and then."""
    if b"\xff" in data:
        raise Panic
    return read_connect(data, limit)


def lax(data: bytes, limit: int) -> Connect | None:
    """Do not look at the reserved flag."""
    at_flags = 9
    if len(data) > at_flags and data[1] < 0x80:
        data = data[:at_flags] + bytes([data[at_flags] & 0xFE]) + data[at_flags + 1 :]
    return read_connect(data, limit)


def hasty(data: bytes, limit: int) -> Connect | None:
    """Refuse what only is not complete."""
    found = read_connect(data, limit)
    if found is None and len(data) > 8:
        raise ConnectRefused(Reason.CONNECT_MALFORMED, "not complete")
    return found


def changed(**changes: Any) -> Callable[[bytes, int], Connect | None]:
    """Read other fields than were sent."""

    def reader(data: bytes, limit: int) -> Connect | None:
        found = read_connect(data, limit)
        return None if found is None else replace(found, **changes)

    return reader


def slow(data: bytes, limit: int) -> Connect | None:
    """Take time that grows with the square of the size."""
    end = time.thread_time() + len(data) ** 2 / 1_000_000
    while time.thread_time() < end:
        pass
    return read_connect(data, limit)


READERS = {
    "crash": (panicking, "Panic"),
    "malformed accepted": (lax, "AssertionError"),
    "beginning refused": (hasty, "AssertionError"),
    "rest lost": (changed(rest=b""), "AssertionError"),
    "another identifier": (changed(client_id="another"), "AssertionError"),
    "another flag": (changed(clean_session=True), "AssertionError"),
    "another password": (changed(password=b"secret"), "AssertionError"),
    "another will": (changed(will=Will("t", b"", 0, retain=False)), "AssertionError"),
}


def try_connects(reader: Callable[[bytes, int], Connect | None], count: int = 1000) -> list[str]:
    """Give a reader CONNECTs; give the faults that are found."""
    rng, figures = random.Random(1), Figures()
    check, trying, connects = ConnectCheck(rng, figures, reader), Trying(figures), Connects(rng)
    for _ in range(count):
        trying.connect(check, *connects.make())
    return figures.faults


class TestPlantedInTheReader:
    """Faults of the CONNECT reader are found."""

    @pytest.mark.parametrize(("reader", "raised"), READERS.values(), ids=READERS.keys())
    def test_is_found(self, reader: Callable[..., Connect | None], raised: str) -> None:
        """A fault is found, and shown with the bytes that bring it about."""
        faults = try_connects(reader)
        assert faults
        assert raised in faults[0]
        assert re.search(r"CONNECT, [a-z ]+, \d+ bytes: [0-9a-f]*\n", faults[0])

    def test_slowness_is_found(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """An input that takes too long is a fault, every other is only measured."""
        monkeypatch.setitem(fuzz_figures.SECONDS, "CONNECT", 0.002)
        assert any("s of CPU for" in fault for fault in try_connects(slow, 100))

    def test_the_reader_is_without_them(self) -> None:
        """The same inputs find nothing wrong with the reader itself."""
        assert try_connects(read_connect) == []


def try_certificates(**planted: Any) -> list[str]:
    """Give planted views or followers certificates; give the faults that are found."""
    rng, figures = random.Random(1), Figures()
    check, trying = CertificateCheck(rng, figures, pool(), **planted), Trying(figures)
    certificates = Certificates(rng, pool().seeds, pool().cas[0], pool().forger)
    for _ in range(400):
        trying.certificate(check, certificates.make())
    return figures.faults


def credulous(leaf: CertificateView, _sent: Any, anchors: Any) -> ChainFindings:
    """Believe an issuer's name."""
    known = any(anchor.subject_der == leaf.issuer_der for anchor in anchors)
    path = ChainPath(anchor=0, between=(), valid_from=0, valid_until=FOREVER)
    return ChainFindings((path,) if known else (), issuer_known=known)


def credulous_of_others(leaf: CertificateView, sent: Any, anchors: Any) -> ChainFindings:
    """Believe whatever stands between a device and a CA."""
    found = follow_chain(leaf, sent, anchors)
    path = ChainPath(anchor=0, between=tuple(sent), valid_from=0, valid_until=FOREVER)
    return ChainFindings((path,), issuer_known=True) if sent else found


def viewed(**changes: Any) -> Callable[[bytes], CertificateView]:
    """See other things than there are."""
    return lambda der: replace(CertificateView.from_der(der), **changes)


def panicking_view(der: bytes) -> CertificateView:
    """Crash now and then."""
    if len(der) % 7 == 0:
        raise Panic
    return CertificateView.from_der(der)


class TestPlantedInCertificates:
    """Faults of the view, and of who follows chains, are found."""

    @pytest.mark.parametrize(
        "view",
        [
            panicking_view,
            viewed(sn="00"),
            viewed(subject_der=b"\x30\x00"),
            viewed(issuer_der=b"\x30\x00"),
            viewed(not_before=0),
            viewed(not_after=0),
            viewed(fingerprint=bytes(32)),
            viewed(common_name="\ud800"),
            viewed(public_key_der=b""),
        ],
    )
    def test_a_view_that_is_wrong(self, view: Callable[[bytes], CertificateView]) -> None:
        """What the view says wrongly is found."""
        assert try_certificates(view=view)

    @pytest.mark.parametrize("follow", [credulous, credulous_of_others])
    def test_an_admission(self, follow: Callable[..., ChainFindings]) -> None:
        """Who takes a certificate for the CA's that is not is found."""
        faults = try_certificates(follow=follow)
        assert any("AssertionError" in fault for fault in faults)

    def test_neither_has_them(self) -> None:
        """The same inputs find nothing wrong with the view and with following."""
        assert try_certificates() == []


class TestMeans:
    """What the proof is made of."""

    @pytest.mark.parametrize("data", WRONG.values(), ids=WRONG.keys())
    def test_the_second_reading_knows_the_rules(self, data: bytes) -> None:
        """Each broken rule of MQTT is known to it, too."""
        assert read(data, 70_000).outcome == "connect_malformed"

    def test_a_seed_decides(self) -> None:
        """The same seed makes the same packets, another makes others."""
        made = [[Connects(random.Random(seed)).make() for _ in range(1)] for seed in (1, 1, 2)]
        assert made[0] == made[1] != made[2]

    def test_elements_are_put_together_again(self) -> None:
        """A certificate with nothing exchanged is the certificate."""
        for seed in pool().seeds:
            for way in seed.ways:
                assert exchanged(seed.element, way, at(seed.element, way).raw) == seed.der

    def test_memory_is_bounded(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """More memory than allowed is a fault."""
        monkeypatch.setattr(fuzz_memory, "MOST_GROWTH", -1)
        assert "memory grew" in play(10, "1").faults[0]

    def test_too_much_is_enough(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Where everything is wrong the proof ends early."""
        monkeypatch.setattr("proofs.fuzz_connect.read", lambda *_: read(b"", 1))
        figures = play(1_000_000, "1")
        assert len(figures.faults) >= fuzz_figures.MOST_FAULTS
        assert figures.total < 1000
