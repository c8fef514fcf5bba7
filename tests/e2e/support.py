"""Drive a lab from outside: its processes, the official SDK, and clients that are not ours."""

import json
import os
import socket
import ssl
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import paho.mqtt.client as mqtt
from alibabacloud_onsmqtt20200420 import models
from alibabacloud_onsmqtt20200420.client import Client as SdkClient
from alibabacloud_tea_openapi.models import Config  # type: ignore[attr-defined]
from paho.mqtt.enums import CallbackAPIVersion

from certgate_certs.authority import CertificateAuthority
from certgate_certs.issued import IssuedCertificate

INSTANCE = "post-cn-local"
PATIENCE = 10.0


def wait_until(condition: Any, what: str, seconds: float = PATIENCE) -> None:
    """Poll until a condition holds; fail with a sentence where it never does."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"waited {seconds} s in vain: {what}"
        time.sleep(0.005)


@dataclass(frozen=True)
class Process:
    """One ``certgate serve`` process and what its ready file says."""

    running: subprocess.Popen[str]
    ready: dict[str, Any]

    def stop(self) -> int:
        """Ask it to stop, by its id, and wait; one that hangs is killed."""
        return end(self.running, PATIENCE)


def end(running: subprocess.Popen[Any], patience: float) -> int:
    """Ask a process to stop, by its id, and wait for its exit code; one that hangs is killed."""
    running.terminate()
    try:
        return running.wait(patience)
    except subprocess.TimeoutExpired:
        running.kill()
        running.wait(patience)
        raise


def start_serve(state: Path, *options: str) -> Process:
    """Start ``certgate serve`` on free ports and wait for its ready file."""
    ready = state.parent / f"ready-{time.monotonic_ns()}.json"
    command = [sys.executable, "-m", "certgate_controlplane", "serve", "--state-dir", str(state)]
    ports = ["--api-port", "0", "--mqtts-port", "0", "--ready-file", str(ready)]
    running = subprocess.Popen(
        [*command, *ports, *options], stdout=subprocess.DEVNULL, text=True, env=environment()
    )
    wait_until(lambda: ready.exists() or running.poll() is not None, "the ready file")
    assert running.poll() is None, f"certgate serve ended with {running.returncode}"
    return Process(running, json.loads(ready.read_text()))


@contextmanager
def serving(state: Path, *options: str, processes: int) -> Iterator["Lab"]:
    """Run a lab in one process, or its two sides in two, each with the same options."""
    sides = [()] if processes == 1 else [("--only", "broker"), ("--only", "api")]
    started: list[Process] = []
    try:
        started.extend(start_serve(state, *side, *options) for side in sides)
        yield Lab(state.parent, started)
    finally:
        codes = [process.stop() for process in started]
    assert codes == [0] * len(codes)


@dataclass
class DeviceFiles:
    """A device's certificate and key, as files."""

    name: str
    chain: Path
    key: Path
    issued: IssuedCertificate


@dataclass
class Lab:
    """A running lab as its users see it."""

    folder: Path
    processes: Sequence[Process]
    sns: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        merged: dict[str, Any] = {}
        for process in self.processes:
            merged |= {k: v for k, v in process.ready.items() if v is not None}
        self.ready = merged

    @property
    def port(self) -> int:
        """TCP port of MQTT over TLS."""
        return int(self.ready["mqtts_port"])

    @property
    def sdk(self) -> SdkClient:
        """The cloud's official client, pointed at the lab."""
        endpoint = self.ready["api_url"].removeprefix("http://")
        return SdkClient(
            Config(
                access_key_id="any",
                access_key_secret="any",
                endpoint=endpoint,
                protocol="http",
            )
        )

    def register(self, ca: CertificateAuthority, name: str) -> str:
        """Register a CA as the cloud's guide says; give its Sn."""
        code = self.sdk.get_register_code(
            models.GetRegisterCodeRequest(mqtt_instance_id=INSTANCE)
        ).body.register_code
        answer = self.sdk.register_ca_certificate(
            models.RegisterCaCertificateRequest(
                mqtt_instance_id=INSTANCE,
                ca_name=name,
                ca_content=ca.pem,
                verification_content=ca.issue_verification(code).pem,
            )
        )
        return str(answer.body.sn)

    def inactivate(self, sn: str) -> None:
        """Call InactivateCaCertificate."""
        self.sdk.inactivate_ca_certificate(
            models.InactivateCaCertificateRequest(mqtt_instance_id=INSTANCE, sn=sn)
        )

    def delete(self, sn: str) -> None:
        """Call DeleteCaCertificate."""
        self.sdk.delete_ca_certificate(
            models.DeleteCaCertificateRequest(mqtt_instance_id=INSTANCE, sn=sn)
        )

    def device(self, issued: IssuedCertificate, name: str) -> DeviceFiles:
        """Write a device's files."""
        chain, key = self.folder / f"{name}.pem", self.folder / f"{name}.key"
        chain.write_text(issued.chain_pem)
        key.write_text(issued.key_pem)
        return DeviceFiles(name, chain, key, issued)

    def tls(self, device: DeviceFiles | None) -> ssl.SSLContext:
        """Make the standard library's client context for a device, or for nobody."""
        context = ssl.create_default_context(cafile=self.ready["server_ca_file"])
        if device is not None:
            context.load_cert_chain(device.chain, device.key)
        return context

    def paho(self, device: DeviceFiles, client_id: str, *, clean: bool = True) -> "Paho":
        """Connect with paho-mqtt."""
        return Paho(self.tls(device), self.port, client_id, clean=clean)

    def decisions(self) -> list[dict[str, Any]]:
        """Read the decision records."""
        with urllib.request.urlopen(f"{self.ready['api_url']}/_certgate/decisions") as answer:
            return list(json.load(answer)["decisions"])


class Paho:
    """A paho-mqtt client with its story written down."""

    def __init__(self, tls: ssl.SSLContext, port: int, client_id: str, *, clean: bool) -> None:
        self.payloads: list[str] = []
        self.session_present = False
        self.said: str | None = None
        self.dropped = threading.Event()
        self._answered = threading.Event()
        self._granted = threading.Event()
        self.client = mqtt.Client(
            CallbackAPIVersion.VERSION2,
            client_id=client_id,
            clean_session=clean,
            reconnect_on_failure=False,
        )
        self.client.tls_set_context(tls)
        self.client.on_connect = self._on_connect
        self.client.on_disconnect = self._on_disconnect
        self.client.on_message = lambda _c, _u, m: self.payloads.append(m.payload.decode())
        self.client.on_subscribe = lambda *_: self._granted.set()
        try:
            self.client.connect("127.0.0.1", port)
        except OSError as error:
            self.said = str(error)
            return
        self.client.loop_start()
        assert self._answered.wait(PATIENCE), "neither CONNACK nor an end"

    @property
    def accepted(self) -> bool:
        """Whether CONNACK said 0."""
        return self.said == "Success"

    def subscribe(self, topic_filter: str) -> None:
        """Subscribe with QoS 1 and wait for SUBACK."""
        self._granted.clear()
        self.client.subscribe(topic_filter, qos=1)
        assert self._granted.wait(PATIENCE)

    def publish(self, topic: str, payload: str) -> None:
        """Publish with QoS 1 and wait for PUBACK."""
        self.client.publish(topic, payload, qos=1).wait_for_publish(PATIENCE)

    def expect(self, payload: str) -> None:
        """Wait for a message."""
        wait_until(lambda: payload in self.payloads, f"message {payload!r}")

    def leave(self) -> None:
        """Say DISCONNECT, and wait for the end."""
        self.client.disconnect()
        self.client.loop_stop()
        self._let_go()

    def vanish(self) -> None:
        """Cut the connection without DISCONNECT."""
        sock = self.client.socket()
        if sock is not None:
            socket.socket(fileno=os.dup(sock.fileno())).shutdown(socket.SHUT_RDWR)
        self.client.loop_stop()
        self._let_go()

    def _let_go(self) -> None:
        self.client._reset_sockets()  # noqa: SLF001  else some live until they are collected

    def _on_connect(self, _c: Any, _u: Any, flags: Any, code: Any, _p: Any) -> None:
        self.said, self.session_present = str(code), bool(flags.session_present)
        self._answered.set()

    def _on_disconnect(self, *_: Any) -> None:
        self.dropped.set()
        self._answered.set()


def knock(tls: ssl.SSLContext, port: int, client_id: str, *, clean: bool = True) -> int | None:
    """Connect with the standard library's ssl and say CONNECT.

    Returns:
        The CONNACK return code, or None where no CONNACK came.
    """
    name = client_id.encode()
    body = b"\0\x04MQTT\x04" + (b"\x02" if clean else b"\0") + b"\0\x3c"
    body += len(name).to_bytes(2, "big") + name
    try:
        with (
            socket.create_connection(("127.0.0.1", port), PATIENCE) as tcp,
            tls.wrap_socket(tcp, server_hostname="localhost") as stream,
        ):
            stream.sendall(bytes([0x10, len(body)]) + body)
            answer = stream.recv(4)
    except OSError:
        return None
    return answer[3] if len(answer) == 4 and answer[0] == 0x20 else None


def environment() -> dict[str, str]:
    """Give the environment of a child process that must not inherit certgate's settings."""
    return {k: v for k, v in os.environ.items() if not k.startswith("CERTGATE_")}
