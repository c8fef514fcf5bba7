"""Messages, sessions and wills of admitted clients, from outside: paho and hand-made bytes."""

import itertools
import os
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import paho.mqtt.client as mqtt
import pytest
from alibabacloud_onsmqtt20200420 import models
from paho.mqtt.enums import CallbackAPIVersion

from broker.test_packets import BAD
from broker.wire import connect, packet, publish, subscribe
from certgate_certs.authority import CertificateAuthority
from e2e.support import INSTANCE, DeviceFiles, Lab, Paho, serving, wait_until

OPTIONS = ("--live-sessions", "close", "--limit", "packet-bytes=100000")
LIMITS = ("--limit", "kept-bytes=1000000")


class Scene:
    """A lab with one device under test, and a witness of another CA who hears everything."""

    def __init__(self, lab: Lab) -> None:
        self.lab = lab
        self.ca, other = (CertificateAuthority.create_root(name) for name in ("lamps", "others"))
        self.sn, _ = lab.register(self.ca, "lamps"), lab.register(other, "others")
        self.device = lab.device(self.ca.issue_device("lamp"), "lamp")
        self.witness = lab.paho(lab.device(other.issue_device("witness"), "witness"), "witness")
        self.witness.subscribe("#")

    def lamp(self, *, clean: bool = False) -> Paho:
        """Connect the device under test with paho."""
        client = self.lab.paho(self.device, "lamp", clean=clean)
        assert client.accepted
        return client

    def heard(self, marker: str) -> list[str]:
        """Publish a marker and give what the witness has heard before it, since the last one."""
        self.witness.publish("marker", marker)
        self.witness.expect(marker)
        found, self.witness.payloads[:] = list(self.witness.payloads), []
        return found[: found.index(marker)]

    def raw(self, hello: bytes, room: int | None = None) -> ssl.SSLSocket:
        """Connect the device under test with the standard library's ssl, by hand."""
        tcp = socket.socket()
        tcp.settimeout(10)
        if room is not None:  # Bytes that it takes without reading them.
            tcp.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, room)
        tcp.connect(("127.0.0.1", self.lab.port))
        stream = self.lab.tls(self.device).wrap_socket(tcp, server_hostname="localhost")
        stream.sendall(hello)
        assert stream.recv(4)[3] == 0
        return stream

    def close_connection(self) -> None:
        """Call CloseConnection."""
        request = models.CloseConnectionRequest(client_id="lamp", instance_id=INSTANCE)
        self.lab.sdk.close_connection(request)


@pytest.fixture
def scene(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> Iterator[Scene]:
    """Run a lab with the cast in place; whatever happens, it leaves no traceback on stderr."""
    with serving(tmp_path / "state", *OPTIONS, *LIMITS, processes=1) as lab:
        prepared = Scene(lab)
        yield prepared
        prepared.witness.leave()
    said = capfd.readouterr().err
    assert "Traceback" not in said, said


class TestTakeOver:
    """A second connection of the same device."""

    def test_session_and_queue(self, scene: Scene) -> None:
        """A kept session goes over with its subscriptions and its messages, once and in order."""
        scene.lamp().leave()
        first = scene.lamp()
        first.subscribe("t")
        first.leave()
        numbers = [str(number) for number in range(100)]
        for number in numbers:
            scene.witness.publish("t", number)
        second = scene.lamp()
        third = scene.lamp()
        assert second.session_present
        assert third.session_present
        scene.witness.publish("t", "last")
        third.expect("last")
        heard = [item for item in second.payloads if item not in third.payloads] + third.payloads
        assert heard == [*numbers, "last"], "between them the two heard everything, in order"
        assert second.dropped.wait(10)
        third.leave()
        fourth = scene.lamp()
        fourth.subscribe("marker")
        scene.heard("nothing is left")
        fourth.expect("nothing is left")
        assert fourth.payloads == ["nothing is left"]
        fourth.leave()

    def test_clean_session(self, scene: Scene) -> None:
        """With clean session neither subscriptions nor messages go over, nor come back."""
        first = scene.lamp()
        first.subscribe("t")
        second = scene.lamp(clean=True)
        assert not second.session_present
        scene.witness.publish("t", "for the earlier session")
        second.subscribe("marker")
        scene.heard("clean")
        second.expect("clean")
        assert second.payloads == ["clean"]
        second.leave()
        third = scene.lamp()
        assert not third.session_present
        for client in (first, third):
            client.leave()

    def test_new_owner(self, scene: Scene) -> None:
        """Who gets the identifier of a deleted device inherits nothing of what was stored."""
        first = scene.lamp()
        first.subscribe("t")
        first.leave()
        scene.witness.publish("t", "for the first owner")
        scene.lab.sdk.delete_device_certificate(
            models.DeleteDeviceCertificateRequest(
                mqtt_instance_id=INSTANCE, ca_sn=scene.sn, device_sn=scene.device.issued.view.sn
            )
        )
        scene.device = scene.lab.device(scene.ca.issue_device("heir"), "heir")
        heir = scene.lamp()
        assert not heir.session_present
        heir.subscribe("marker")
        scene.witness.publish("t", "for the first owner, too")
        scene.heard("inherited")
        heir.expect("inherited")
        assert heir.payloads == ["inherited"]
        heir.leave()


def mortal(scene: Scene) -> mqtt.Client:
    """Connect the device with a will."""
    client = mqtt.Client(
        CallbackAPIVersion.VERSION2, "lamp", clean_session=False, reconnect_on_failure=False
    )
    client.tls_set_context(scene.lab.tls(scene.device))
    client.will_set("wills/lamp", "gone", qos=1)
    connected = threading.Event()
    client.on_connect = lambda *_: connected.set()
    client.connect("127.0.0.1", scene.lab.port)
    client.loop_start()
    assert connected.wait(10)
    return client


def vanish(_scene: Scene, client: mqtt.Client) -> None:
    """Cut the connection without DISCONNECT."""
    sock = client.socket()
    assert sock is not None
    with socket.socket(fileno=os.dup(sock.fileno())) as plain:
        plain.shutdown(socket.SHUT_RDWR)


def disconnect(_scene: Scene, client: mqtt.Client) -> None:
    """Say DISCONNECT."""
    client.disconnect()


def close_connection(scene: Scene, _client: mqtt.Client) -> None:
    """Close it from the API."""
    scene.close_connection()


def withdraw(scene: Scene, _client: mqtt.Client) -> None:
    """Inactivate the CA, which closes connections here."""
    scene.lab.inactivate(scene.sn)


def take_over(scene: Scene, _client: mqtt.Client) -> None:
    """Connect once more."""
    scene.lamp().leave()


ENDS: list[tuple[Callable[[Scene, mqtt.Client], None], list[str]]] = [
    (vanish, ["gone"]),
    (disconnect, []),
    (close_connection, ["gone"]),
    (withdraw, ["gone"]),
    (take_over, ["gone"]),
]


@pytest.mark.parametrize(("end", "expected"), ENDS, ids=[end.__name__ for end, _ in ENDS])
def test_will(scene: Scene, end: Callable[[Scene, mqtt.Client], None], expected: list[str]) -> None:
    """A will is sent once where the connection ends without DISCONNECT, whoever ended it."""
    over = threading.Event()
    client = mortal(scene)
    client.on_disconnect = lambda *_: over.set()
    end(scene, client)
    assert over.wait(10)
    if expected:
        scene.witness.expect(expected[0])
    client.loop_stop()
    wait_until(lambda: online(scene) == ["witness"], "the end of the session")
    assert scene.heard("after the end") == expected


def online(scene: Scene) -> list[str]:
    """Ask who is connected."""
    request = models.BatchQuerySessionByClientIdsRequest(
        client_id_list=["lamp", "witness"], instance_id=INSTANCE
    )
    found = scene.lab.sdk.batch_query_session_by_client_ids(request).body.online_status_list
    return sorted(item.client_id for item in found if item.online_status)


def test_no_will_at_the_end_of_the_lab(scene: Scene) -> None:
    """When the lab stops everybody is disconnected at once, and nobody hears of the others."""
    client = mortal(scene)
    scene.heard("before")
    scene.lab.processes[0].stop()
    assert scene.witness.dropped.wait(10)
    assert scene.witness.payloads == []
    client.loop_stop()


OVERSIZE = {
    "too large": publish("t", b"x" * 100_000),
    "a claim of 256 MB": b"\x30\xff\xff\xff\x7f" + b"x" * 1_000,
    "five octets of length": b"\x30\xff\xff\xff\xff\x7f",
}


def test_bad_packets_after_connect(scene: Scene) -> None:
    """Each ends its own connection and nothing else; what is smuggled behind it is not read."""
    attacks = {name: data for name, (data, _) in BAD.items()} | OVERSIZE
    for name, data in attacks.items():
        stream = scene.raw(connect("lamp"))
        try:
            stream.sendall(data + publish("smuggled", b"smuggled"))
            answer = stream.recv(1)
        except ConnectionError:
            answer = b""
        stream.close()
        assert answer == b"", name
    assert scene.heard("after all of them") == []
    assert online(scene) == ["witness"]
    scene.lamp().leave()


def test_topics_of_the_broker(scene: Scene) -> None:
    """What a client publishes under $ reaches nobody, and who hears everything hears none of it."""
    spy = scene.lamp()
    for topic_filter in ("#", "$SYS/#", "+/broker"):
        spy.subscribe(topic_filter)
    for topic in ("$SYS/broker", "$SYS", "$share/x"):
        other = scene.lab.paho(scene.lab.device(scene.ca.issue_device("x"), "x"), "x")
        other.client.publish(topic, "under $", qos=1, retain=True)
        assert other.dropped.wait(10)
        other.leave()
    assert scene.heard("nothing under $") == []
    spy.expect("nothing under $")
    assert spy.payloads == ["nothing under $"]
    spy.leave()


def test_wildcards_across_devices(scene: Scene) -> None:
    """Devices of an instance, even of different CAs, may hear each other: so it is documented."""
    lamp = scene.lamp()
    lamp.publish("lamp/private", "overheard")
    assert scene.heard("marker") == ["overheard"]
    lamp.leave()


def test_who_does_not_read(scene: Scene) -> None:
    """A device that reads no more is cut off; messages between others arrive meanwhile."""
    stream = scene.raw(connect("lamp") + subscribe("big", 0))
    sender = scene.lab.paho(other_device(scene), "sender")
    for number in range(300):
        sender.client.publish("big", b"%d " % number + b"x" * 60_000, qos=1)
        if number % 20 == 0:
            sender.publish("t", f"small {number}")
            scene.witness.expect(f"small {number}")
            scene.witness.payloads.clear()
    wait_until(lambda: online(scene) == ["witness"], "the end of the device that does not read")
    stream.close()
    sender.leave()


def other_device(scene: Scene) -> DeviceFiles:
    """Issue a further device certificate."""
    return scene.lab.device(scene.ca.issue_device("other"), "other")


def test_queue_is_bounded(scene: Scene) -> None:
    """Of the messages for an absent device the first are kept, as many as the limit allows."""
    lamp = scene.lamp()
    lamp.subscribe("t")
    lamp.leave()
    scene.witness.client.unsubscribe("#")
    for number in range(30):
        scene.witness.publish("t", f"{number} " + "x" * 90_000)
    lamp = scene.lamp()
    lamp.subscribe("marker")
    scene.witness.publish("marker", "room again")
    lamp.expect("room again")
    assert [text.split()[0] for text in lamp.payloads[:-1]] == [str(n) for n in range(11)]
    lamp.leave()


def test_a_packet_of_the_limit(scene: Scene) -> None:
    """As much as the limit allows arrives whole."""
    payload = "x" * (100_000 - 5)
    stream = scene.raw(connect("lamp"))
    stream.sendall(packet(0x32, b"\x00\x01t\x00\x01" + payload.encode()))
    assert stream.recv(4) == b"\x40\x02\x00\x01"
    assert scene.heard("marker") == [payload]
    stream.close()


def test_a_burst_that_nobody_takes(scene: Scene) -> None:
    """Who is sent one message for each of 64 subscriptions, and takes none, holds nobody up."""
    stream = scene.raw(connect("lamp"), room=4096)
    for filters in itertools.product(*((level, "+") for level in "abcdef")):
        stream.sendall(subscribe("/".join(filters), 0))
        assert stream.recv(5)[0] == 0x90
    scene.witness.publish("a/b/c/d/e/f", "x" * 90_000)
    scene.heard("the others go on")
    assert scene.lab.paho(scene.device, "lamp").accepted
    stream.close()
