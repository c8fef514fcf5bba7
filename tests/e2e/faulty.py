"""A lab in this process whose faults are set, and the clients that meet them."""

import asyncio
import contextlib
import socket
import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from certgate_certs.authority import CertificateAuthority
from certgate_certs.issued import IssuedCertificate
from certgate_certs.registry import DecisionRecord
from certgate_controlplane.lab import LabServer
from certgate_controlplane.settings import Settings
from controlplane.harness import Cloud
from e2e.support import INSTANCE, PATIENCE, Paho, knock

HOST = "127.0.0.1"


@dataclass
class Rig:
    """A running lab, seen from outside, and its faults."""

    lab: LabServer
    folder: Path
    issued: int = 0

    @property
    def port(self) -> int:
        """TCP port of MQTT over TLS."""
        assert self.lab.address.mqtts_port is not None
        return self.lab.address.mqtts_port

    @property
    def sdk(self) -> Cloud:
        """The official SDK, pointed at the lab."""
        assert self.lab.address.api_url is not None
        return Cloud(self.lab.address.api_url.removeprefix("http://"))

    async def new_ca(self, name: str = "maker") -> CertificateAuthority:
        """Make and register a CA."""
        ca = CertificateAuthority.create_root(name)
        await self.register(ca, name)
        return ca

    async def register(self, ca: CertificateAuthority, name: str = "maker") -> None:
        """Register a CA."""
        code = await self.lab.operations.call("GetRegisterCode", MqttInstanceId=INSTANCE)
        proof = ca.issue_verification(str(code["RegisterCode"])).pem
        await self.lab.operations.call(
            "RegisterCaCertificate",
            MqttInstanceId=INSTANCE,
            CaName=name,
            CaContent=ca.pem,
            VerificationContent=proof,
        )

    def tls(
        self, issued: IssuedCertificate, version: ssl.TLSVersion | None = None
    ) -> ssl.SSLContext:
        """Make a device's TLS context, for one protocol version or any."""
        self.issued += 1
        chain, key = (self.folder / f"{self.issued}.{kind}" for kind in ("crt", "key"))
        chain.write_text(issued.chain_pem)
        key.write_text(issued.key_pem)
        context = ssl.create_default_context(cafile=self.lab.address.server_ca_file)
        context.load_cert_chain(chain, key)
        if version is not None:
            context.minimum_version = context.maximum_version = version
        return context

    async def knock(self, tls: ssl.SSLContext, client_id: str = "lamp") -> int | None:
        """Connect once; give the CONNACK return code, or None where no CONNACK came."""
        return await asyncio.to_thread(knock, tls, self.port, client_id)

    async def paho(self, tls: ssl.SSLContext, client_id: str = "lamp") -> Paho:
        """Connect with paho-mqtt."""
        return await asyncio.to_thread(Paho, tls, self.port, client_id, clean=True)

    async def records(self) -> list[DecisionRecord]:
        """Give every decision record so far."""
        await self.lab.desks.flush()
        return [record for _, record in await self.lab.registry.decisions.since(0, 1000)]

    async def last(self) -> DecisionRecord:
        """Give the last decision record."""
        return (await self.records())[-1]

    async def struck(self) -> dict[str, tuple[int, int]]:
        """Give how often each fault was seen and struck, by name."""
        found: list[dict[str, Any]] = await self.lab.faults.list()
        return {item["name"]: (item["seen"], item["struck"]) for item in found}


@contextlib.asynccontextmanager
async def faulty(tmp_path: Path, **changes: Any) -> AsyncIterator[Rig]:
    """Run a lab."""
    settings = Settings(state_dir=tmp_path / "state", api_port=0, mqtts_port=0, **changes)
    async with LabServer(settings) as lab:
        yield Rig(lab, tmp_path)


async def gone(client: Paho) -> None:
    """Wait until a client's connection has ended, and let go of it."""
    assert await asyncio.to_thread(client.dropped.wait, PATIENCE), "it was not closed"
    await asyncio.to_thread(client.leave)


def handshake(tls: ssl.SSLContext, port: int, seconds: float) -> str:
    """Shake hands and say CONNECT; tell where the answers end."""
    packet = bytes.fromhex("101000044d5154540402003c00046c616d70")
    try:
        with socket.create_connection((HOST, port), seconds) as tcp:
            try:
                stream = tls.wrap_socket(tcp, server_hostname="localhost")
            except TimeoutError:
                return "silence in the handshake"
            with stream:
                stream.sendall(packet)
                return "CONNACK" if stream.recv(4) == b"\x20\x02\0\0" else "closed"
    except TimeoutError:
        return "silence after the handshake"
