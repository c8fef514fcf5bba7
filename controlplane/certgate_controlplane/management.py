"""The lab's own door, `/_certgate/…`: what tests ask and the cloud's API does not tell."""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from certgate_broker.desk import Desks
from certgate_broker.reasons import Reason
from certgate_certs.registry import DecisionRecord, Registry

_MOST = 1000


@dataclass(frozen=True, slots=True)
class Management:
    """What the door needs.

    Attributes:
        registry: holds the decision records.
        desks: the doors of this process and of the others that share the registry.
        about: what `health` tells of the lab.
    """

    registry: Registry
    desks: Desks
    about: Callable[[], dict[str, Any]]

    def routes(self) -> list[Route]:
        """Give the door's routes."""
        return [
            Route("/health", self._health, methods=["GET"]),
            Route("/decisions", self._decisions, methods=["GET"]),
            Route("/closings", self._closings, methods=["GET"]),
            Route("/sessions", self._sessions, methods=["GET"]),
        ]

    async def _health(self, _: Request) -> JSONResponse:
        return JSONResponse({"status": "ok", **self.about()})

    async def _decisions(self, request: Request) -> JSONResponse:
        numbers = _numbers(request, since=0, limit=_MOST)
        if numbers is None:
            return _bad("since and limit are whole numbers from 0")
        await self.desks.flush()
        since, limit = numbers
        found = await self.registry.decisions.since(since, min(limit, _MOST))
        return JSONResponse({"decisions": [_decision(number, item) for number, item in found]})

    async def _closings(self, request: Request) -> JSONResponse:
        numbers = _numbers(request, since=0, limit=_MOST)
        if numbers is None:
            return _bad("since and limit are whole numbers from 0")
        await self.desks.flush()
        since, limit = numbers
        found = await self.registry.closings.since(since, min(limit, _MOST))
        items = [{"number": number, **asdict(closing)} for number, closing in found]
        return JSONResponse({"closings": items})

    async def _sessions(self, _: Request) -> JSONResponse:
        return JSONResponse({"sessions": await self.desks.sessions()})


def _decision(number: int, record: DecisionRecord) -> dict[str, Any]:
    known = {reason.value: reason.sentence for reason in Reason}
    sentences = [known.get(reason, reason) for reason in record.reasons]
    return {"number": number, **asdict(record), "sentences": sentences}


def _numbers(request: Request, **defaults: int) -> list[int] | None:
    found = []
    for name, default in defaults.items():
        text = request.query_params.get(name, str(default))
        if not (text.isascii() and text.isdigit() and len(text) < 16):  # noqa: PLR2004  fits SQLite
            return None
        found.append(int(text))
    return found


def _bad(message: str) -> JSONResponse:
    return JSONResponse({"Code": "BadRequest", "Message": message}, status_code=400)
