"""How commands show certificates: a table for people, JSON for scripts."""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from certgate_controlplane.runbook import Record

_STATES = {"0": "inactive", "1": "active"}
_WIDTH = 10_000


def show_table(records: Sequence[Record], columns: Mapping[str, str], *, as_json: bool) -> None:
    """Show records one below the other.

    Args:
        records: as the API writes them.
        columns: heading of each column and the member it shows.
        as_json: show the records as they are instead.
    """
    if as_json:
        typer.echo(json.dumps(records, indent=2))
        return
    table = Table(*columns, box=None, padding=(0, 2, 0, 0), header_style="bold")
    for record in records:
        table.add_row(*(Text(readable(member, record[member])) for member in columns.values()))
    # Cut to a terminal's width a serial number is of no use, so the lines are as long as they are.
    console = Console(width=_WIDTH)
    with console.capture() as captured:
        console.print(table)
    typer.echo("\n".join(line.rstrip() for line in captured.get().rstrip("\n").split("\n")))


def show_record(record: Record, *, as_json: bool) -> None:
    """Show one record, member by member.

    Args:
        record: as the API writes it.
        as_json: show it as it is instead.
    """
    if as_json:
        typer.echo(json.dumps(record, indent=2))
        return
    for member, value in record.items():
        text = readable(member, value)
        typer.echo(f"{member}:\n{text.rstrip()}" if "\n" in text else f"{member}: {text}")


def readable(member: str, value: str) -> str:
    """Write a member's value for people.

    Args:
        member: its name.
        value: as the API writes it.
    """
    if member == "Status":
        return _STATES.get(value, value)
    if member in {"ValidBegin", "ValidEnd"}:
        return datetime.fromtimestamp(int(value) / 1000, UTC).strftime("%Y-%m-%d %H:%M:%SZ")
    # A name may hold anything: a terminal must not obey it, and it must not pass for further lines.
    kept = "\n" if member.endswith("Content") else ""
    return "".join(c if c.isprintable() or c in kept else "�" for c in value)
