"""`/_certgate/faults`: faults over HTTP."""

import json
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from certgate_broker.faults.kinds import FaultError
from certgate_controlplane.bodies import BodyTooLongError, read_body, refused
from certgate_controlplane.faults.service import Faults
from certgate_controlplane.faults.values import make_fault


@dataclass(frozen=True, slots=True)
class FaultRoutes:
    """The part of the lab's own door where faults are set and cleared.

    Attributes:
        faults: the lab's.
    """

    faults: Faults

    def routes(self) -> list[Route]:
        """Give the routes; each answers with what is set then."""
        return [
            Route("/faults", self._list, methods=["GET"]),
            Route("/faults", self._set, methods=["POST"]),
            Route("/faults", self._clear_all, methods=["DELETE"]),
            Route("/faults/{name}", self._clear, methods=["DELETE"]),
        ]

    async def _list(self, _: Request) -> JSONResponse:
        return JSONResponse({"faults": await self.faults.list()})

    async def _set(self, request: Request) -> JSONResponse:
        try:
            given = json.loads(await read_body(request))
        except BodyTooLongError as error:
            return refused(error)
        except (RecursionError, ValueError):
            given = None
        if not isinstance(given, dict):
            return refused('a JSON object is expected, such as {"name": "connack-cut", "next": 1}')
        try:
            await self.faults.set(make_fault(given.pop("name", None), given))
        except FaultError as error:
            return refused(error)
        return await self._list(request)

    async def _clear_all(self, request: Request) -> JSONResponse:
        await self.faults.clear()
        return await self._list(request)

    async def _clear(self, request: Request) -> JSONResponse:
        try:
            await self.faults.clear(request.path_params["name"])
        except FaultError as error:
            return refused(error)
        return await self._list(request)
