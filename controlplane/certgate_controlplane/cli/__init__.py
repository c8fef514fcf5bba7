"""The command line: ``certgate serve``, ``demo``, ``fleet``, ``pki``, ``ca`` and ``device``.

Each command is imported when it is asked for: ``serve`` starts thousands of times a day, and needs
neither the demonstration nor the fleets.
"""

import sys
from importlib import import_module
from typing import Any

import typer
import typer.main
from typer.core import TyperGroup

_COMMANDS = {
    "serve": "serve.serve",
    "demo": "demo.demo",
    "fleet": "fleet.fleet",
    "export": "scenario.export_scenario",
    "import": "scenario.import_scenario",
    "reset": "scenario.reset",
    "snapshot": "scenario.snapshot",
    "pki": "pki.pki",
    "ca": "ca.ca",
    "device": "device.device",
}
"""The module and the name in it of each command, or group of commands."""
_MISTAKES = (
    ("certgate_certs.registry", "RegistryError"),
    ("certgate_controlplane.access.credentials", "CredentialsError"),
    ("certgate_controlplane.client", "CallError"),
    ("certgate_controlplane.key_files", "StateError"),
    ("certgate_controlplane.runbook", "RunbookError"),
    ("certgate_controlplane.scenario", "ScenarioError"),
    ("certgate_controlplane.settings", "LabError"),
)
"""What a sentence explains."""


class _Commands(TyperGroup):
    """Imports a command when it is asked for."""

    def list_commands(self, _: Any) -> list[str]:  # noqa: ANN401  typer's own copy of click's
        """Name the commands."""
        return list(_COMMANDS)

    def get_command(self, _: Any, name: str) -> Any:  # noqa: ANN401  likewise
        """Give a command, None where there is none of that name."""
        if name not in _COMMANDS:
            return None
        module, attribute = _COMMANDS[name].split(".")
        found = getattr(import_module(f"{__name__}.{module}"), attribute)
        if not isinstance(found, typer.Typer):
            found, function = typer.Typer(add_completion=False), found
            found.command(name)(function)
        made = typer.main.get_command(found)
        made.name = name
        return made


app = typer.Typer(
    name="certgate",
    cls=_Commands,
    help="A local ApsaraMQ for MQTT, as far as device certificates go.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


@app.callback()
def _certgate() -> None:
    """A local ApsaraMQ for MQTT, as far as device certificates go."""


def main() -> None:
    """Run the command line; a user's mistake is one sentence and exit status 1."""
    try:
        app()
    except Exception as error:
        if not isinstance(error, _mistakes()):
            raise
        typer.echo(f"certgate: {error}", err=True)
        sys.exit(1)


def _mistakes() -> tuple[type[Exception], ...]:
    return tuple(getattr(import_module(module), name) for module, name in _MISTAKES)
