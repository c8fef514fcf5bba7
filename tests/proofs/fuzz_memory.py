"""Generated inputs to the CONNECT reader and the certificate view, in memory."""

import concurrent.futures
import gc
import multiprocessing
import random
import resource
import traceback
import warnings
from collections.abc import Callable

from proofs.fuzz_certificates import CertificateCheck
from proofs.fuzz_connect import ConnectCheck
from proofs.fuzz_figures import MOST_FAULTS, SHOWN, Figures
from proofs.mutations import Connects
from proofs.spoilt_certificates import Certificates, Made, Pool

PROCESSES = 2
MOST_GROWTH = 256 * 1024
"""Memory that a process may come to need while it reads inputs, KiB."""

Step = Callable[[], tuple[str, str]]
"""Makes an input and checks it; gives how it was made and what became of it."""


class Trying:
    """Tries inputs one after the other and notes what goes wrong.

    Args:
        figures: where everything is noted.
    """

    def __init__(self, figures: Figures) -> None:
        self._figures = figures

    def connect(self, check: ConnectCheck, kind: str, data: bytes) -> None:
        """Try a CONNECT."""
        self._try("CONNECT", kind, data, lambda: check(data))

    def certificate(self, check: CertificateCheck, made: Made) -> None:
        """Try a certificate."""
        self._try("certificate", made.kind, made.der, lambda: check(made))

    def _try(self, target: str, kind: str, data: bytes, check: Callable[[], str]) -> None:
        try:
            outcome = check()
        except (KeyboardInterrupt, SystemExit):
            raise
        except BaseException:  # noqa: BLE001  a panic of a library in Rust is no Exception
            outcome = "FAULT"
            shown = f"{len(data)} bytes: {data[:SHOWN].hex()}"
            self._figures.faults.append(
                f"{target}, {kind}, {shown}\n{traceback.format_exc()[-SHOWN:]}"
            )
        self._figures.outcomes[target, kind, outcome] += 1


def play(inputs: int, seed: str) -> Figures:
    """Try so many inputs, CONNECTs and certificates in turn, or until too much is wrong.

    Args:
        inputs: how many.
        seed: decides everything but keys and signatures.
    """
    figures, rng, pool = Figures(), random.Random(seed), Pool()
    connects = Connects(rng)
    certificates = Certificates(rng, pool.seeds, pool.cas[0], pool.forger)
    checks = ConnectCheck(rng, figures), CertificateCheck(rng, figures, pool)
    before, trying = peak(), Trying(figures)
    with warnings.catch_warnings(action="error"):
        while figures.total < inputs and len(figures.faults) < MOST_FAULTS:
            trying.connect(checks[0], *connects.make())
            trying.certificate(checks[1], certificates.make())
    figures.kibibytes = peak()
    if figures.kibibytes - before > MOST_GROWTH:
        figures.faults.append(f"memory grew by {figures.kibibytes - before} KiB")
    return figures


def peak() -> int:
    """Give the most memory this process has had, KiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def play_alone(inputs: int, seed: str) -> Figures:
    """Play in a process of its own, where the garbage collector has nothing else to look at."""
    gc.freeze()
    return play(inputs, seed)


def play_in_processes(inputs: int, seed: int) -> Figures:
    """Share inputs out among processes, and add up.

    Args:
        inputs: how many in all.
        seed: decides everything but keys and signatures.
    """
    figures, spawning = Figures(), multiprocessing.get_context("spawn")
    shares = [inputs // PROCESSES] * (PROCESSES - 1)
    shares.append(inputs - sum(shares))
    with concurrent.futures.ProcessPoolExecutor(PROCESSES, mp_context=spawning) as pool:
        seeds = [f"{seed}/{number}" for number in range(PROCESSES)]
        for part in pool.map(play_alone, shares, seeds):
            figures.add(part)
    return figures
