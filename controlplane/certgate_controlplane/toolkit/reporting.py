"""The report of what happened in a lab so far."""

import asyncio
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path

from certgate_controlplane.lab import LabServer
from certgate_controlplane.report import About, Claim, Timeline, build_timeline, write_page
from certgate_controlplane.toolkit.keeper import Keeper

_MOST = 1_000_000_000


class Reporter(Keeper):
    """Writes reports."""

    async def report(self, path: Path | str, claims: Sequence[Claim] = ()) -> None:
        """Write the revocation timeline so far: one HTML page that needs nothing else.

        Args:
            path: the file.
            claims: what was stated in the run, where anything was.

        Raises:
            OSError: the file cannot be written.
        """
        about = About(version("certgate"), self.server.now())
        timeline = await _timeline(self.server, self.names)
        await asyncio.to_thread(write_page, Path(path), timeline, about, claims)


async def _timeline(server: LabServer, names: Mapping[str, str]) -> Timeline:
    await server.desks.flush()
    decisions = await server.registry.decisions.since(0, _MOST)
    closings = await server.registry.closings.since(0, _MOST)
    return build_timeline(
        [call for _, call in server.calls.since(0)],
        [decision for _, decision in decisions],
        [closing for _, closing in closings],
        names,
    )
