"""The small client: it signs as the official SDK does, and what fails is a CallError."""

import contextlib
import http.server
import socket
import threading
from collections.abc import Iterator
from urllib.parse import parse_qsl, urlsplit

import pytest
from alibabacloud_tea_openapi.utils import Utils
from darabonba.request import DaraRequest  # type: ignore[import-untyped]

from certgate_controlplane.client import ApiClient, CallError

SECRET = "a secret of the tests"


class Stub(http.server.ThreadingHTTPServer):
    """Answers every request the same and keeps what it was asked.

    Args:
        status: HTTP status of the answers.
        body: their body.
    """

    def __init__(self, status: int, body: bytes) -> None:
        super().__init__(("127.0.0.1", 0), Answering)
        self.status, self.body = status, body
        self.asked: list[tuple[str, str, dict[str, str]]] = []

    @property
    def client(self) -> ApiClient:
        """A client of this server."""
        return ApiClient(f"http://127.0.0.1:{self.server_port}", "key", SECRET)


class Answering(http.server.BaseHTTPRequestHandler):
    """One connection to a stub."""

    server: Stub

    def do_GET(self) -> None:
        """Answer."""
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.server.asked.append((self.command, self.path, headers))
        self.send_response(self.server.status)
        self.send_header("Content-Length", str(len(self.server.body)))
        self.end_headers()
        self.wfile.write(self.server.body)

    do_POST = do_GET  # noqa: N815  the standard library's name

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextlib.contextmanager
def stub(status: int = 200, body: bytes = b"{}") -> Iterator[Stub]:
    """Run a stub."""
    with Stub(status, body) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


@pytest.mark.parametrize(
    ("action", "method"),
    [
        ("ListCaCertificate", "GET"),
        ("GetRegisterCode", "GET"),
        ("RegisterCaCertificate", "POST"),
        ("DeleteCaCertificate", "POST"),
    ],
)
def test_signature_is_the_official_ones(action: str, method: str) -> None:
    """The official library signs the same request with the same signature."""
    parameters = {"Z": "~*'() /+=", "CaName": "Büro", "Empty": "", "CaContent": "a\nb"}
    with stub() as server:
        server.client.call(action, **parameters)
    sent_method, target, headers = server.asked[0]
    assert sent_method == method
    assert dict(parse_qsl(urlsplit(target).query, keep_blank_values=True)) == parameters
    request = DaraRequest()
    request.method, request.pathname, request.query = method, "/", parameters
    request.headers = {n: v for n, v in headers.items() if n == "host" or n.startswith("x-acs-")}
    expected = Utils.get_authorization(  # type: ignore[no-untyped-call]
        request, "ACS3-HMAC-SHA256", headers["x-acs-content-sha256"], "key", SECRET
    )
    assert headers["authorization"] == expected


def test_answer_is_its_members() -> None:
    """A good answer's body is given."""
    with stub(body=b'{"RegisterCode": "abc"}') as server:
        assert server.client.call("GetRegisterCode") == {"RegisterCode": "abc"}
        assert server.client.read("/_certgate/health") == {"RegisterCode": "abc"}
    assert server.asked[1][:2] == ("GET", "/_certgate/health")


def test_error_answer_has_code_and_status() -> None:
    """An error answer is raised with its code, message and status."""
    with (
        stub(404, b'{"Code": "Gone", "Message": "it is gone"}') as server,
        pytest.raises(CallError, match=r"^Gone: it is gone$") as caught,
    ):
        server.client.call("GetCaCertificate")
    assert (caught.value.code, caught.value.status) == ("Gone", 404)


@pytest.mark.parametrize("status", [200, 404])
@pytest.mark.parametrize("body", [b"", b"<html>", b"17", b"null", b'"text"', b"[1]", b"\xff"])
def test_somebody_else_answers(status: int, body: bytes) -> None:
    """What is no answer of the API is nobody's answer."""
    with (
        stub(status, body) as server,
        pytest.raises(CallError, match=r"no certgate answers at http://127") as caught,
    ):
        server.client.read("/")
    assert (caught.value.code, caught.value.status) == ("", 0)


def test_nobody_listens() -> None:
    """A refused connection is a CallError that names the address."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
    with pytest.raises(CallError, match=url) as caught:
        ApiClient(url).call("GetRegisterCode")
    assert (caught.value.code, caught.value.status) == ("", 0)
