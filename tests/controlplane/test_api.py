"""The application as a whole."""

import pytest
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from certgate_certs.registry import RegistryUnavailable
from certgate_controlplane.api import create_app
from certgate_controlplane.context import Context
from certgate_controlplane.statuses import StatusProfile
from controlplane.harness import Driver


async def health(_: Request) -> PlainTextResponse:
    """Answer something of our own."""
    return PlainTextResponse("well")


async def broken(_: Request) -> PlainTextResponse:
    """Fail."""
    raise RuntimeError("secret of the house")


async def unavailable(_: Request) -> PlainTextResponse:
    """Find the registry out of order."""
    raise RegistryUnavailable("the registry /x cannot be used: disk full")


ROUTES = [
    Route("/_certgate/health", health),
    Route("/_certgate/broken", broken),
    Route("/_certgate/unavailable", unavailable),
]


async def test_extra_routes(context: Context) -> None:
    """Other doors stand beside the API's."""
    reply = await Driver(create_app(context, extra_routes=ROUTES)).send(path="/_certgate/health")
    assert (reply.status, reply.raw) == (200, b"well")


@pytest.mark.parametrize("path", ["/nothing", "/_certgate/nothing", "//"])
async def test_unknown_path(driver: Driver, path: str) -> None:
    """There is nothing elsewhere, and that is said in the API's own form."""
    reply = await driver.send(path=path)
    assert (reply.status, reply.body["Code"]) == (404, "InvalidAction.NotFound")


async def test_wrong_method_on_another_door(context: Context) -> None:
    """Another door refuses methods in the API's own form."""
    driver = Driver(create_app(context, extra_routes=ROUTES))
    reply = await driver.send("POST", path="/_certgate/health")
    assert (reply.status, reply.body["Code"]) == (405, "UnsupportedHTTPMethod")


async def test_registry_unavailable(context: Context, caplog: pytest.LogCaptureFixture) -> None:
    """Whoever asks another door is told what is wrong and where; so is the log, in one sentence."""
    driver = Driver(create_app(context, extra_routes=ROUTES))
    reply = await driver.send(path="/_certgate/unavailable")
    assert (reply.status, reply.body["Code"]) == (503, "RegistryUnavailable")
    assert reply.body["Message"] == "the registry /x cannot be used: disk full"
    assert [record.getMessage() for record in caplog.records] == [reply.body["Message"]]
    assert caplog.records[0].exc_info is None


@pytest.mark.parametrize(("profile", "status"), [("per-operation", 500), ("adjusted", 417)])
async def test_broken_door(context: Context, profile: str, status: int) -> None:
    """A mistake behind another door is told without its traceback, and handed to the server."""
    app = create_app(context, profile=StatusProfile(profile), extra_routes=ROUTES)
    sent = []

    async def receive() -> dict[str, object]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: object) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "method": "GET",
        "path": "/_certgate/broken",
        "query_string": b"",
        "headers": [(b"host", b"localhost")],
    }
    with pytest.raises(RuntimeError, match="secret of the house"):
        await app(scope, receive, send)
    assert f"'status': {status}" in str(sent[0])
    assert "InternalError" in str(sent[1])
    assert "secret" not in str(sent)
