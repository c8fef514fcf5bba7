"""What a test asks of a lab: the decision records, as values and as a story."""

import asyncio
import time

from certgate_controlplane.toolkit.handles import Device
from certgate_controlplane.toolkit.life import Life
from certgate_controlplane.toolkit.story import Decision, tell

_LOOK_SECONDS = 0.005
_MOST = 1_000_000_000


class Witness(Life):
    """Reads decision records."""

    async def decisions(
        self, device: Device | None = None, accepted: bool | None = None, since: int = 0
    ) -> list[Decision]:
        """Give decision records, oldest first; none that was decided before is missing.

        Args:
            device: those on this device; None for all.
            accepted: admitted ones or refused ones; None for both.
            since: records up to and including this number are passed over.
        """
        await self.server.desks.flush()
        found = await self.server.registry.decisions.since(since, _MOST)
        every = [Decision.numbered(number, record) for number, record in found]
        return [
            each
            for each in every
            if (device is None or each.is_about(device)) and accepted in {None, each.accepted}
        ]

    async def wait_for_decision(
        self,
        device: Device | None = None,
        accepted: bool | None = None,
        since: int = 0,
        timeout: float = 5.0,  # noqa: ASYNC109  the failure tells the device's story
    ) -> Decision:
        """Wait for a decision record.

        Args:
            device: one on this device; None for any.
            accepted: an admitted one or a refused one; None for either.
            since: records up to and including this number are passed over.
            timeout: seconds.

        Raises:
            AssertionError: none came in time; the text tells the device's story.
        """
        deadline = time.monotonic() + timeout
        while not (found := await self.decisions(device, accepted, since)):
            if time.monotonic() >= deadline:
                __tracebackhide__ = True
                what = {None: "decided about", True: "admitted", False: "refused"}[accepted]
                who = "nobody" if device is None else f"{device} was not"
                raise AssertionError(f"{who} {what} within {timeout} s.{await self.story(device)}")
            await asyncio.sleep(_LOOK_SECONDS)
        return found[0]

    async def story(self, device: Device | None) -> str:
        """Tell what was decided on a device, for the message of a failure.

        Args:
            device: the device; None for no story.
        """
        if device is None:
            return ""
        calls = [call for _, call in self.server.calls.since(0)]
        return "\n" + tell(device, await self.decisions(device), calls)
