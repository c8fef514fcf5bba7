"""The guard, as somebody sees it who has a web page and wants to call a certgate behind it."""

from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from certgate_certs.authority import CertificateAuthority
from certgate_certs.registry import Registry
from certgate_controlplane.api import create_app
from certgate_controlplane.context import Context
from certgate_controlplane.guard import HostGuard
from controlplane.harness import INSTANCE, Driver, rows

OURS = ("host", "127.0.0.1:8080")


@pytest.fixture
def deletion(populated: Registry, ca: CertificateAuthority) -> bytes:
    """Give the query that deletes the registered CA."""
    parameters = {
        "Action": "DeleteCaCertificate",
        "Version": "2020-04-20",
        "MqttInstanceId": INSTANCE,
        "Sn": ca.issued.view.sn,
    }
    return urlencode(parameters).encode()


class TestAttacks:
    """Requests that a browser sends for a foreign page; none may reach an action."""

    @pytest.mark.parametrize(
        "headers",
        [
            pytest.param([("host", "attacker.example:8080")], id="DNS rebinding"),
            pytest.param(
                [("host", "attacker.example"), ("origin", "http://attacker.example")],
                id="DNS rebinding, same origin",
            ),
            pytest.param([("host", "localhost.attacker.example")], id="name that begins like ours"),
            pytest.param([("host", "127.0.0.1.attacker.example")], id="address as a name"),
            pytest.param([("host", "attacker@127.0.0.1")], id="user information"),
            pytest.param([("host", "127.0.0.1:8080:80")], id="two ports"),
            pytest.param([("host", "127.0.0.1 attacker.example")], id="two names"),
            pytest.param([("host", "localhost."), OURS], id="two hosts"),
            pytest.param([("host", "")], id="empty host"),
            pytest.param([], id="no host"),
            pytest.param([OURS, ("origin", "https://attacker.example")], id="foreign script"),
            pytest.param([OURS, ("origin", "null")], id="sandboxed frame"),
            pytest.param([OURS, ("origin", "")], id="empty origin"),
            pytest.param([OURS, ("origin", "http://127.0.0.1:3000")], id="other port"),
            pytest.param([OURS, ("origin", "http://localhost:8080")], id="other name of ours"),
            pytest.param([OURS, ("origin", "http://127.0.0.1:8080.attacker.example")], id="suffix"),
            pytest.param([OURS, ("origin", "ftp://127.0.0.1:8080")], id="other scheme"),
            pytest.param(
                [OURS, ("origin", "http://127.0.0.1:8080"), ("origin", "http://attacker.example")],
                id="two origins",
            ),
            pytest.param([OURS, ("sec-fetch-site", "cross-site")], id="image"),
            pytest.param([OURS, ("sec-fetch-site", "same-site")], id="image of another port"),
            pytest.param([OURS, ("sec-fetch-site", "anything")], id="unknown relation"),
        ],
    )
    @pytest.mark.parametrize("method", ["GET", "POST", "OPTIONS"])
    async def test_refused(
        self,
        driver: Driver,
        deletion: bytes,
        registry_file: Path,
        headers: list[tuple[str, str]],
        method: str,
    ) -> None:
        """The answer is 403, says nothing to other origins, and nothing has changed."""
        before = rows(registry_file)
        reply = await driver.send(method, deletion, headers)
        assert reply.status == 403
        assert reply.body.keys() == {"RequestId", "HostId", "Code", "Message", "Recommend"}
        assert not any(name.startswith("access-control-") for name in reply.headers)
        assert b"attacker" not in reply.raw
        assert rows(registry_file) == before

    async def test_plain_text_form(
        self, driver: Driver, deletion: bytes, registry_file: Path
    ) -> None:
        """A text/plain POST needs no preflight, and is refused all the same."""
        before = rows(registry_file)
        headers = [OURS, ("origin", "http://attacker.example"), ("content-type", "text/plain")]
        assert (await driver.send("POST", deletion, headers, [b"x"])).status == 403
        assert rows(registry_file) == before

    async def test_preflight_of_our_own(self, driver: Driver, deletion: bytes) -> None:
        """Not even our own pages get a CORS header."""
        headers = [
            OURS,
            ("origin", "http://127.0.0.1:8080"),
            ("access-control-request-method", "POST"),
        ]
        reply = await driver.send("OPTIONS", deletion, headers)
        assert not any(name.startswith("access-control-") for name in reply.headers)

    async def test_other_doors(self, driver: Driver) -> None:
        """Every path is guarded, known or not."""
        reply = await driver.send(headers=[("host", "attacker.example")], path="/_certgate/health")
        assert reply.status == 403

    async def test_websocket(self, context: Context) -> None:
        """A WebSocket of a foreign page is closed before it opens."""
        scope = {
            "type": "websocket",
            "path": "/",
            "headers": [(b"host", b"localhost"), (b"origin", b"http://attacker.example")],
        }
        sent = await Driver(create_app(context)).run(scope, [{"type": "websocket.connect"}])
        assert sent == [{"type": "websocket.close", "code": 1008}]


class TestAdmitted:
    """Requests that are ours."""

    @pytest.mark.parametrize(
        "headers",
        [
            [("host", "127.0.0.1")],
            [("host", "LOCALHOST:1")],
            [("host", "[::1]:65535")],
            [("host", "lab.example:8080")],
            [("host", "[fd00::1]:8080")],
            [("host", "[fd00::2]")],
            [OURS, ("origin", "http://127.0.0.1:8080")],
            [OURS, ("origin", "https://127.0.0.1:8080")],
            [OURS, ("sec-fetch-site", "same-origin")],
            [OURS, ("sec-fetch-site", "none")],
        ],
    )
    async def test_admitted(
        self, context: Context, deletion: bytes, headers: list[tuple[str, str]]
    ) -> None:
        """Loopback and configured names pass with any port; so does our own origin."""
        app = create_app(context, allowed_hosts=["Lab.example", "fd00::1", "[fd00::2]"])
        assert (await Driver(app).send("POST", deletion, headers)).status == 200

    async def test_start_and_stop_pass(self) -> None:
        """The server's own messages are not requests."""
        seen = []

        async def app(scope: Any, receive: Any, send: Any) -> None:
            seen.append(scope["type"])

        await Driver(HostGuard(app)).run({"type": "lifespan"}, [])
        assert seen == ["lifespan"]
