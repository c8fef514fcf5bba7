"""What the tests of scenarios share: a lab without sockets, and scenarios to load into it."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from certgate_broker.desk import Desks
from certgate_certs.authority import CertificateAuthority
from certgate_certs.issued import IssuedCertificate
from certgate_certs.registry import Registry
from certgate_controlplane.clock import LabClock, SharedClock
from certgate_controlplane.scenario import Premises, Scenarios
from certgate_controlplane.state import StateDirectory
from controlplane.harness import EMPTY_INSTANCE, INSTANCE

Members = dict[str, Any]


@dataclass
class Bench:
    """Scenarios over a registry, with nobody connected."""

    registry: Registry
    state: StateDirectory
    now: LabClock
    scenarios: Scenarios
    resets: list[str]

    @classmethod
    def over(cls, registry: Registry, folder: Path, most_cas: int = 5) -> "Bench":
        """Set one up."""
        state, now, desks = StateDirectory(folder), LabClock(), Desks(registry, None)
        premises = Premises(state, [INSTANCE, EMPTY_INSTANCE], most_cas, now)
        resets: list[str] = []

        async def first() -> None:
            resets.append("first")

        async def second() -> None:
            resets.append("second")

        clock = SharedClock(now, registry, desks)
        scenarios = Scenarios(registry, desks, clock, premises, [first, second])
        return cls(registry, state, now, scenarios, resets)

    async def exported(self, *, certificates: bool = True) -> Members:
        """Export, and read what was written."""
        found: Members = json.loads(await self.scenarios.export(certificates=certificates))
        return found

    def made(self) -> set[str]:
        """Name the CAs and devices made in the state directory."""
        pki = self.state.path / "pki"
        return {key.parent.relative_to(pki).as_posix() for key in pki.rglob("key.pem")}


def scenario(*cas: Members, **members: Any) -> str:
    """Write a scenario."""
    return json.dumps({"certgate": 1, "cas": list(cas), **members})


def ca_entry(
    ca: CertificateAuthority, *devices: Members, code: str = "code", **members: Any
) -> Members:
    """Give a CA's entry, with its certificate and proof."""
    texts = {"certificate": ca.pem, "verification": ca.issue_verification(code).pem}
    return {"name": "acme", **texts, "devices": list(devices), **members}


def device_entry(issued: IssuedCertificate, *chain: str, **members: Any) -> Members:
    """Give a device's entry, with its certificate."""
    return {"certificate": issued.pem, "chain": list(chain), **members}


def by_hand(name: str, devices: Sequence[str] = (), **members: Any) -> Members:
    """Give a CA's entry as a person writes it."""
    return {"name": name, "devices": [{"name": device} for device in devices], **members}
