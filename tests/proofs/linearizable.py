"""Linearizable revocation: no answer and no admission that no order of the calls explains.

``python tests/proofs/linearizable.py [--histories 2000] [--seed N] [--processes 1|2]`` plays random
interleavings against running labs, in one process and in two, each with client identifiers bound
and unbound, and checks every history against a sequential model. It prints its figures, draws what
nothing explains, and ends with 1 where there was such a thing. The seed decides what is asked and
when; what overlaps then is up to the machine. ``--planted`` plays against a lab with a fault in it.
"""

import argparse
import itertools
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from e2e.support import PATIENCE, Lab, Process, environment, serving, wait_until
from proofs.interleavings import staged
from proofs.linearizable_figures import Figures, summary
from proofs.stage import INSTANCES

BINDINGS = ("first-use", "none")
"""The default, which asks the registry once more before it binds, and the one that does not."""

_OPTIONS = ("--throttle", "0", *(word for each in INSTANCES for word in ("--instance", each)))
_PLANTED = Path(__file__).with_name("planted.py")
_STEPS = 14
_BATCH = 250
_MOST_FAULTS = 3

Opening = Callable[[Path], AbstractContextManager[Lab]]
"""Starts a lab with a state directory."""


def in_processes(number: int, binding: str) -> Opening:
    """Start certgate in so many processes."""
    more = (*_OPTIONS, "--client-id-binding", binding)
    return lambda state: serving(state, *more, processes=number)


@contextmanager
def with_the_fault(state: Path) -> Iterator[Lab]:
    """Start the certgate with a fault in it; unbound, for bindings are looked at once more."""
    ready = state.parent / "ready.json"
    files = ["--state-dir", str(state), "--ready-file", str(ready)]
    more = ["--api-port", "0", "--mqtts-port", "0", "--client-id-binding", "none", *_OPTIONS]
    command = [sys.executable, str(_PLANTED), "serve", *files, *more]
    running = subprocess.Popen(command, stdout=subprocess.DEVNULL, text=True, env=environment())
    try:
        wait_until(lambda: ready.exists() or running.poll() is not None, "the ready file")
        assert running.poll() is None, f"the planted lab ended with {running.returncode}"
        yield Lab(state.parent, [Process(running, json.loads(ready.read_text()))])
    finally:
        running.terminate()
        running.wait(PATIENCE)


def too_much(figures: Figures) -> bool:
    """Tell whether so much is wrong that more of it would not help."""
    return len(figures.faults) >= _MOST_FAULTS


def prove(
    opening: Opening,
    histories: int,
    name: str,
    enough: Callable[[Figures], bool] = too_much,
) -> Figures:
    """Play histories until there are so many, or enough is known.

    Args:
        opening: starts the lab.
        histories: how many at least.
        name: of the run; it decides what is asked.
        enough: tells when to stop before.
    """
    figures, batches = Figures(name, enough), itertools.count()
    with (
        tempfile.TemporaryDirectory() as folder,
        opening(Path(folder) / "state") as lab,
        staged(lab, figures) as machine,
    ):
        while figures.histories < histories and not figures.are_enough:
            play = seed(f"{name}/{next(batches)}")(machine)
            run_state_machine_as_test(play, settings=_settings(histories - figures.histories))
    return figures


def _settings(histories: int) -> settings:
    """Say that hypothesis makes up histories, and nothing else: none can be had a second time."""
    return settings(
        max_examples=min(_BATCH, histories),
        stateful_step_count=_STEPS,
        phases=[Phase.generate],
        database=None,
        deadline=None,
        derandomize=False,
        suppress_health_check=list(HealthCheck),
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the proof as the command line says."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--histories", type=int, default=2000, help="how many (2000)")
    parser.add_argument("--seed", type=int, default=0, help="decides what is asked (0)")
    parser.add_argument("--processes", type=int, choices=(1, 2), help="both, half of them each")
    parser.add_argument("--planted", action="store_true", help="against a lab with a fault in it")
    chosen = parser.parse_args(arguments)
    labs = _labs(chosen.processes, chosen.planted)
    share = -(-chosen.histories // len(labs))
    began, runs = time.monotonic(), []
    for name, opening in labs.items():
        start = time.monotonic()
        figures = prove(opening, share, f"seed {chosen.seed}, {name}")
        print(figures.report(time.monotonic() - start), flush=True)
        runs.append(figures)
    print(summary(runs, time.monotonic() - began))
    return 1 if any(figures.faults for figures in runs) else 0


def _labs(processes: int | None, planted: bool) -> dict[str, Opening]:
    if planted:
        return {"planted fault": with_the_fault}
    numbers = (1, 2) if processes is None else (processes,)
    return {
        f"processes {number}, binding {binding}": in_processes(number, binding)
        for number, binding in itertools.product(numbers, BINDINGS)
    }


if __name__ == "__main__":
    sys.exit(main())
