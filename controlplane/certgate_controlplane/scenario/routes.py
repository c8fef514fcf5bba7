"""Scenarios over HTTP, behind the lab's own door `/_certgate/…`."""

from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from certgate_controlplane.bodies import BodyTooLongError, read_body, refused
from certgate_controlplane.scenario.errors import ScenarioError, SnapshotUnknown
from certgate_controlplane.scenario.service import Scenarios

_MOST_BYTES = 64 * 1024 * 1024
_BOOLEANS = {"true": True, "false": False}

_Handler = Callable[[Request], Awaitable[Response]]


@dataclass(frozen=True, slots=True)
class ScenarioRoutes:
    """What the door offers.

    Attributes:
        scenarios: does it.
    """

    scenarios: Scenarios

    def routes(self) -> list[Route]:
        """Give the door's routes."""
        return [
            Route("/export", _answered(self._export), methods=["GET"]),
            Route("/import", _answered(self._import), methods=["POST"]),
            Route("/snapshots", _answered(self._list), methods=["GET"]),
            # Any path, so that a name that cannot be one is told so.
            Route("/snapshots/{name:path}", _answered(self._snapshot), methods=["POST"]),
            Route("/reset", _answered(self._reset), methods=["POST"]),
        ]

    async def _export(self, request: Request) -> Response:
        certificates = _flag(request, "certificates", default=True)
        text = await self.scenarios.export(certificates=certificates)
        return Response(text, media_type="application/json")

    async def _import(self, request: Request) -> Response:
        loaded = await self.scenarios.load(await read_body(request, _MOST_BYTES))
        return JSONResponse(asdict(loaded))

    async def _list(self, _: Request) -> Response:
        return JSONResponse({"snapshots": await self.scenarios.snapshots()})

    async def _snapshot(self, request: Request) -> Response:
        name = request.path_params["name"]
        await self.scenarios.snapshot(name)
        return JSONResponse({"snapshot": name})

    async def _reset(self, request: Request) -> Response:
        name = request.query_params.get("snapshot")
        remove_made = _flag(request, "remove_made", default=False)
        await self.scenarios.reset(name, remove_made=remove_made)
        return JSONResponse({"snapshot": name})


def _answered(handler: _Handler) -> _Handler:
    """Answer what goes wrong with a sentence."""

    async def answer(request: Request) -> Response:
        try:
            return await handler(request)
        except SnapshotUnknown as error:
            return refused(error, "SnapshotUnknown", 404)
        except BodyTooLongError:
            sentence = f"a scenario has at most {_MOST_BYTES} bytes"
            return refused(sentence, "ScenarioTooLarge", 413)
        except ScenarioError as error:
            return refused(error, "ScenarioUnacceptable")

    return answer


def _flag(request: Request, name: str, *, default: bool) -> bool:
    text = request.query_params.get(name)
    if text is None:
        return default
    if text not in _BOOLEANS:
        raise ScenarioError(f"{name} is true or false")
    return _BOOLEANS[text]
