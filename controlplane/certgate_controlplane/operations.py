"""The cloud's operations, called from inside the lab: no HTTP, no signature, no fault."""

from dataclasses import dataclass

from certgate_controlplane.catalogue import OPERATIONS
from certgate_controlplane.context import Answer, Context
from certgate_controlplane.errors import ApiError
from certgate_controlplane.parameters import Parameters
from certgate_controlplane.statuses import StatusProfile

_GOOD = 200


@dataclass(frozen=True, slots=True)
class Operations:
    """Runs operations and remembers them beside those that came over the network.

    Attributes:
        context: what they work with; it remembers them.
    """

    context: Context

    async def call(self, action: str, **parameters: str) -> Answer:
        """Call an operation.

        Args:
            action: its name, such as ``InactivateCaCertificate``.
            parameters: its request parameters.

        Raises:
            ApiError: it is refused, as it would be over the network.
            RegistryUnavailable: the registry cannot be used.
        """
        given, running = Parameters(parameters.items()), self.context.calls.start()
        try:
            answer = await OPERATIONS[action].run(self.context, given)
        except ApiError as refusal:
            status = refusal.status(StatusProfile.PER_OPERATION, action)
            running.end(action, given, status, refusal.code)
            raise
        running.end(action, given, _GOOD)
        return answer
