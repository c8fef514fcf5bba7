"""What a lab holds, as a whole: kept, put back, written to files and read from them."""

import asyncio
from pathlib import Path

from certgate_controlplane.scenario import read_file
from certgate_controlplane.toolkit.handles import Ca, Device
from certgate_controlplane.toolkit.operator import Operator


class Keeper(Operator):
    """Resets a lab, and keeps what it holds."""

    async def reset(self, snapshot: str | None = None) -> None:
        """Go back to a snapshot, or to an empty lab: no CA, no device, no connection, no record.

        Faults are cleared and the clock is set right, or as it was with the snapshot. The names of
        CAs and devices that were made since are free again.

        Args:
            snapshot: its name; None for the empty lab.

        Raises:
            ScenarioError: there is no such snapshot.
        """
        await self.server.scenarios.reset(snapshot, remove_made=True)

    async def snapshot(self, name: str) -> None:
        """Keep what the lab holds under a name.

        Args:
            name: the name; an earlier snapshot of that name is replaced.

        Raises:
            ScenarioError: the name cannot be a file's.
        """
        await self.server.scenarios.snapshot(name)

    async def export(self, path: Path | str, *, certificates: bool = True) -> None:
        """Write what the lab holds to a file that people can read.

        Args:
            path: the file, JSON.
            certificates: with certificates; without, loading it makes new ones.

        Raises:
            OSError: the file cannot be written.
        """
        text = await self.server.scenarios.export(certificates=certificates)
        await asyncio.to_thread(Path(path).write_text, text, encoding="utf-8")

    async def load(self, path: Path | str) -> None:
        """Replace what the lab holds by a scenario.

        Args:
            path: the file, JSON.

        Raises:
            ScenarioError: it cannot be loaded; the lab is as it was.
        """
        await self.server.scenarios.load(await asyncio.to_thread(read_file, Path(path)))

    def ca(self, name: str, *, instance: str | None = None) -> Ca:
        """Take up a CA whose files are in the state directory, such as one of a scenario.

        Args:
            name: its name.
            instance: the instance it is registered with; the lab's first one unless given.

        Raises:
            StateError: there is none.
        """
        return self._ca(name, self.state.ca_files(name), instance)

    def device(self, name: str, ca: Ca, *, client_id: str | None = None) -> Device:
        """Take up a device whose files are in the state directory, such as one of a scenario.

        Args:
            name: its name.
            ca: the CA that issued its certificate.
            client_id: its client identifier; the name unless given.

        Raises:
            StateError: there is none.
        """
        return self._device(name, self.state.device_files(name, ca.name), ca, client_id)
