"""The lab's own door, `/_certgate/…`: what tests ask and the cloud's API does not tell."""

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from certgate_broker.desk import Desks
from certgate_broker.reasons import Reason
from certgate_certs.registry import DecisionRecord, Registry
from certgate_controlplane.bodies import BodyTooLongError, read_body, refused
from certgate_controlplane.calls import CallLog
from certgate_controlplane.clock import ClockError, LabClock, SharedClock, advance_of

_MOST = 1000


@dataclass(frozen=True, slots=True)
class Management:
    """What the door needs.

    Attributes:
        registry: holds the decision records.
        desks: the doors of this process and of the others that share the registry.
        about: what `health` tells of the lab.
        calls: what the API was asked.
        now: the lab's clock.
        clock: moves it.
    """

    registry: Registry
    desks: Desks
    about: Callable[[], dict[str, Any]]
    calls: CallLog
    now: LabClock
    clock: SharedClock

    def routes(self) -> list[Route]:
        """Give the door's routes."""
        return [
            Route("/health", self._health, methods=["GET"]),
            Route("/decisions", self._decisions, methods=["GET"]),
            Route("/closings", self._closings, methods=["GET"]),
            Route("/sessions", self._sessions, methods=["GET"]),
            Route("/calls", self._calls, methods=["GET"]),
            Route("/clock", self._clock, methods=["GET"]),
            Route("/clock", self._move_clock, methods=["POST"]),
            Route("/clock", self._reset_clock, methods=["DELETE"]),
        ]

    async def _health(self, _: Request) -> JSONResponse:
        return JSONResponse({"status": "ok", **self.about()})

    async def _decisions(self, request: Request) -> JSONResponse:
        numbers = _numbers(request, since=0, limit=_MOST)
        if numbers is None:
            return refused("since and limit are whole numbers from 0")
        await self.desks.flush()
        since, limit = numbers
        found = await self.registry.decisions.since(since, min(limit, _MOST))
        return JSONResponse({"decisions": [_decision(number, item) for number, item in found]})

    async def _closings(self, request: Request) -> JSONResponse:
        numbers = _numbers(request, since=0, limit=_MOST)
        if numbers is None:
            return refused("since and limit are whole numbers from 0")
        await self.desks.flush()
        since, limit = numbers
        found = await self.registry.closings.since(since, min(limit, _MOST))
        items = [{"number": number, **asdict(closing)} for number, closing in found]
        return JSONResponse({"closings": items})

    async def _sessions(self, _: Request) -> JSONResponse:
        return JSONResponse({"sessions": await self.desks.sessions()})

    async def _calls(self, request: Request) -> JSONResponse:
        numbers = _numbers(request, since=0)
        if numbers is None:
            return refused("since is a whole number from 0")
        found = self.calls.since(*numbers)
        items = [{"number": number, **asdict(record)} for number, record in found]
        return JSONResponse({"calls": items[:_MOST]})

    async def _clock(self, _: Request) -> JSONResponse:
        return JSONResponse({"now": self.now(), "offset_ms": self.now.offset_ms})

    async def _move_clock(self, request: Request) -> JSONResponse:
        try:
            given = json.loads(await read_body(request))
            await self.clock.advance(advance_of(dict(given)))
        except (BodyTooLongError, ClockError) as error:
            return refused(error)
        except (RecursionError, TypeError, ValueError):
            return refused('a JSON object is expected, such as {"days": 400}')
        return await self._clock(request)

    async def _reset_clock(self, request: Request) -> JSONResponse:
        await self.clock.set(0)
        return await self._clock(request)


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
