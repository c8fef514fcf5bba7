"""The options, each with its environment variable."""

from dataclasses import fields, replace
from pathlib import Path
from typing import Annotated, Any

import typer

from certgate_broker.limits import ConnectionLimits
from certgate_broker.policy import (
    IdentifierBinding,
    IdentifierForm,
    LiveSessionRule,
    MqttAuth,
    RefusalStyle,
)
from certgate_controlplane.faults import FAULTS, Fault, FaultError, read_fault
from certgate_controlplane.settings import DEFAULT_ACCOUNT, DEFAULT_INSTANCE, Side
from certgate_controlplane.statuses import StatusProfile

StateDir = Annotated[
    Path,
    typer.Option(
        "--state-dir",
        envvar="CERTGATE_STATE_DIR",
        help="Registry, server certificate, and what `pki` made.",
    ),
]
LIMIT_NAMES = tuple(item.name.replace("_", "-") for item in fields(ConnectionLimits))
DEFAULT_STATE_DIR = Path(".certgate")

Host = Annotated[str, typer.Option(envvar="CERTGATE_HOST", help="Address to listen on.")]
ApiPort = Annotated[
    int, typer.Option(envvar="CERTGATE_API_PORT", min=0, max=65535, help="0: any free one.")
]
MqttsPort = Annotated[
    int, typer.Option(envvar="CERTGATE_MQTTS_PORT", min=0, max=65535, help="0: any free one.")
]
Instances = Annotated[
    list[str] | None,
    typer.Option(
        envvar="CERTGATE_INSTANCE",
        help="Instance id, or ID@ACCOUNT where it belongs to another account than"
        f" {DEFAULT_ACCOUNT}; may be repeated, the first is the default. [{DEFAULT_INSTANCE}]",
    ),
]
ServerNames = Annotated[
    list[str] | None,
    typer.Option(
        envvar="CERTGATE_SERVER_NAME",
        help="Further name for the server's certificate; may be repeated.",
    ),
]
ReadyFile = Annotated[
    Path | None,
    typer.Option(envvar="CERTGATE_READY_FILE", help="Written once connections are accepted."),
]
Only = Annotated[Side, typer.Option(envvar="CERTGATE_ONLY", help="Run one side only.")]
AllowRemote = Annotated[
    bool,
    typer.Option(
        "--allow-remote",
        envvar="CERTGATE_ALLOW_REMOTE",
        help="Listen on an address that is not loopback, though nobody's calls are checked.",
    ),
]
Credentials = Annotated[
    Path | None,
    typer.Option(
        envvar="CERTGATE_CREDENTIALS",
        help="JSON file with access keys: only calls that one of them signed are answered.",
    ),
]
CallsPerSecond = Annotated[
    int,
    typer.Option(
        "--throttle", envvar="CERTGATE_THROTTLE", min=0, help="Calls a second an account; 0: any."
    ),
]
Statuses = Annotated[
    StatusProfile,
    typer.Option(
        "--status-profile",
        envvar="CERTGATE_STATUS_PROFILE",
        help="HTTP statuses as each operation's page prints them, or as announced since.",
    ),
]
MaxCas = Annotated[
    int,
    typer.Option(envvar="CERTGATE_MAX_CAS", min=0, help="CA certificates an instance may hold."),
]
Refusal = Annotated[
    RefusalStyle,
    typer.Option(envvar="CERTGATE_REFUSAL", help="How a refusal looks to a device."),
]
LiveSessions = Annotated[
    LiveSessionRule,
    typer.Option(
        envvar="CERTGATE_LIVE_SESSIONS",
        help="What becomes of open connections when their CA or device is withdrawn.",
    ),
]
ClientIdBinding = Annotated[
    IdentifierBinding,
    typer.Option(envvar="CERTGATE_CLIENT_ID_BINDING", help="To whom a client identifier belongs."),
]
ClientIdForm = Annotated[
    IdentifierForm,
    typer.Option(envvar="CERTGATE_CLIENT_ID_FORM", help="cloud: GID_…@@@…, at most 64 characters."),
]
Login = Annotated[
    MqttAuth,
    typer.Option("--mqtt-auth", envvar="CERTGATE_MQTT_AUTH", help="What a device has to show."),
]
BrokerLimits = Annotated[
    list[str] | None,
    typer.Option(
        "--limit",
        envvar="CERTGATE_LIMIT",
        metavar="NAME=NUMBER",
        help=f"How much of the broker a client gets; may be repeated: {', '.join(LIMIT_NAMES)}.",
    ),
]
FaultsOnPurpose = Annotated[
    list[str] | None,
    typer.Option(
        "--fault",
        envvar="CERTGATE_FAULT",
        metavar="NAME:FIELD=VALUE,…",
        help=f"Something that shall go wrong; may be repeated: {', '.join(FAULTS)}.",
    ),
]
Load = Annotated[
    Path | None,
    typer.Option(
        envvar="CERTGATE_LOAD",
        metavar="FILE",
        help="Scenario to start with, in place of what the state directory holds.",
    ),
]
LogLevel = Annotated[
    str, typer.Option(envvar="CERTGATE_LOG_LEVEL", help="DEBUG, INFO, WARNING or ERROR.")
]


def read_faults(given: list[str] | None) -> tuple[Fault, ...]:
    """Read faults.

    Args:
        given: what ``--fault`` was given, None for nothing.

    Raises:
        typer.BadParameter: there is no such fault, or a field or value does not fit.
    """
    try:
        return tuple(read_fault(text) for text in given or [])
    except FaultError as error:
        raise typer.BadParameter(str(error), param_hint="--fault") from error


def read_limits(given: list[str] | None) -> ConnectionLimits:
    """Read ``NAME=NUMBER``.

    Args:
        given: what ``--limit`` was given, None for nothing.

    Raises:
        typer.BadParameter: no limit has that name, or the number is none above zero.
    """
    limits = ConnectionLimits()
    for entry in given or []:
        name, _, text = entry.partition("=")
        if name not in LIMIT_NAMES:
            raise typer.BadParameter(f"there is no limit {name!r}", param_hint="--limit")
        member = name.replace("-", "_")
        values: dict[str, Any] = {member: _number(text, type(getattr(limits, member)))}
        limits = replace(limits, **values)
    return limits


def _number(text: str, kind: type[float]) -> float:
    try:
        number = kind(text)
    except ValueError:
        number = kind(0)
    if not 0 < number < float("inf"):
        raise typer.BadParameter(f"{text!r} is no number above zero", param_hint="--limit")
    return number


def split_instances(given: list[str] | None) -> tuple[tuple[str, ...], dict[str, str]]:
    """Take ``ID@ACCOUNT`` apart.

    Args:
        given: what ``--instance`` was given, None for the default.

    Returns:
        The instances, and the accounts of those that name one.

    Raises:
        typer.BadParameter: one instance has two accounts.
    """
    accounts: dict[str, str] = {}
    ids = []
    for entry in given or [DEFAULT_INSTANCE]:
        instance_id, names_account, account = entry.partition("@")
        ids.append(instance_id)
        if names_account and accounts.setdefault(instance_id, account) != account:
            raise typer.BadParameter(f"{instance_id!r} has two accounts", param_hint="--instance")
    return tuple(ids), accounts
