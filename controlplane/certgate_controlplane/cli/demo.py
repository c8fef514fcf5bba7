"""``certgate demo``: watch what the two kill switches do, in a lab of its own."""

import asyncio
import tempfile
from pathlib import Path

import typer
from rich.console import Console

from certgate_controlplane.demo.stage import Stage
from certgate_controlplane.demo.story import Story
from certgate_controlplane.lab import LabServer
from certgate_controlplane.settings import Settings
from certgate_controlplane.state import StateDirectory


def demo() -> None:
    """Show devices admitted and refused as CA certificates are inactivated and deleted.

    Needs nothing but loopback and leaves nothing behind; exit status 0 means that everything the
    demonstration claims was observed.
    """
    with tempfile.TemporaryDirectory(prefix="certgate-demo-") as folder:
        all_observed = asyncio.run(_run(Path(folder)))
    if not all_observed:
        raise typer.Exit(1)


async def _run(folder: Path) -> bool:
    stage = Stage(Console(highlight=False))
    async with LabServer(Settings(state_dir=folder, api_port=0, mqtts_port=0)) as lab:
        stage.tell(f"API {lab.address.api_url}, MQTT over TLS on port {lab.address.mqtts_port}")
        story = Story(stage, lab.address, StateDirectory(folder))
        await asyncio.to_thread(story.play)
    return stage.curtain()
