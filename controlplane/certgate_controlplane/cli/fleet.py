"""``certgate fleet``: simulated devices that connect to a running lab."""

import asyncio
import math
import resource
from dataclasses import fields, replace
from typing import Annotated, Any
from urllib.parse import urlsplit

import typer

from certgate_controlplane.address import Address
from certgate_controlplane.cli.options import DEFAULT_STATE_DIR, StateDir
from certgate_controlplane.cli.remote import (
    DEFAULT_INSTANCE_ID,
    DEFAULT_URL,
    Instance,
    Url,
    runbook,
)
from certgate_controlplane.client import ApiClient
from certgate_controlplane.fleet import Behaviour, DeviceIdentity, Fleet
from certgate_controlplane.fleet.show import Show
from certgate_controlplane.runbook import RunbookError
from certgate_controlplane.state import StateDirectory

_SPARE_FILES = 64
_CA_PART = 40
_OURS = Behaviour()

Devices = Annotated[
    int, typer.Option(envvar="CERTGATE_DEVICES", min=1, help="How many devices there are.")
]
Cas = Annotated[
    list[str],
    typer.Option(
        "--ca",
        envvar="CERTGATE_CA",
        help="CA made with `pki ca`; may be repeated, the devices are spread over them.",
    ),
]
Group = Annotated[
    str,
    typer.Option(
        envvar="CERTGATE_GROUP", help="Client identifiers and common names begin with it."
    ),
]
PublishSeconds = Annotated[
    float,
    typer.Option(
        envvar="CERTGATE_PUBLISH_SECONDS",
        min=0,
        help="Mean time between two messages of a device; 0: none.",
    ),
]
DropSeconds = Annotated[
    float,
    typer.Option(
        envvar="CERTGATE_DROP_SECONDS",
        min=0,
        help="Mean time until a device drops its connection; 0: never.",
    ),
]
Resumption = Annotated[
    bool,
    typer.Option(
        "--resumption/--no-resumption",
        envvar="CERTGATE_RESUMPTION",
        help="Whether devices resume their TLS sessions by ticket.",
    ),
]
Jitter = Annotated[
    bool,
    typer.Option(
        "--jitter/--no-jitter",
        envvar="CERTGATE_JITTER",
        help="Whether back-off is a random part of its bound or all of it.",
    ),
]
BackOffMin = Annotated[
    float,
    typer.Option(
        envvar="CERTGATE_BACK_OFF_MIN", min=0.001, help="Seconds; doubled with each attempt."
    ),
]
BackOffMax = Annotated[
    float, typer.Option(envvar="CERTGATE_BACK_OFF_MAX", min=0.001, help="Seconds, at most.")
]
SteadySeconds = Annotated[
    float,
    typer.Option(
        envvar="CERTGATE_STEADY_SECONDS",
        min=0,
        help="A connection that lasted this long starts the back-off afresh.",
    ),
]
StartSeconds = Annotated[
    float,
    typer.Option(
        envvar="CERTGATE_START_SECONDS", min=0, help="All devices are switched on within this time."
    ),
]
AtOnce = Annotated[
    int,
    typer.Option(envvar="CERTGATE_AT_ONCE", min=1, help="Devices that may connect at one time."),
]
Duration = Annotated[
    float,
    typer.Option(envvar="CERTGATE_DURATION", min=0, help="Seconds; 0: until Ctrl-C."),
]
Seed = Annotated[
    int, typer.Option(envvar="CERTGATE_SEED", help="The same seed makes the same plans.")
]
Port = Annotated[
    int,
    typer.Option(
        "--mqtts-port",
        envvar="CERTGATE_MQTTS_PORT",
        min=0,
        max=65535,
        help="Where the broker is, if not in the API's process; 0: ask the lab.",
    ),
]
Summary = Annotated[
    bool, typer.Option("--json", envvar="CERTGATE_JSON", help="One line at the end, for scripts.")
]


def fleet(
    ca: Cas,
    devices: Devices = 100,
    group: Group = "GID_fleet",
    publish_seconds: PublishSeconds = _OURS.publish_seconds,
    drop_seconds: DropSeconds = _OURS.drop_seconds,
    resumption: Resumption = True,
    jitter: Jitter = True,
    back_off_min: BackOffMin = _OURS.back_off_min,
    back_off_max: BackOffMax = _OURS.back_off_max,
    steady_seconds: SteadySeconds = _OURS.steady_seconds,
    start_seconds: StartSeconds = _OURS.start_seconds,
    at_once: AtOnce = _OURS.at_once,
    duration: Duration = 0,
    seed: Seed = 0,
    state_dir: StateDir = DEFAULT_STATE_DIR,
    api_url: Url = DEFAULT_URL,
    mqtts_port: Port = 0,
    instance: Instance = DEFAULT_INSTANCE_ID,
    as_json: Summary = False,
) -> None:
    """Let simulated devices connect, publish, drop and come back until Ctrl-C."""
    if not duration < math.inf:
        raise typer.BadParameter(f"cannot be {duration}", param_hint="--duration")
    behaviour = _behaviour(
        *(publish_seconds, drop_seconds, resumption, jitter, back_off_min, back_off_max),
        steady_seconds=steady_seconds,
        start_seconds=start_seconds,
        at_once=at_once,
        seed=seed,
    )
    _allow_files(devices)
    api, state = runbook(api_url, instance).api, StateDirectory(state_dir)
    address = _address(api, mqtts_port, state)
    identities = _identities(state, ca, devices, group)
    signed = [
        each.signed(api.access_key_id, api.access_key_secret, instance) for each in identities
    ]
    show = Show(f"{devices} devices of {', '.join(ca)}", as_json=as_json, duration=duration)
    asyncio.run(show.run(Fleet(address, signed, behaviour, instance)))


def _behaviour(*values: Any, **more: Any) -> Behaviour:  # noqa: ANN401  of several types
    try:
        return Behaviour(*values, **more)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None


def _allow_files(devices: int) -> None:
    """Let this process have as many open files as it needs: one for each connection."""
    needed = devices + _SPARE_FILES
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < needed:
        message = f"this process may open {hard} files, and one is needed for each device"
        raise typer.BadParameter(message, param_hint="--devices")
    if soft < needed:
        resource.setrlimit(resource.RLIMIT_NOFILE, (needed, hard))


def _address(api: ApiClient, mqtts_port: int, state: StateDirectory) -> Address:
    """Ask the lab where it is; a broker in a process of its own has to be named."""
    about = api.read("/_certgate/health")
    try:
        values = {item.name: about[item.name] for item in fields(Address)}
    except KeyError:
        raise RunbookError(f"what answers at {api.url} is no certgate") from None
    address = Address(**values | {"instance_ids": tuple(values["instance_ids"])})
    if not mqtts_port:
        return address
    host, file = urlsplit(api.url).hostname, str(state.server_ca_file)
    return replace(address, mqtts_host=host, mqtts_port=mqtts_port, server_ca_file=file)


def _identities(
    state: StateDirectory, cas: list[str], devices: int, group: str
) -> list[DeviceIdentity]:
    """Issue the devices' certificates; they are kept in memory only."""
    authorities = [(name, state.ca(name)) for name in cas]
    found = []
    for number in range(devices):
        name, authority = authorities[number % len(authorities)]
        client_id = f"{group}@@@{name[:_CA_PART]}-{number + 1:04}"
        try:
            found.append(DeviceIdentity.issue(client_id, authority))
        except ValueError as error:
            message = f"{client_id!r} cannot be a common name: {error}"
            raise typer.BadParameter(message, param_hint="--group") from None
    return found
