"""``certgate demo``: watch what the two kill switches do, in a lab of its own."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from certgate_controlplane.demo.stage import Stage
from certgate_controlplane.demo.story import Story
from certgate_controlplane.key_files import explained
from certgate_controlplane.report import junit_xml
from certgate_controlplane.toolkit.lab import Lab

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
    stage = Stage(Console(highlight=False))
    with Lab() as lab:
        stage.tell(f"API {lab.api_url}, MQTT over TLS on port {lab.port}")
        Story(stage, lab).play()
        if report is not None:
            with explained(report):
                lab.report(report, stage.claims)
    if junit is not None:
        with explained(junit):
            junit.write_text(junit_xml(stage.claims, stage.began), encoding="utf-8")
    if not stage.curtain():
        raise typer.Exit(1)
