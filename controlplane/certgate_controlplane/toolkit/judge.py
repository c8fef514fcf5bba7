"""Assertions that connect as a device does, and tell its story where they fail."""

import asyncio
import time

import paho.mqtt.client as mqtt

from certgate_broker.reasons import Reason
from certgate_controlplane.toolkit.connection import Connection, Outcome
from certgate_controlplane.toolkit.handles import Device
from certgate_controlplane.toolkit.story import Decision
from certgate_controlplane.toolkit.witness import Witness

_LOOK_SECONDS = 0.002


class Judge(Witness):
    """Judges connection attempts.

    Attempts are made with paho-mqtt and the device's client identifier: where one is admitted, an
    open connection of that identifier is taken over, as MQTT demands (3.1.1, 3.1.4), and the
    attempt disconnects at once.
    """

    async def connect(self, device: Device, client_id: str | None = None) -> Connection:
        """Connect as a device and stay connected.

        Args:
            device: the device.
            client_id: the client identifier, where it is not the device's own.

        Raises:
            AssertionError: it was refused; the text tells the device's story.
        """
        connection = Connection(device, client_id)
        outcome = await asyncio.to_thread(connection.open)
        if not outcome.accepted:
            __tracebackhide__ = True
            raise AssertionError(await self._objection(device, outcome, "should be admitted"))
        return connection

    async def assert_admitted(self, device: Device) -> Decision:
        """Make a connection attempt as a device: it is admitted.

        Args:
            device: the device.

        Returns:
            The decision record.

        Raises:
            AssertionError: it was refused; the text tells the device's story.
        """
        outcome, decision = await self._attempt(device)
        if decision is None or not (outcome.accepted and decision.accepted):
            __tracebackhide__ = True
            raise AssertionError(await self._objection(device, outcome, "should be admitted"))
        return decision

    async def assert_refused(self, device: Device, reason: Reason | str | None = None) -> Decision:
        """Make a connection attempt as a device: it is refused.

        Args:
            device: the device.
            reason: one of the reasons that its record has to give; None for any.

        Returns:
            The decision record.

        Raises:
            AssertionError: it was admitted, or refused for other reasons; the text tells the
                device's story.
            ValueError: there is no such reason.
        """
        wanted = None if reason is None else Reason(reason)
        outcome, decision = await self._attempt(device)
        if decision is None or outcome.accepted or not _gives(decision, wanted):
            __tracebackhide__ = True
            expected = f"should be refused{_because(wanted)}"
            raise AssertionError(await self._objection(device, outcome, expected))
        return decision

    async def assert_refused_within(
        self, device: Device, ms: float, reason: Reason | str | None = None
    ) -> float:
        """Make connection attempts as a device until one is refused.

        Args:
            device: the device.
            ms: the most milliseconds from now to the answer that refuses it.
            reason: one of the reasons that its record has to give; None for any.

        Returns:
            After how many milliseconds it was refused.

        Raises:
            AssertionError: it was not refused in time, or for other reasons; the text tells the
                device's story.
            ValueError: there is no such reason.
        """
        wanted, began, took = None if reason is None else Reason(reason), time.monotonic(), 0.0
        accepted = True
        while accepted and took <= ms:
            outcome, decision = await self._attempt(device)
            took = (time.monotonic() - began) * 1000
            accepted = outcome.accepted
        if accepted or took > ms or decision is None or not _gives(decision, wanted):
            __tracebackhide__ = True
            expected = f"should be refused within {ms:g} ms{_because(wanted)}"
            raise AssertionError(await self._objection(device, outcome, expected))
        return took

    async def assert_closed_within(self, connection: Connection | mqtt.Client, ms: float) -> None:
        """Wait until a connection has been closed.

        Args:
            connection: one that `connect` gave, or a paho-mqtt client whose loop runs.
            ms: the most milliseconds from now.

        Raises:
            AssertionError: it is still open.
        """
        deadline = time.monotonic() + ms / 1000
        while _is_open(connection):
            if time.monotonic() > deadline:
                __tracebackhide__ = True
                device = connection.device if isinstance(connection, Connection) else None
                who = "the connection" if device is None else f"the connection of {device}"
                story = await self.story(device)
                raise AssertionError(f"{who} is still open after {ms:g} ms.{story}")
            await asyncio.sleep(_LOOK_SECONDS)

    async def _attempt(self, device: Device) -> tuple[Outcome, Decision | None]:
        before = await self.decisions()
        mark = before[-1].number if before else 0
        connection = Connection(device)
        outcome = await asyncio.to_thread(connection.open)
        await asyncio.to_thread(connection.close)
        made = await self.decisions(since=mark)
        own = [each for each in made if each.remote_address == outcome.local_address]
        return outcome, own[0] if own else None

    async def _objection(self, device: Device, outcome: Outcome, expected: str) -> str:
        saw = "it was admitted" if outcome.accepted else f"its client was told: {outcome.said}"
        return f"{device} {expected}, but {saw}.{await self.story(device)}"


def _gives(decision: Decision, wanted: Reason | None) -> bool:
    return not decision.accepted and (wanted is None or wanted.value in decision.reasons)


def _because(wanted: Reason | None) -> str:
    return "" if wanted is None else f" for {wanted.value}"


def _is_open(connection: Connection | mqtt.Client) -> bool:
    if isinstance(connection, Connection):
        return connection.is_open
    return connection.is_connected()
