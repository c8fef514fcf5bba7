"""The door of the emulated API: one path, the action named in a header or a parameter."""

import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Protocol

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from certgate_certs.registry import RegistryUnavailable
from certgate_controlplane.bodies import BodyTooLongError, read_body
from certgate_controlplane.call import Call, read_call
from certgate_controlplane.catalogue import VERSION, Operation, find_operation
from certgate_controlplane.context import Answer, Context
from certgate_controlplane.errors import (
    ApiError,
    internal_error,
    invalid_version,
    parameter_check_failed,
    unsupported_http_method,
)
from certgate_controlplane.parameters import Parameters
from certgate_controlplane.permit import Permit
from certgate_controlplane.statuses import StatusProfile
from certgate_controlplane.wire import CONTENT_TYPE, answer_body, error_body, new_request_id

MAX_BODY = 256 * 1024
"""Longest body that is read, bytes."""

HANG_UP = "certgate.hang_up"
"""The key of the request's state under which a server says how its connection is cut."""

_GOOD = 200
_NO_ANSWER = 0
_logger = logging.getLogger(__name__)


class Gate(Protocol):
    """Decides who may call; asked before the action's own parameters are read."""

    async def admit(self, call: Call, operation: Operation) -> Permit:
        """Let a call through.

        Args:
            call: the request.
            operation: what it asks for.

        Returns:
            What its caller may do.

        Raises:
            ApiError: it is refused.
        """
        ...


class HangUp(Exception):  # noqa: N818  what is to be done is the name
    """The caller gets no answer: the connection is cut, whatever was done."""


Run = Callable[[Operation, Context, Parameters], Awaitable[Answer]]
"""Runs an operation."""


async def _run_plainly(operation: Operation, context: Context, parameters: Parameters) -> Answer:
    return await operation.run(context, parameters)


@dataclass(slots=True)
class Runner:
    """Runs what calls ask for.

    Attributes:
        run: how; it can be replaced, and `run_plainly` put back.
    """

    run: Run = _run_plainly

    def run_plainly(self) -> None:
        """Do no more than what is asked for."""
        self.run = _run_plainly


@dataclass(slots=True)
class _Asked:
    """What is known of a request so far.

    Attributes:
        action: the operation, "" until it is known.
        parameters: none until they are read.
    """

    action: str = ""
    parameters: Parameters = field(default_factory=lambda: Parameters(()))


class RpcDoor:
    """An ASGI application that answers calls of the API.

    Args:
        context: what the actions work with.
        profile: which of the cloud's pages the HTTP statuses are taken from.
        gate: who may call.
        runner: runs the operations.
    """

    def __init__(
        self, context: Context, profile: StatusProfile, gate: Gate, runner: Runner
    ) -> None:
        self._context = context
        self._profile = profile
        self._gate = gate
        self._runner = runner

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request; every failure is a documented error."""
        request = Request(scope, receive)
        try:
            response = await self._respond(request)
        except ClientDisconnect:
            return
        except HangUp:
            await _hang_up(request)
            return
        await response(scope, receive, send)

    async def _respond(self, request: Request) -> Response:
        request_id, running = new_request_id(), self._context.calls.start()
        asked = _Asked()
        try:
            answer = await self._answer(request, asked)
        except ApiError as refusal:
            error = refusal
        except ClientDisconnect:
            raise
        except HangUp:
            running.end(asked.action, asked.parameters, _NO_ANSWER)
            raise
        except RegistryUnavailable as failure:
            _logger.error("request %s: %s", request_id, failure)  # noqa: TRY400  a known cause
            error = internal_error()
        except Exception:
            _logger.exception("request %s failed", request_id)
            error = internal_error()
        else:
            running.end(asked.action, asked.parameters, _GOOD)
            return Response(answer_body(request_id, answer), _GOOD, media_type=CONTENT_TYPE)
        status = error.status(self._profile, asked.action or None)
        running.end(asked.action, asked.parameters, status, error.code)
        host = request.headers.get("host", "")
        body = error_body(request_id, host, error)
        return Response(body, status, _extra_headers(error), media_type=CONTENT_TYPE)

    async def _answer(self, request: Request, asked: "_Asked") -> Answer:
        call = await _received(request)
        asked.parameters = call.parameters
        operation = _operation(call)
        asked.action = operation.name
        return await self._run(call, operation)

    async def _run(self, call: Call, operation: Operation) -> Answer:
        if call.method not in operation.methods:
            raise unsupported_http_method()
        permit = await self._gate.admit(call, operation)
        context = self._context.permitting(permit)
        return await self._runner.run(operation, context, call.parameters)


async def _hang_up(request: Request) -> None:
    cut = request.scope.get("state", {}).get(HANG_UP)
    if cut is not None:
        cut()
        await request.receive()  # Until it is cut: a server answers for whom it thinks has not.


def _extra_headers(error: ApiError) -> dict[str, str] | None:
    if error.retry_after is None:
        return None
    # What the SDKs make a ThrottlingException of.
    return {"x-acs-retry-after": str(error.retry_after)}


def _operation(call: Call) -> Operation:
    if call.version != VERSION:
        raise invalid_version()
    return find_operation(call.action)


async def _received(request: Request) -> Call:
    try:
        body = await read_body(request, MAX_BODY)
    except BodyTooLongError:
        raise parameter_check_failed() from None
    query = request.scope["query_string"]
    return read_call(request.method, request.headers.items(), query, body)
