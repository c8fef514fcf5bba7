"""The command line: ``certgate serve``, ``demo``, ``fleet``, ``pki``, ``ca`` and ``device``."""

import sys

import typer

from certgate_certs.registry import RegistryError
from certgate_controlplane.access.credentials import CredentialsError
from certgate_controlplane.cli.ca import ca
from certgate_controlplane.cli.demo import demo
from certgate_controlplane.cli.device import device
from certgate_controlplane.cli.fleet import fleet
from certgate_controlplane.cli.pki import pki
from certgate_controlplane.cli.scenario import export_scenario, import_scenario, reset, snapshot
from certgate_controlplane.cli.serve import serve
from certgate_controlplane.client import CallError
from certgate_controlplane.key_files import StateError
from certgate_controlplane.runbook import RunbookError
from certgate_controlplane.scenario import ScenarioError
from certgate_controlplane.settings import LabError

app = typer.Typer(
    name="certgate",
    help="A local ApsaraMQ for MQTT, as far as device certificates go.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.command()(serve)
app.command()(demo)
app.command()(fleet)
app.command("export")(export_scenario)
app.command("import")(import_scenario)
app.command()(reset)
app.command()(snapshot)
app.add_typer(pki, name="pki")
app.add_typer(ca, name="ca")
app.add_typer(device, name="device")


def main() -> None:
    """Run the command line; a user's mistake is one sentence and exit status 1."""
    try:
        app()
    except (
        CallError,
        CredentialsError,
        LabError,
        RegistryError,
        RunbookError,
        ScenarioError,
        StateError,
    ) as error:
        typer.echo(f"certgate: {error}", err=True)
        sys.exit(1)
