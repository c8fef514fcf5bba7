"""Write down a run: raw figures as JSON, tables as Markdown."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

from bench.figures import Book, Claim, Figure


def write(folder: Path, machine: Mapping[str, str], seconds: float, book: Book) -> None:
    """Write the figures and the tables.

    Args:
        folder: where they go.
        machine: what it was measured on.
        seconds: how long the run took.
        book: the figures.
    """
    raw = {
        "measured": datetime.now(UTC).strftime("%Y-%m-%d"),
        "seconds": round(seconds),
        "machine": dict(machine),
        "figures": [
            {**asdict(item), "rounds": [float(f"{value:.4g}") for value in item.rounds]}
            for item in book.figures
        ],
        "claims": [{**asdict(item), "holds": item.holds} for item in book.claims],
    }
    (folder / "figures.json").write_text(json.dumps(raw, indent=1) + "\n")
    (folder / "figures.md").write_text("\n".join(_page(raw["measured"], machine, book)) + "\n")


def lines(book: Book) -> Iterator[str]:
    """Give the tables for a terminal."""
    for figure in book.figures:
        yield f"{figure.part:12} {figure.what}, {figure.who}: {_shown(figure)}"
    yield ""
    for claim in book.claims:
        yield f"{'holds' if claim.holds else 'FAILS'}  {claim.text}: {_against(claim)}"


def _page(measured: object, machine: Mapping[str, str], book: Book) -> Iterator[str]:
    how = (
        f"By `python tests/bench/run.py` on {measured}, in one run; medians of the rounds, their"
        " range in brackets. What stands side by side took turns. CPU time is that of the server's"
        " process, all threads; what the system does for it elsewhere is not in it."
    )
    yield from (
        "# Measured",
        "",
        how,
        "",
        *(f"- {name}: {what}" for name, what in machine.items()),
        "",
    )
    if book.claims:
        yield from ("## What shall hold", "", *judged(book.claims))
    for part in dict.fromkeys(item.part for item in book.figures):
        yield from ("", f"## {part.capitalize()}", "", "| | | |", "|---|---|---|")
        for figure in book.figures:
            if figure.part == part:
                yield f"| {figure.what} | {figure.who} | {_shown(figure)} |"


def judged(claims: Sequence[Claim]) -> Iterator[str]:
    """Give a table of what shall hold."""
    yield from ("| | measured | at most | |", "|---|---|---|---|")
    for claim in claims:
        value, limit = _value(claim.value, claim.unit), _value(claim.limit, claim.unit)
        yield f"| {claim.text} | {value} | {limit} | {'✓' if claim.holds else '✗'} |"


def _shown(figure: Figure) -> str:
    least, most = (_number(value) for value in (min(figure.rounds), max(figure.rounds)))
    return f"{_value(figure.median, figure.unit)} ({least} to {most}, {len(figure.rounds)} rounds)"


def _against(claim: Claim) -> str:
    return f"{_value(claim.value, claim.unit)}, at most {_value(claim.limit, claim.unit)}"


def _value(value: float, unit: str) -> str:
    return f"{_number(value)} {unit}".strip()


def _number(value: float) -> str:
    """Give three digits, or all before the point."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"
