"""What is no MQTT over TLS, or no request, costs one connection and nobody else anything."""

import contextlib
import socket
import ssl
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from alibabacloud_onsmqtt20200420 import models

from certgate_certs.authority import CertificateAuthority
from e2e.support import INSTANCE, PATIENCE, Lab, knock, start_serve, wait_until

GARBAGE = bytes(range(256)) * 64
CONNECT = b"\x10\x10\0\x04MQTT\x04\x02\0\x3c\0\x04lamp"
CROWD = 100


class Scene:
    """A running lab with a device and an SDK that behave.

    Args:
        lab: the lab.
    """

    def __init__(self, lab: Lab) -> None:
        self.lab = lab
        ca = CertificateAuthority.create_root("maker")
        lab.register(ca, "maker")
        self.device = lab.device(ca.issue_device("lamp"), "lamp")

    @property
    def api_port(self) -> int:
        """TCP port of the API."""
        return int(self.lab.ready["api_url"].rpartition(":")[2])

    def assert_well(self) -> None:
        """Assert that the honest device connects and an SDK call is answered."""
        assert knock(self.lab.tls(self.device), self.lab.port, "lamp") == 0
        request = models.ListCaCertificateRequest(
            mqtt_instance_id=INSTANCE, page_no="1", page_size="10"
        )
        listed = self.lab.sdk.list_ca_certificate(request).body.data.ca_certificate_vos
        assert [item.ca_name for item in listed] == ["maker"]

    def refusals(self) -> list[str]:
        """Give the reasons of the refused connections, in order."""
        return [reason for record in self.lab.decisions() for reason in record["reasons"]]


@pytest.fixture
def scene(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> Iterator[Scene]:
    """Run a lab that is well before and after, stops with status 0 and reports no fault."""
    process = start_serve(tmp_path / "state")
    try:
        scene = Scene(Lab(tmp_path, [process]))
        scene.assert_well()
        yield scene
        scene.assert_well()
    finally:
        status = process.stop()
    complaints = capfd.readouterr().err
    assert status == 0
    assert "Traceback" not in complaints
    assert "fault of certgate" not in complaints


def open_tcp(port: int) -> socket.socket:
    """Open a connection to the lab."""
    return socket.create_connection(("127.0.0.1", port), PATIENCE)


def read_to_end(tcp: socket.socket) -> bytes:
    """Read until the lab hangs up."""
    answer = b""
    with contextlib.suppress(ConnectionResetError, ssl.SSLError):
        while piece := tcp.recv(65_536):
            answer += piece
    return answer


def send(tcp: socket.socket, data: bytes) -> None:
    """Send what the lab may not want to hear to its end."""
    with contextlib.suppress(ConnectionResetError, BrokenPipeError):
        tcp.sendall(data)


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(GARBAGE, id="garbage"),
        pytest.param(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", id="plain HTTP"),
        pytest.param(CONNECT, id="plain MQTT"),
        pytest.param(b"\x16\x03\x01\xff\xff" + GARBAGE, id="an endless TLS record"),
        pytest.param(b"\0" * 1_000_000, id="a million zeros"),
    ],
)
def test_what_is_no_tls_on_the_mqtt_port(scene: Scene, data: bytes) -> None:
    """The connection is ended, with no word of MQTT or HTTP; the record says why."""
    with open_tcp(scene.lab.port) as tcp:
        send(tcp, data)
        with contextlib.suppress(OSError):
            tcp.shutdown(socket.SHUT_WR)
        scene.assert_well()
        answer = read_to_end(tcp)
    # Nothing, or one alert of TLS (RFC 8446, 6): content type 21, two bytes.
    assert answer == b"" or (answer[0] == 21 and len(answer) == 7)
    wait_until(lambda: "handshake_failed" in scene.refusals(), "the record")


def test_nothing_at_all_on_the_mqtt_port(scene: Scene) -> None:
    """A connection that is closed without a byte is a failed handshake and nothing more."""
    open_tcp(scene.lab.port).close()
    wait_until(lambda: scene.refusals() == ["handshake_failed"], "the record")


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_tls_without_a_certificate(scene: Scene, version: ssl.TLSVersion) -> None:
    """A client without certificate hears an alert of TLS and no CONNACK."""
    context = scene.lab.tls(None)
    context.minimum_version = context.maximum_version = version
    assert knock(context, scene.lab.port, "lamp") is None
    wait_until(lambda: scene.refusals() == ["no_client_certificate"], "the record")


def test_half_a_handshake(scene: Scene) -> None:
    """Clients that stop in the middle of ClientHello keep nobody waiting, nor the end."""
    hello = client_hello(scene)
    with contextlib.ExitStack() as stack:
        for number in range(CROWD):
            tcp = stack.enter_context(open_tcp(scene.lab.port))
            tcp.sendall(hello[: 1 + number * (len(hello) - 1) // CROWD])
        scene.assert_well()


def client_hello(scene: Scene) -> bytes:
    """Give the first flight of an honest client."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = scene.lab.tls(scene.device).wrap_bio(incoming, outgoing, server_hostname="localhost")
    with contextlib.suppress(ssl.SSLWantReadError):
        tls.do_handshake()
    return outgoing.read()


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(GARBAGE, id="garbage"),
        pytest.param(b"\x10\xff\xff\xff\x7f" + GARBAGE, id="CONNECT of 256 MiB"),
        pytest.param(b"\x30\x05\0\x01ahi", id="PUBLISH first"),
        pytest.param(b"GET / HTTP/1.1\r\n\r\n", id="HTTP"),
    ],
)
def test_what_is_no_mqtt_within_tls(scene: Scene, data: bytes) -> None:
    """A registered device that talks nonsense is refused, and only it."""
    tls = scene.lab.tls(scene.device)
    with (
        open_tcp(scene.lab.port) as tcp,
        tls.wrap_socket(tcp, server_hostname="localhost") as stream,
    ):
        send(stream, data)
        answer = read_to_end(stream)
    assert answer == b"" or answer[:3] == b"\x20\x02\0"
    wait_until(lambda: len(scene.refusals()) == 1, "the record")
    assert scene.refusals()[0] in {"connect_malformed", "connect_too_large"}


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(GARBAGE, id="garbage"),
        pytest.param(b"\x16\x03\x01\x02\0" + GARBAGE, id="TLS"),
        pytest.param(b"GET /?" + b"a" * 2_000_000 + b" HTTP/1.1\r\n\r\n", id="huge request line"),
        pytest.param(b"GET / HTTP/1.1\r\n" + b"a: b\r\n" * 200_000 + b"\r\n", id="huge headers"),
        pytest.param(
            b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n", id="odd length"
        ),
        pytest.param(CONNECT, id="MQTT"),
    ],
)
def test_what_is_no_request_on_the_api_port(scene: Scene, data: bytes) -> None:
    """The answer is 400 or the end; nobody else notices."""
    with open_tcp(scene.api_port) as tcp:
        send(tcp, data)
        with contextlib.suppress(OSError):
            tcp.shutdown(socket.SHUT_WR)
        scene.assert_well()
        answer = read_to_end(tcp)
    assert answer == b"" or answer.startswith(b"HTTP/1.1 400 ")


@pytest.mark.parametrize(
    "begin", [b"", b"G", b"GET / HTTP/1.1\r\nHost: loc", b"POST / HTTP/1.1\r\n"]
)
def test_requests_that_never_end(scene: Scene, begin: bytes) -> None:
    """A crowd of callers that do not finish their request keeps nobody waiting, nor the end."""
    with contextlib.ExitStack() as stack:
        for _ in range(CROWD):
            stack.enter_context(open_tcp(scene.api_port)).sendall(begin)
        scene.assert_well()


def test_crowds_that_are_still_there_at_the_end(tmp_path: Path) -> None:
    """Connections stuck half-way on both ports do not keep it from stopping."""
    process = start_serve(tmp_path / "state")
    scene = Scene(Lab(tmp_path, [process]))
    begin: dict[int, Callable[[], bytes]] = {
        scene.lab.port: lambda: client_hello(scene)[:-1],
        scene.api_port: lambda: b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\n",
    }
    with contextlib.ExitStack() as stack:
        for port, first in begin.items():
            for _ in range(CROWD):
                stack.enter_context(open_tcp(port)).sendall(first())
        scene.assert_well()
        assert process.stop() == 0
