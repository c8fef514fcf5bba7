"""A million generated inputs and twenty thousand hostile connections: no crash, leak or admission.

``python tests/proofs/fuzz.py [--inputs 1000000] [--connections 20000] [--seed N]`` gives generated
inputs to the CONNECT reader and to the certificate view, in memory and in several processes, and
compares what becomes of each with a second reading: MQTT 3.1.1 by hand, X.509 by OpenSSL. Then it
attacks servers over TLS, most of them ``certgate serve`` in a process of its own, and looks whether
files, threads and tasks are back, whether the registry is as it was, and whether an honest device
is still admitted. It prints what became of everything, and ends with 1 where anything was wrong.
The seed decides every choice; keys, certificates and signatures are new each time, so a fault is
printed with the bytes that show it.
"""

import argparse
import asyncio
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from proofs.fuzz_figures import Figures
from proofs.fuzz_memory import play_in_processes
from proofs.fuzz_wire import attack_all


def read_inputs(inputs: int, seed: int) -> list[str]:
    """Try inputs in memory; report, and give the faults."""
    began = time.monotonic()
    figures = play_in_processes(inputs, seed)
    figures.report()
    print(
        f"{figures.total} inputs, {len(figures.faults)} faults,"
        f" {time.monotonic() - began:.0f} s, at most {figures.kibibytes // 1024} MiB a process"
    )
    return figures.faults


def make_connections(connections: int, seed: int) -> list[str]:
    """Attack servers; report, and give the faults."""
    began, figures = time.monotonic(), Figures()
    asyncio.run(attack_all(connections, seed, figures))
    figures.report()
    print(
        f"{figures.total} connections, {len(figures.faults)} faults,"
        f" {time.monotonic() - began:.0f} s"
    )
    return figures.faults


def main() -> int:
    """Run the proof as the command line says."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--inputs", type=int, default=1_000_000, help="how many (1000000)")
    parser.add_argument("--connections", type=int, default=20_000, help="how many (20000)")
    parser.add_argument("--seed", type=int, default=0, help="decides every choice (0)")
    chosen = parser.parse_args()
    faults = read_inputs(chosen.inputs, chosen.seed)
    faults += make_connections(chosen.connections, chosen.seed)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
