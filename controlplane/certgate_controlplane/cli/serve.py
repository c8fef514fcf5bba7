"""``certgate serve``: run the lab until somebody stops it."""

import asyncio
import contextlib
import logging
import signal
from collections.abc import Iterator
from pathlib import Path

import typer

from certgate_broker.policy import (
    IdentifierBinding,
    IdentifierForm,
    LiveSessionRule,
    MqttAuth,
    Policy,
    RefusalStyle,
)
from certgate_controlplane.access.throttle import PER_SECOND
from certgate_controlplane.address import Address
from certgate_controlplane.cli.options import (
    DEFAULT_STATE_DIR,
    AllowRemote,
    ApiPort,
    BrokerLimits,
    CallsPerSecond,
    ClientIdBinding,
    ClientIdForm,
    Credentials,
    FaultsOnPurpose,
    Host,
    Instances,
    LiveSessions,
    Load,
    Login,
    LogLevel,
    MaxCas,
    MqttsPort,
    Only,
    ReadyFile,
    Refusal,
    ServerNames,
    StateDir,
    Statuses,
    read_faults,
    read_limits,
    split_instances,
)
from certgate_controlplane.lab import LabServer
from certgate_controlplane.loops import new_loop
from certgate_controlplane.settings import DEFAULT_MAX_CAS, Settings, Side
from certgate_controlplane.statuses import StatusProfile


def serve(
    state_dir: StateDir = DEFAULT_STATE_DIR,
    host: Host = "127.0.0.1",
    api_port: ApiPort = 8080,
    mqtts_port: MqttsPort = 8883,
    instance: Instances = None,
    server_name: ServerNames = None,
    ready_file: ReadyFile = None,
    only: Only = Side.BOTH,
    allow_remote: AllowRemote = False,
    credentials: Credentials = None,
    throttle: CallsPerSecond = PER_SECOND,
    status_profile: Statuses = StatusProfile.PER_OPERATION,
    max_cas: MaxCas = DEFAULT_MAX_CAS,
    refusal: Refusal = RefusalStyle.CONNACK_5,
    live_sessions: LiveSessions = LiveSessionRule.KEEP,
    client_id_binding: ClientIdBinding = IdentifierBinding.FIRST_USE,
    client_id_form: ClientIdForm = IdentifierForm.ANY,
    mqtt_auth: Login = MqttAuth.CERTIFICATE,
    limit: BrokerLimits = None,
    fault: FaultsOnPurpose = None,
    load: Load = None,
    log_level: LogLevel = "WARNING",
) -> None:
    """Run the broker and the API until SIGINT or SIGTERM."""
    instance_ids, accounts = split_instances(instance)
    settings = Settings(
        *(state_dir, host, api_port, mqtts_port, instance_ids, tuple(server_name or []), only),
        allow_remote=allow_remote,
        credentials=credentials,
        accounts=accounts,
        throttle=throttle,
        status_profile=status_profile,
        max_cas=max_cas,
        policy=Policy(client_id_binding, client_id_form, refusal, live_sessions, mqtt_auth),
        limits=read_limits(limit),
        faults=read_faults(fault),
        load=load,
    )
    _start(settings, ready_file, _level(log_level))


def _start(settings: Settings, ready_file: Path | None, level: int) -> None:
    logging.basicConfig(level=level, format="%(asctime)s %(name)s: %(message)s")
    with _announced(ready_file), asyncio.Runner(loop_factory=new_loop) as runner:
        runner.run(_run(settings, ready_file))


@contextlib.contextmanager
def _announced(ready_file: Path | None) -> Iterator[None]:
    """Leave no ready file of a lab that does not run: it would mislead who waits for one."""
    if ready_file is not None:
        ready_file.unlink(missing_ok=True)
    try:
        yield
    finally:
        if ready_file is not None:
            ready_file.unlink(missing_ok=True)


def _level(name: str) -> int:
    levels = logging.getLevelNamesMapping()
    if name.upper() not in levels:
        raise typer.BadParameter(f"{name!r} is no log level", param_hint="--log-level")
    return levels[name.upper()]


async def _run(settings: Settings, ready_file: Path | None) -> None:
    stopped = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    async with LabServer(settings) as lab:
        typer.echo(_greeting(lab.address))
        if ready_file is not None:
            lab.address.write(ready_file)
        await stopped.wait()


def _greeting(address: Address) -> str:
    lines = ["certgate is a test double: not Alibaba Cloud, not for production."]
    if address.api_url is not None:
        endpoint = address.api_url.removeprefix("http://")
        lines += [
            f"  API      {address.api_url}",
            f'           SDK: Config(endpoint="{endpoint}", protocol="http", …)',
        ]
    if address.mqtts_port is not None:
        lines += [
            f"  MQTT     {address.mqtts_host}:{address.mqtts_port} (TLS, client certificate)",
            f"  CA file  {address.server_ca_file} (devices trust this)",
        ]
    lines += [
        f"  instance {', '.join(address.instance_ids)}",
        f"  state    {address.state_dir}",
        "Stop with Ctrl-C.",
    ]
    return "\n".join(lines)
