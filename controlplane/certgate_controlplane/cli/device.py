"""``certgate device``: the device certificates of a running lab."""

from typing import Annotated

import typer

from certgate_controlplane.cli.output import readable, show_record, show_table
from certgate_controlplane.cli.remote import (
    DEFAULT_INSTANCE_ID,
    DEFAULT_URL,
    AsJson,
    Instance,
    Url,
    runbook,
)
from certgate_controlplane.runbook import Runbook

device = typer.Typer(
    help="List, activate, inactivate and delete device certificates of a running lab.",
    no_args_is_help=True,
    add_completion=False,
)

Wanted = Annotated[str, typer.Argument(metavar="DEVICE", help="Serial number or name.")]
OfCa = Annotated[
    str | None,
    typer.Option("--ca", envvar="CERTGATE_CA", help="Serial number or name of its CA."),
]

_COLUMNS = {
    "sn": "DeviceSn",
    "name": "DeviceName",
    "status": "Status",
    "valid until": "ValidEnd",
    "ca": "CaSn",
}


@device.command("list")
def list_all(
    of_ca: OfCa = None,
    api_url: Url = DEFAULT_URL,
    instance: Instance = DEFAULT_INSTANCE_ID,
    as_json: AsJson = False,
) -> None:
    """List the registered device certificates."""
    show_table(runbook(api_url, instance).devices(of_ca), _COLUMNS, as_json=as_json)


@device.command()
def show(
    wanted: Wanted,
    of_ca: OfCa = None,
    api_url: Url = DEFAULT_URL,
    instance: Instance = DEFAULT_INSTANCE_ID,
    as_json: AsJson = False,
) -> None:
    """Show everything that is known of one device certificate."""
    show_record(runbook(api_url, instance).device(wanted, of_ca), as_json=as_json)


@device.command()
def activate(
    wanted: Wanted,
    of_ca: OfCa = None,
    api_url: Url = DEFAULT_URL,
    instance: Instance = DEFAULT_INSTANCE_ID,
) -> None:
    """Let the device connect again (ActiveDeviceCertificate)."""
    _switch(runbook(api_url, instance), "Active", wanted, of_ca, "is active")


@device.command()
def inactivate(
    wanted: Wanted,
    of_ca: OfCa = None,
    api_url: Url = DEFAULT_URL,
    instance: Instance = DEFAULT_INSTANCE_ID,
) -> None:
    """Refuse the device from now on (InactivateDeviceCertificate)."""
    _switch(runbook(api_url, instance), "Inactivate", wanted, of_ca, "is inactive")


@device.command()
def delete(
    wanted: Wanted,
    of_ca: OfCa = None,
    api_url: Url = DEFAULT_URL,
    instance: Instance = DEFAULT_INSTANCE_ID,
) -> None:
    """Forget the device; while its CA is active it registers itself again."""
    outcome = "is forgotten; it registers itself again while its CA is active"
    _switch(runbook(api_url, instance), "Delete", wanted, of_ca, outcome)


def _switch(tools: Runbook, operation: str, wanted: str, of_ca: str | None, outcome: str) -> None:
    found = tools.switch_device(operation, wanted, of_ca)
    name = readable("DeviceName", found["DeviceName"])
    typer.echo(f"device certificate {found['DeviceSn']} ({name}) {outcome}")
