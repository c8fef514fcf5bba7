"""Keeps web pages of other origins from calling a certgate that listens on the same machine.

A page can have a browser send requests to loopback in three ways. Under a name of its own that
resolves to 127.0.0.1 (DNS rebinding), the ``Host`` is foreign. With a script or a form, the
``Origin`` is foreign. With an image or a link there is no ``Origin``, and since the product allows
GET for operations that change something, ``Sec-Fetch-Site`` (W3C Fetch Metadata) has to tell.
Nothing here ever sends a CORS header, so no preflight succeeds.
"""

import re
from collections.abc import Collection

from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from certgate_controlplane.errors import ApiError
from certgate_controlplane.wire import CONTENT_TYPE, error_body, new_request_id

LOOPBACK_HOSTS = frozenset({"127.0.0.1", "localhost", "[::1]"})
"""Names under which certgate may always be called."""

_HOST = re.compile(r"(\[[0-9a-f:.]+\]|[a-z0-9._-]+)(:[0-9]{1,5})?")
_OWN_SITES = frozenset({"same-origin", "none"})
_WEBSOCKET_POLICY_VIOLATION = 1008  # RFC 6455, 7.4.1


class HostGuard:
    """ASGI middleware that refuses foreign hosts and foreign origins before anything else.

    Args:
        app: what it stands before.
        hosts: names under which certgate may be called beside the loopback ones, without port;
            IPv6 addresses with or without brackets.
    """

    def __init__(self, app: ASGIApp, hosts: Collection[str] = ()) -> None:
        self._app = app
        self._hosts = LOOPBACK_HOSTS | {_bracketed(host.lower()) for host in hosts}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on or refuse it."""
        refusal = None if scope["type"] == "lifespan" else self._examine(scope)
        if refusal is None:
            await self._app(scope, receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": _WEBSOCKET_POLICY_VIOLATION})
        else:
            body = error_body(new_request_id(), "localhost", refusal)
            await Response(body, 403, media_type=CONTENT_TYPE)(scope, receive, send)

    def _examine(self, scope: Scope) -> ApiError | None:
        host = _only(scope, b"host")
        name = None if host is None else _HOST.fullmatch(host)
        if name is None or name[1] not in self._hosts:
            return ApiError("Forbidden.ForeignHost", "certgate is not called by this host name.")
        if not _is_own(scope, name[0]):
            return ApiError(
                "Forbidden.ForeignOrigin", "certgate is not called by pages of other origins."
            )
        return None


def _is_own(scope: Scope, host: str) -> bool:
    origins = _values(scope, b"origin")
    sites = _values(scope, b"sec-fetch-site")
    return {f"http://{host}", f"https://{host}"}.issuperset(origins) and _OWN_SITES.issuperset(
        sites
    )


def _only(scope: Scope, name: bytes) -> str | None:
    values = _values(scope, name)
    return values[0] if len(values) == 1 else None


def _values(scope: Scope, name: bytes) -> list[str]:
    headers: list[tuple[bytes, bytes]] = scope["headers"]
    return [value.decode("latin-1").strip().lower() for key, value in headers if key == name]


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host and not host.startswith("[") else host
