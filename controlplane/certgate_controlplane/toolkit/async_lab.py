"""The lab for asyncio: ``async with AsyncLab() as lab: …``."""

from certgate_controlplane.toolkit.fleets import FleetKeeper
from certgate_controlplane.toolkit.judge import Judge
from certgate_controlplane.toolkit.reporting import Reporter


class AsyncLab(Reporter, Judge, FleetKeeper):
    """A lab in the running event loop.

    Args:
        options: how it is set up; see `Options`.
    """
