"""``certgate ca``: the CA certificates of a running lab."""

from pathlib import Path
from typing import Annotated

import typer

from certgate_controlplane.cli.options import DEFAULT_STATE_DIR, StateDir
from certgate_controlplane.cli.output import readable, show_record, show_table
from certgate_controlplane.cli.remote import (
    DEFAULT_INSTANCE_ID,
    DEFAULT_URL,
    AsJson,
    Instance,
    Url,
    runbook,
)
from certgate_controlplane.runbook import Runbook, RunbookError
from certgate_controlplane.state import StateDirectory

ca = typer.Typer(
    help="List, register, activate, inactivate and delete CA certificates of a running lab.",
    no_args_is_help=True,
    add_completion=False,
)

Wanted = Annotated[str, typer.Argument(metavar="CA", help="Serial number or name.")]

_COLUMNS = {"sn": "Sn", "name": "CaName", "status": "Status", "valid until": "ValidEnd"}


@ca.command("list")
def list_all(
    api_url: Url = DEFAULT_URL, instance: Instance = DEFAULT_INSTANCE_ID, as_json: AsJson = False
) -> None:
    """List the registered CA certificates."""
    show_table(runbook(api_url, instance).cas(), _COLUMNS, as_json=as_json)


@ca.command()
def show(
    wanted: Wanted,
    api_url: Url = DEFAULT_URL,
    instance: Instance = DEFAULT_INSTANCE_ID,
    as_json: AsJson = False,
) -> None:
    """Show everything that is known of one CA certificate."""
    show_record(runbook(api_url, instance).ca(wanted), as_json=as_json)


@ca.command()
def code(api_url: Url = DEFAULT_URL, instance: Instance = DEFAULT_INSTANCE_ID) -> None:
    """Get a registration code, the common name of a verification certificate."""
    typer.echo(runbook(api_url, instance).registration_code())


@ca.command()
def register(
    name: Annotated[str, typer.Argument(help="Name of the CA; one made with `pki ca`, unless …")],
    certificate: Annotated[
        Path | None,
        typer.Option(envvar="CERTGATE_CERTIFICATE", help="… its certificate is given, PEM,"),
    ] = None,
    verification: Annotated[
        Path | None,
        typer.Option(envvar="CERTGATE_VERIFICATION", help="and what proves possession, PEM."),
    ] = None,
    state_dir: StateDir = DEFAULT_STATE_DIR,
    api_url: Url = DEFAULT_URL,
    instance: Instance = DEFAULT_INSTANCE_ID,
) -> None:
    """Register a CA certificate, active at once, and print its serial number."""
    if (certificate is None) != (verification is None):
        raise RunbookError("--certificate and --verification go together")
    tools = runbook(api_url, instance)
    if certificate is not None and verification is not None:
        typer.echo(tools.register(name, _text(certificate), _text(verification)))
    else:
        typer.echo(_register_own(tools, StateDirectory(state_dir), name))


def _register_own(tools: Runbook, state: StateDirectory, name: str) -> str:
    authority = state.ca(name)
    proof = state.verification(name, tools.registration_code())
    return tools.register(name, authority.pem, _text(proof))


def _text(file: Path) -> str:
    try:
        return file.read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise RunbookError(f"{file} cannot be read: {error}") from error


@ca.command()
def activate(
    wanted: Wanted, api_url: Url = DEFAULT_URL, instance: Instance = DEFAULT_INSTANCE_ID
) -> None:
    """Let the CA's devices connect again (ActiveCaCertificate)."""
    _switch(runbook(api_url, instance), "Active", wanted, "is active")


@ca.command()
def inactivate(
    wanted: Wanted, api_url: Url = DEFAULT_URL, instance: Instance = DEFAULT_INSTANCE_ID
) -> None:
    """Refuse the CA's devices from now on (InactivateCaCertificate)."""
    _switch(runbook(api_url, instance), "Inactivate", wanted, "is inactive")


@ca.command()
def delete(
    wanted: Wanted, api_url: Url = DEFAULT_URL, instance: Instance = DEFAULT_INSTANCE_ID
) -> None:
    """Delete the CA and every device certificate it issued (DeleteCaCertificate)."""
    _switch(runbook(api_url, instance), "Delete", wanted, "and its device certificates are gone")


def _switch(tools: Runbook, operation: str, wanted: str, outcome: str) -> None:
    found = tools.switch_ca(operation, wanted)
    name = readable("CaName", found["CaName"])
    typer.echo(f"CA certificate {found['Sn']} ({name}) {outcome}")
