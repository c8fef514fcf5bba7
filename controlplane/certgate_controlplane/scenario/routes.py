"""Scenarios over HTTP, behind the lab's own door `/_certgate/…`."""

from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from certgate_certs.registry import RegistryUnavailable
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
        loaded = await self.scenarios.load(await _body(request))
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


class _TooLarge(ScenarioError):  # noqa: N818  the state is the name
    """More than anybody needs to be taken into memory."""


def _answered(handler: _Handler) -> _Handler:
    """Answer what goes wrong with a sentence."""

    async def answer(request: Request) -> Response:
        try:
            return await handler(request)
        except SnapshotUnknown as error:
            return _refusal("SnapshotUnknown", error, 404)
        except _TooLarge as error:
            return _refusal("ScenarioTooLarge", error, 413)
        except ScenarioError as error:
            return _refusal("ScenarioUnacceptable", error, 400)
        except RegistryUnavailable as error:
            return _refusal("RegistryUnavailable", error, 503)

    return answer


def _refusal(code: str, error: Exception, status: int) -> JSONResponse:
    return JSONResponse({"Code": code, "Message": str(error)}, status_code=status)


def _flag(request: Request, name: str, *, default: bool) -> bool:
    text = request.query_params.get(name)
    if text is None:
        return default
    if text not in _BOOLEANS:
        raise ScenarioError(f"{name} is true or false")
    return _BOOLEANS[text]


async def _body(request: Request) -> bytes:
    received = bytearray()
    async for piece in request.stream():
        received += piece
        if len(received) > _MOST_BYTES:
            raise _TooLarge(f"a scenario has at most {_MOST_BYTES} bytes")
    return bytes(received)
