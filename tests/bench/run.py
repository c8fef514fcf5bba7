"""Measure certgate beside amqtt, Mosquitto and moto, in turns, on this machine.

``python tests/bench/run.py`` takes less than a quarter of an hour and writes raw figures (JSON),
tables and plots into a folder; it fails where something does not hold that shall. ``--quick`` takes
less than a minute, and only shows that everything runs. ``--only PART`` may be repeated. Nothing is
timed once: figures are medians of rounds, ratios are medians of the rounds' ratios.
"""

import argparse
import resource
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from bench import (
    machine,
    part_brokers,
    part_connections,
    part_deletion,
    part_pieces,
    part_revocation,
    part_scale,
    part_sessions,
    part_start,
    part_switching,
    plots,
    report,
)
from bench.scope import Scope, scope

PARTS: dict[str, Callable[[Scope], None]] = {
    "connections": part_connections.measure,
    "pieces": part_pieces.measure,
    "scale": part_scale.measure,
    "revocation": part_revocation.measure,
    "deletion": part_deletion.measure,
    "sessions": part_sessions.measure,
    "brokers": part_brokers.measure,
    "start": part_start.measure,
    "switching": part_switching.measure,
}


def main(arguments: Sequence[str] | None = None) -> None:
    """Run what is asked for, and write it down."""
    chosen = _options().parse_args(arguments)
    _allow_many_files()
    facts = machine.facts()
    began = time.monotonic()
    with scope(quick=chosen.quick) as measured:
        for part in chosen.only or PARTS:
            print(f"measuring: {part}", file=sys.stderr, flush=True)
            PARTS[part](measured)
        if chosen.quick:
            measured.book.claims.clear()  # So few devices and rounds judge nothing.
        seconds = time.monotonic() - began
        chosen.out.mkdir(parents=True, exist_ok=True)
        report.write(chosen.out, facts, seconds, measured.book)
        plots.draw(chosen.out, measured.book)
        print(*report.lines(measured.book), sep="\n")
        print(f"{seconds:.0f} s; written to {chosen.out}")
        if not all(claim.holds for claim in measured.book.claims):
            raise SystemExit(1)


def _options() -> argparse.ArgumentParser:
    options = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    options.add_argument("--quick", action="store_true", help="as little as shows that it runs")
    options.add_argument("--only", action="append", choices=PARTS, help="one part; may be repeated")
    options.add_argument("--out", type=Path, default=Path("bench-results"), help="where to write")
    return options


def _allow_many_files() -> None:
    """Thousands of connections are as many descriptors, here and in each server."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


if __name__ == "__main__":
    main()
