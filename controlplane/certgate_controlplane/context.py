"""What an action works with."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Protocol

from certgate_certs.registry import Registry
from certgate_controlplane.calls import CallLog
from certgate_controlplane.clock import LabClock
from certgate_controlplane.errors import mqtt_instance_not_found
from certgate_controlplane.parameters import Parameters
from certgate_controlplane.permit import ANYTHING, Permit


@dataclass(frozen=True, slots=True)
class Limits:
    """How much an instance may hold.

    Attributes:
        cas_per_instance: CA certificates; the cloud has such a number and does not publish it.
    """

    cas_per_instance: int = 100


class LiveClients(Protocol):
    """The connected clients, as far as the API reaches them."""

    async def close(self, instance_id: str, client_id: str, /) -> bool:
        """Close a client's connection; tell whether there was one."""
        ...

    async def online(self, instance_id: str, client_ids: list[str], /) -> set[str]:
        """Tell which of these clients are connected."""
        ...

    async def send(self, instance_id: str, topic: str, payload: str, /) -> None:
        """Publish a message to whom it concerns."""
        ...


class Nobody:
    """The connected clients of a lab without a broker."""

    async def close(self, _instance_id: str, _client_id: str) -> bool:
        """Find nobody."""
        return False

    async def online(self, _instance_id: str, _client_ids: list[str]) -> set[str]:
        """Find nobody."""
        return set()

    async def send(self, _instance_id: str, _topic: str, _payload: str) -> None:
        """Reach nobody."""


@dataclass(frozen=True, slots=True)
class Context:
    """What an action works with.

    Attributes:
        registry: which certificates are registered.
        instance_ids: the instances there are.
        limits: how much each may hold.
        clients: who is connected to them.
        calls: remembers what was asked.
        permit: what this call's caller may do.
    """

    registry: Registry
    instance_ids: frozenset[str]
    limits: Limits = field(default_factory=Limits)
    clients: LiveClients = field(default_factory=Nobody)
    calls: CallLog = field(default_factory=lambda: CallLog(LabClock()))
    permit: Permit = ANYTHING

    def permitting(self, permit: Permit) -> "Context":
        """Give the context of one call.

        Args:
            permit: what its caller may do.
        """
        return replace(self, permit=permit)

    def own_instances(self) -> list[str]:
        """List the instances of whoever calls."""
        return sorted(filter(self.permit.covers, self.instance_ids))

    def require_instance(self, instance_id: str) -> None:
        """Refuse a call for an instance that does not exist or that is not for this caller.

        Args:
            instance_id: the instance asked for.

        Raises:
            ApiError: there is none, or the permit does not cover it.
        """
        if instance_id not in self.instance_ids:
            raise mqtt_instance_not_found()
        self.permit.check(instance_id)


Answer = Mapping[str, object]
"""The members of an answer's body, the request id excepted."""

Handler = Callable[[Context, Parameters], Awaitable[Answer]]
"""An action: reads its parameters, does its work, and answers or raises `ApiError`."""
