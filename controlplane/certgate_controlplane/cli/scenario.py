"""``certgate export``, ``import``, ``reset`` and ``snapshot``: what a running lab holds."""

from pathlib import Path
from typing import Annotated

import typer

from certgate_controlplane.cli.remote import DEFAULT_INSTANCE_ID, DEFAULT_URL, Url, runbook
from certgate_controlplane.scenario import ScenarioError, read_file
from certgate_controlplane.scenario.remote import RemoteScenarios

Target = Annotated[
    Path | None, typer.Argument(metavar="[FILE]", help="Where to write it; else it is printed.")
]
Source = Annotated[Path, typer.Argument(metavar="FILE", help="A scenario, JSON.")]
Certificates = Annotated[
    bool,
    typer.Option(
        "--certificates/--no-certificates",
        envvar="CERTGATE_CERTIFICATES",
        help="Without certificates a scenario is short; whoever loads it gets new ones.",
    ),
]
Snapshot = Annotated[
    str | None,
    typer.Option("--snapshot", envvar="CERTGATE_SNAPSHOT", help="Go back to this snapshot."),
]
RemoveMade = Annotated[
    bool,
    typer.Option(
        "--remove-made",
        envvar="CERTGATE_REMOVE_MADE",
        help="Remove the CAs and devices made since in the state directory, keys and all.",
    ),
]
Name = Annotated[
    str | None, typer.Argument(metavar="[NAME]", help="Name to keep it under; else all are listed.")
]


def export_scenario(
    file: Target = None, certificates: Certificates = True, api_url: Url = DEFAULT_URL
) -> None:
    """Write what the lab holds as a scenario."""
    text = _lab(api_url).export(certificates=certificates)
    if file is None:
        typer.echo(text, nl=False)
        return
    try:
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        raise ScenarioError(f"{file} cannot be written: {error.strerror or error}") from error


def import_scenario(file: Source, api_url: Url = DEFAULT_URL) -> None:
    """Replace what the lab holds by a scenario; every connection is closed."""
    loaded = _lab(api_url).load(read_file(file))
    typer.echo(f"{loaded.cas} CA and {loaded.devices} device certificates are registered now")


def reset(
    snapshot: Snapshot = None, remove_made: RemoveMade = False, api_url: Url = DEFAULT_URL
) -> None:
    """Empty the lab, or go back to a snapshot; every connection is closed."""
    _lab(api_url).reset(snapshot, remove_made=remove_made)
    typer.echo("the lab is empty" if snapshot is None else f"the lab is as in {snapshot}")


def snapshot(name: Name = None, api_url: Url = DEFAULT_URL) -> None:
    """Keep what the lab holds under a name, or list the names."""
    lab = _lab(api_url)
    if name is not None:
        lab.snapshot(name)
        return
    for known in lab.snapshots():
        typer.echo(known)


def _lab(url: str) -> RemoteScenarios:
    return RemoteScenarios(runbook(url, DEFAULT_INSTANCE_ID).api.url)
