"""Clients that are not ours, with both kinds of key, over both versions of TLS."""

import asyncio
import concurrent.futures
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import aiomqtt
import pytest
from alibabacloud_onsmqtt20200420 import models

from certgate_certs.authority import CertificateAuthority
from certgate_certs.builder import KeyType
from e2e.support import INSTANCE, PATIENCE, Lab, Paho, environment, serving, wait_until

TOPIC = "lamps/all"
KINDS = ("mosquitto", "paho", "aiomqtt", "openssl")
LISTENERS = ("mosquitto-listener", "paho-listener", "aiomqtt-listener")
TLS = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}


class Fleet:
    """A lab, a CA, and a device for each client.

    Args:
        lab: the lab.
        ca: issues the devices.
        key_type: of their keys.
        tls: "1.2" or "1.3".
    """

    def __init__(self, lab: Lab, ca: CertificateAuthority, key_type: KeyType, tls: str) -> None:
        self.lab = lab
        self.tls = tls
        issued = {name: ca.issue_device(name, key_type) for name in KINDS + LISTENERS}
        self.devices = {name: lab.device(device, name) for name, device in issued.items()}

    def context(self, name: str) -> ssl.SSLContext:
        """Make a client context for exactly the one version of TLS."""
        context = self.lab.tls(self.devices[name])
        context.minimum_version = context.maximum_version = TLS[self.tls]
        return context

    def mosquitto(self, name: str, program: str) -> list[str]:
        """Give the command line of a mosquitto client, up to the topic."""
        device = self.devices[name]
        server = ["-h", "localhost", "-p", str(self.lab.port)]
        trust = ["--cafile", self.lab.ready["server_ca_file"]]
        own = ["--cert", str(device.chain), "--key", str(device.key), "-i", name]
        return [program, *server, *trust, *own, "-q", "1", "-t", TOPIC]

    @property
    def mosquitto_environment(self) -> dict[str, str]:
        """Hold mosquitto to the version; its own option only sets the oldest one."""
        file = self.lab.folder / "openssl.cnf"
        file.write_text(
            "openssl_conf=a\n[a]\nssl_conf=b\n[b]\nsystem_default=c\n[c]\n"
            f"MinProtocol=TLSv{self.tls}\nMaxProtocol=TLSv{self.tls}\n"
        )
        return environment() | {"OPENSSL_CONF": str(file)}

    def paho(self, name: str) -> Paho:
        """Connect with paho-mqtt."""
        return Paho(self.context(name), self.lab.port, name, clean=True)

    def aiomqtt(self, name: str) -> aiomqtt.Client:
        """Make an aiomqtt client."""
        tls = self.context(name)
        return aiomqtt.Client("localhost", self.lab.port, identifier=name, tls_context=tls)

    def s_client(self, name: str, packets: bytes) -> bytes:
        """Send packets through openssl s_client; give what came back until the server's end."""
        device = self.devices[name]
        where = ["-connect", f"localhost:{self.lab.port}"]
        trust = ["-CAfile", self.lab.ready["server_ca_file"], "-verify_return_error"]
        own = ["-cert", str(device.chain), "-key", str(device.key)]
        version = f"-tls{self.tls.replace('.', '_')}"
        command = ["openssl", "s_client", "-quiet", version, *where, *trust, *own]
        pipe = subprocess.PIPE
        return subprocess.run(command, input=packets, stdout=pipe, timeout=30, check=False).stdout


def mqtt_string(text: str) -> bytes:
    """Write a string as MQTT does (3.1.1, 1.5.3)."""
    return len(text).to_bytes(2, "big") + text.encode()


def packet(kind: int, body: bytes) -> bytes:
    """Write a short packet."""
    return bytes([kind, len(body)]) + body


def publish_mosquitto(fleet: Fleet, text: str) -> int:
    """Publish with mosquitto_pub; its exit status is the CONNACK return code."""
    command = [*fleet.mosquitto("mosquitto", "mosquitto_pub"), "-m", text]
    return subprocess.run(
        command, env=fleet.mosquitto_environment, capture_output=True, timeout=30, check=False
    ).returncode


def publish_paho(fleet: Fleet, text: str) -> int:
    """Publish with paho-mqtt."""
    client = fleet.paho("paho")
    if client.accepted:
        client.publish(TOPIC, text)
    client.leave()
    return {"Success": 0, "Not authorized": 5}[str(client.said)]


def publish_aiomqtt(fleet: Fleet, text: str) -> int:
    """Publish with aiomqtt."""

    async def publish() -> int:
        try:
            async with fleet.aiomqtt("aiomqtt") as client:
                await client.publish(TOPIC, text, qos=1)
        except aiomqtt.MqttError as error:
            return 5 if "Not authorized" in str(error) else -1
        return 0

    return asyncio.run(publish())


def publish_openssl(fleet: Fleet, text: str) -> int:
    """Publish with openssl s_client: CONNECT, PUBLISH with QoS 0, DISCONNECT."""
    connect = packet(0x10, b"\0\x04MQTT\x04\x02\0\x3c" + mqtt_string("openssl"))
    publish = packet(0x30, mqtt_string(TOPIC) + text.encode())
    answer = fleet.s_client("openssl", connect + publish + packet(0xE0, b""))
    assert answer[:3] == b"\x20\x02\0"
    return answer[3]


PUBLISH: dict[str, Callable[[Fleet, str], int]] = {
    "mosquitto": publish_mosquitto,
    "paho": publish_paho,
    "aiomqtt": publish_aiomqtt,
    "openssl": publish_openssl,
}


class MosquittoListener:
    """mosquitto_sub, and what it has printed."""

    def __init__(self, fleet: Fleet) -> None:
        self.heard: list[str] = []
        self.running = subprocess.Popen(
            ["stdbuf", "-oL", *fleet.mosquitto("mosquitto-listener", "mosquitto_sub"), "-d"],
            env=fleet.mosquitto_environment,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.reader = threading.Thread(target=self._read)
        self.reader.start()
        wait_until(lambda: any("SUBACK" in line for line in self.heard), "mosquitto_sub's SUBACK")

    def _read(self) -> None:
        assert self.running.stdout is not None
        with self.running.stdout as lines:
            self.heard.extend(line.rstrip("\n") for line in lines)

    def stop(self) -> None:
        """End it, by its id."""
        self.running.terminate()
        self.running.wait(PATIENCE)
        self.reader.join(PATIENCE)


class AiomqttListener:
    """aiomqtt in a thread of its own, listening until it hears "goodbye"."""

    def __init__(self, fleet: Fleet) -> None:
        self.heard: list[str] = []
        self.ready = threading.Event()
        self.pool = concurrent.futures.ThreadPoolExecutor(1)
        self.done = self.pool.submit(lambda: asyncio.run(self._listen(fleet)))
        assert self.ready.wait(PATIENCE)

    async def _listen(self, fleet: Fleet) -> None:
        async with fleet.aiomqtt("aiomqtt-listener") as client:
            await client.subscribe(TOPIC, qos=1)
            self.ready.set()
            async for message in client.messages:
                assert isinstance(message.payload, bytes)
                self.heard.append(message.payload.decode())
                if self.heard[-1] == "goodbye":
                    return

    def stop(self) -> None:
        """Wait for its end."""
        self.done.result(PATIENCE)
        self.pool.shutdown()


@pytest.fixture(params=[(k, t) for k in KeyType for t in TLS], ids=lambda p: f"{p[0]}-TLS {p[1]}")
def fleet(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Fleet]:
    """Run a lab with a device for each client; its CA is not registered yet."""
    key_type, tls = request.param
    with serving(tmp_path / "state", processes=1) as lab:
        ca = CertificateAuthority.create_root("maker", key_type)
        lab.sns["maker"] = lab.register(ca, "maker")
        yield Fleet(lab, ca, key_type, tls)


def test_messages_go_from_every_client_to_every_other(fleet: Fleet) -> None:
    """What each of four clients publishes, three other clients hear."""
    mosquitto, aio = MosquittoListener(fleet), AiomqttListener(fleet)
    paho = fleet.paho("paho-listener")
    paho.subscribe(TOPIC)
    for kind, publish in PUBLISH.items():
        assert publish(fleet, f"from {kind}") == 0
        for heard in (mosquitto.heard, aio.heard, paho.payloads):
            wait_until(lambda heard=heard, kind=kind: f"from {kind}" in heard, f"word of {kind}")
    paho.publish(TOPIC, "goodbye")
    aio.stop()
    paho.leave()
    mosquitto.stop()
    records = fleet.lab.decisions()
    assert {record["client_id"] for record in records} == set(KINDS + LISTENERS)
    assert {record["tls_version"] for record in records} == {f"TLSv{fleet.tls}"}
    assert all(record["accepted"] for record in records)


def activate(lab: Lab, sn: str) -> None:
    """Call ActiveCaCertificate."""
    request = models.ActiveCaCertificateRequest(mqtt_instance_id=INSTANCE, sn=sn)
    lab.sdk.active_ca_certificate(request)


def codes(fleet: Fleet) -> dict[str, int]:
    """Connect with every client; give the CONNACK return codes."""
    return {kind: publish(fleet, "hello") for kind, publish in PUBLISH.items()}


def test_kill_switches_hold_for_every_client(fleet: Fleet) -> None:
    """Admitted, refused while the CA is inactive, admitted again, refused once it is deleted."""
    lab, sn = fleet.lab, fleet.lab.sns["maker"]
    admitted, refused = dict.fromkeys(KINDS, 0), dict.fromkeys(KINDS, 5)
    assert codes(fleet) == admitted
    lab.inactivate(sn)
    assert codes(fleet) == refused
    activate(lab, sn)
    assert codes(fleet) == admitted
    lab.delete(sn)
    assert codes(fleet) == refused
    told = [" ".join(record["reasons"]) for record in lab.decisions()]
    assert told == [*[""] * 4, *["ca_inactive"] * 4, *[""] * 4, *["ca_not_registered"] * 4]
