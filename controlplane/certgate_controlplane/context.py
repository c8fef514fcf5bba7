"""What an action works with."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

from certgate_certs.registry import Registry
from certgate_controlplane.errors import mqtt_instance_not_found
from certgate_controlplane.parameters import Parameters


@dataclass(frozen=True, slots=True)
class Limits:
    """How much an instance may hold.

    Attributes:
        cas_per_instance: CA certificates; the cloud has such a number and does not publish it.
    """

    cas_per_instance: int = 100


@dataclass(frozen=True, slots=True)
class Context:
    """What an action works with.

    Attributes:
        registry: which certificates are registered.
        instance_ids: the instances there are.
        limits: how much each may hold.
    """

    registry: Registry
    instance_ids: frozenset[str]
    limits: Limits = field(default_factory=Limits)

    def require_instance(self, instance_id: str) -> None:
        """Refuse a call for an instance that does not exist.

        Args:
            instance_id: the instance asked for.

        Raises:
            ApiError: there is none.
        """
        if instance_id not in self.instance_ids:
            raise mqtt_instance_not_found()


Answer = Mapping[str, object]
"""The members of an answer's body, the request id excepted."""

Handler = Callable[[Context, Parameters], Awaitable[Answer]]
"""An action: reads its parameters, does its work, and answers or raises `ApiError`."""
