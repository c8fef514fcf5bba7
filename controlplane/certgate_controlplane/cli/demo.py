"""``certgate demo``: watch what the two kill switches do, in a lab of its own."""

import asyncio
import tempfile
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from certgate_controlplane.demo.stage import Stage
from certgate_controlplane.demo.story import Story
from certgate_controlplane.key_files import explained
from certgate_controlplane.lab import LabServer
from certgate_controlplane.report import junit_xml
from certgate_controlplane.settings import Settings
from certgate_controlplane.state import StateDirectory
from certgate_controlplane.toolkit.reporting import write_report

Report = Annotated[
    Path | None,
    typer.Option(envvar="CERTGATE_REPORT", help="Write the timeline there, one HTML page."),
]
Junit = Annotated[
    Path | None, typer.Option(envvar="CERTGATE_JUNIT", help="Write the claims there, JUnit XML.")
]


def demo(report: Report = None, junit: Junit = None) -> None:
    """Show devices admitted and refused as CA certificates are inactivated and deleted.

    Needs nothing but loopback and leaves nothing behind; exit status 0 means that everything the
    demonstration claims was observed.
    """
    with tempfile.TemporaryDirectory(prefix="certgate-demo-") as folder:
        stage = asyncio.run(_run(Path(folder), report))
    if junit is not None:
        with explained(junit):
            junit.write_text(junit_xml(stage.claims, stage.began), encoding="utf-8")
    if not stage.curtain():
        raise typer.Exit(1)


async def _run(folder: Path, report: Path | None) -> Stage:
    stage = Stage(Console(highlight=False))
    async with LabServer(Settings(state_dir=folder, api_port=0, mqtts_port=0)) as lab:
        stage.tell(f"API {lab.address.api_url}, MQTT over TLS on port {lab.address.mqtts_port}")
        story = Story(stage, lab.address, StateDirectory(folder))
        await asyncio.to_thread(story.play)
        if report is not None:
            with explained(report):
                await write_report(report, lab, story.names, stage.claims)
    return stage
