"""``certgate serve``: run the lab until somebody stops it."""

import asyncio
import logging
import signal
from pathlib import Path
from typing import Annotated

import typer

from certgate_controlplane.cli.options import DEFAULT_STATE_DIR, StateDir
from certgate_controlplane.lab import Address, AsyncLab
from certgate_controlplane.settings import DEFAULT_INSTANCE, Settings, Side


def serve(
    state_dir: StateDir = DEFAULT_STATE_DIR,
    host: Annotated[
        str, typer.Option(envvar="CERTGATE_HOST", help="Address to listen on.")
    ] = "127.0.0.1",
    api_port: Annotated[
        int, typer.Option(envvar="CERTGATE_API_PORT", min=0, max=65535, help="0: any free one.")
    ] = 8080,
    mqtts_port: Annotated[
        int, typer.Option(envvar="CERTGATE_MQTTS_PORT", min=0, max=65535, help="0: any free one.")
    ] = 8883,
    instance: Annotated[
        list[str] | None,
        typer.Option(
            envvar="CERTGATE_INSTANCE",
            help=f"Instance id; may be repeated, the first is the default. [{DEFAULT_INSTANCE}]",
        ),
    ] = None,
    server_name: Annotated[
        list[str] | None,
        typer.Option(
            envvar="CERTGATE_SERVER_NAME",
            help="Further name for the server's certificate; may be repeated.",
        ),
    ] = None,
    ready_file: Annotated[
        Path | None,
        typer.Option(envvar="CERTGATE_READY_FILE", help="Written once connections are accepted."),
    ] = None,
    only: Annotated[
        Side, typer.Option(envvar="CERTGATE_ONLY", help="Run one side only.")
    ] = Side.BOTH,
    allow_remote: Annotated[
        bool,
        typer.Option(
            "--allow-remote",
            envvar="CERTGATE_ALLOW_REMOTE",
            help="Listen on an address that is not loopback, though nobody's calls are checked.",
        ),
    ] = False,
    log_level: Annotated[
        str, typer.Option(envvar="CERTGATE_LOG_LEVEL", help="DEBUG, INFO, WARNING or ERROR.")
    ] = "WARNING",
) -> None:
    """Run the broker and the API until SIGINT or SIGTERM."""
    logging.basicConfig(level=_level(log_level), format="%(asctime)s %(name)s: %(message)s")
    settings = Settings(
        state_dir=state_dir,
        host=host,
        api_port=api_port,
        mqtts_port=mqtts_port,
        instance_ids=tuple(instance or [DEFAULT_INSTANCE]),
        server_names=tuple(server_name or []),
        side=only,
        allow_remote=allow_remote,
    )
    asyncio.run(_run(settings, ready_file))


def _level(name: str) -> int:
    levels = logging.getLevelNamesMapping()
    if name.upper() not in levels:
        raise typer.BadParameter(f"{name!r} is no log level", param_hint="--log-level")
    return levels[name.upper()]


async def _run(settings: Settings, ready_file: Path | None) -> None:
    stopped = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    async with AsyncLab(settings) as lab:
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
