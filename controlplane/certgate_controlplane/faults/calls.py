"""What becomes of calls of the API while faults are set."""

import asyncio
import contextlib

from certgate_broker.faults.drawing import FaultSet
from certgate_broker.faults.values import RegistryOutage
from certgate_certs.registry import RegistryUnavailable
from certgate_controlplane.catalogue import Operation
from certgate_controlplane.context import Answer, Context
from certgate_controlplane.errors import ApiError
from certgate_controlplane.faults.errors import documented_error
from certgate_controlplane.faults.values import ErrorAnswer, LateAnswer, NoAnswer
from certgate_controlplane.parameters import Parameters
from certgate_controlplane.rpc import HangUp


class FaultyCalls:
    """Runs operations as far as faults let it.

    Args:
        faults: the faults.
    """

    def __init__(self, faults: FaultSet) -> None:
        self._faults = faults

    async def run(self, operation: Operation, context: Context, parameters: Parameters) -> Answer:
        """Run an operation, late, or not at all, or for nothing.

        Args:
            operation: the operation.
            context: what it works with.
            parameters: what it is called with.

        Raises:
            ApiError: it is refused, on purpose or not.
            RegistryUnavailable: likewise.
            HangUp: there shall be no answer.
        """
        await self._before(operation.name)
        dropped = await self._faults.draw(NoAnswer, lambda fault: fault.concerns(operation.name))
        if not dropped:
            return await operation.run(context, parameters)
        with contextlib.suppress(ApiError):
            await operation.run(context, parameters)
        raise HangUp

    async def _before(self, name: str) -> None:
        late = await self._faults.draw(LateAnswer, lambda fault: fault.concerns(name))
        if late is not None:
            await asyncio.sleep(late.milliseconds / 1000)
        if await self._faults.draw(RegistryOutage):
            raise RegistryUnavailable("fault injected: registry-unavailable")
        error = await self._faults.draw(ErrorAnswer, lambda fault: fault.concerns(name))
        if error is not None:
            raise documented_error(error.code)
