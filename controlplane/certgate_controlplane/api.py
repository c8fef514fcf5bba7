"""The control plane as one ASGI application, free of sockets."""

import logging
from collections.abc import Collection, Sequence

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from certgate_certs.registry import RegistryUnavailable
from certgate_controlplane.access.gates import OpenGate
from certgate_controlplane.access.throttle import UNLIMITED
from certgate_controlplane.bodies import refused
from certgate_controlplane.context import Context
from certgate_controlplane.errors import (
    ApiError,
    internal_error,
    invalid_action,
    unsupported_http_method,
)
from certgate_controlplane.guard import HostGuard
from certgate_controlplane.rpc import Gate, RpcDoor, Runner
from certgate_controlplane.statuses import StatusProfile
from certgate_controlplane.wire import CONTENT_TYPE, error_body, new_request_id

_LOGGER = logging.getLogger(__name__)


def create_app(  # noqa: PLR0913  each but the first by its name
    context: Context,
    *,
    profile: StatusProfile = StatusProfile.PER_OPERATION,
    gate: Gate | None = None,
    allowed_hosts: Collection[str] = (),
    extra_routes: Sequence[BaseRoute] = (),
    runner: Runner | None = None,
) -> Starlette:
    """Put the control plane together.

    Args:
        context: what the actions work with.
        profile: which of the cloud's pages the HTTP statuses are taken from.
        gate: who may call; None lets everybody, as often as they like.
        allowed_hosts: names beside the loopback ones under which it may be called, without port.
        extra_routes: doors beside ``/``.
        runner: runs the operations; None does no more than what is asked for.
    """
    gate = OpenGate(UNLIMITED) if gate is None else gate
    door = RpcDoor(context, profile, gate, Runner() if runner is None else runner)

    async def not_found(request: Request, _: Exception) -> Response:
        return _refusal(request, invalid_action(), profile)

    async def not_allowed(request: Request, _: Exception) -> Response:
        return _refusal(request, unsupported_http_method(), profile)

    async def failed(request: Request, _: Exception) -> Response:
        return _refusal(request, internal_error(), profile)

    app = Starlette(
        routes=[Route("/", door), *extra_routes],
        middleware=[Middleware(HostGuard, hosts=allowed_hosts)],
        exception_handlers={
            404: not_found,
            405: not_allowed,
            RegistryUnavailable: _registry_unavailable,
            Exception: failed,
        },
    )
    # No page documents a redirection, and Starlette's fails on a query that is not UTF-8.
    app.router.redirect_slashes = False
    return app


async def _registry_unavailable(_: Request, error: Exception) -> Response:
    """Say what is wrong, and where; the API's own door has an error of its own for it."""
    _LOGGER.error("%s", error)
    return refused(error, "RegistryUnavailable", 503)


def _refusal(request: Request, error: ApiError, profile: StatusProfile) -> Response:
    body = error_body(new_request_id(), request.headers.get("host", ""), error)
    return Response(body, error.status(profile, None), media_type=CONTENT_TYPE)
