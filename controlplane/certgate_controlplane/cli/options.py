"""Options that several commands share."""

from pathlib import Path
from typing import Annotated

import typer

StateDir = Annotated[
    Path,
    typer.Option(
        "--state-dir",
        envvar="CERTGATE_STATE_DIR",
        help="Registry, server certificate, and what `pki` made.",
    ),
]
DEFAULT_STATE_DIR = Path(".certgate")
