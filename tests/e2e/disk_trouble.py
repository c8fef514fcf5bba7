"""A lab whose disk fills up or whose registry somebody locks, and those who call it meanwhile."""

import contextlib
import resource
import sqlite3
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from Tea.exceptions import TeaException

from certgate_certs.authority import CertificateAuthority
from e2e.support import DeviceFiles, Lab, knock
from proofs.asking import ADMITTED, activate, request
from proofs.servers import Arrangement

DEVICES = 4
_DROP_FROM_BOUNDING_SET, _DAC_OVERRIDE = 24, 1  # linux/prctl.h, linux/capability.h
_BIND = f"""
import ctypes, os, sys
if os.geteuid() == 0:
    failed = ctypes.CDLL(None).prctl({_DROP_FROM_BOUNDING_SET}, {_DAC_OVERRIDE}, 0, 0, 0)
    assert not failed, "the capability cannot be dropped"
os.execv(sys.argv[1], sys.argv[1:])
"""
BOUND = (sys.executable, "-c", _BIND)
"""Runs a program that permissions bind, even where root runs it."""


@dataclass(frozen=True)
class House:
    """A lab with a registered CA, devices that have connected, and as many that have not.

    Attributes:
        state: the state directory.
        processes: the lab's.
        ca: the CA.
        devices: ``known-0`` and so on, and ``new-0`` and so on.
        code: a registration code that nobody has used.
    """

    state: Path
    processes: Arrangement
    ca: CertificateAuthority
    devices: dict[str, DeviceFiles]
    code: str

    @classmethod
    def build(cls, state: Path, processes: Arrangement) -> "House":
        """Register the CA and let the known devices connect."""
        lab, ca = processes.lab, CertificateAuthority.create_root("maker")
        lab.register(ca, "maker")
        names = [f"{kind}-{number}" for kind in ("known", "new") for number in range(DEVICES)]
        devices = {name: lab.device(ca.issue_device(name), name) for name in names}
        code = lab.sdk.get_register_code(request("GetRegisterCode")).body.register_code
        house = cls(state, processes, ca, devices, str(code))
        for number in range(DEVICES):
            assert house.knock(f"known-{number}") == ADMITTED
        assert len(lab.decisions()) == DEVICES
        return house

    @property
    def lab(self) -> Lab:
        """The lab."""
        return self.processes.lab

    @property
    def sn(self) -> str:
        """The CA's serial number."""
        return self.ca.issued.view.sn

    def knock(self, name: str) -> int | None:
        """Connect a device; give the CONNACK return code."""
        lab = self.lab
        return knock(lab.tls(self.devices[name]), lab.port, name)

    @contextlib.contextmanager
    def full_disk(self) -> Iterator[None]:
        """Let no process write behind the end of the registry's write-ahead log."""
        self._limit((self.state / "registry.db-wal").stat().st_size)
        try:
            yield
        finally:
            self._limit(resource.RLIM_INFINITY)

    def _limit(self, size: int) -> None:
        for server in self.processes.servers.values():
            both = (size, resource.RLIM_INFINITY)
            resource.prlimit(server.running.pid, resource.RLIMIT_FSIZE, both)

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Let another connection write, for the length of the block."""
        with locked(self.state / "registry.db"):
            yield

    def changes(self) -> dict[str, Callable[[], object]]:
        """Give a call of each kind that changes the registry."""
        lab, sdk, sn = self.lab, self.lab.sdk, self.sn
        other = CertificateAuthority.create_root("other")
        proof = other.issue_verification(self.code).pem
        texts = {"ca_content": other.pem, "verification_content": proof}
        register = request("RegisterCaCertificate", ca_name="other", **texts)
        device = {"ca_sn": sn, "device_sn": self.devices["known-0"].issued.view.sn}
        inactivate = request("InactivateDeviceCertificate", **device)
        active = request("ActiveDeviceCertificate", **device)
        delete = request("DeleteDeviceCertificate", **device)
        return {
            "GetRegisterCode": lambda: sdk.get_register_code(request("GetRegisterCode")),
            "RegisterCaCertificate": lambda: sdk.register_ca_certificate(register),
            "ActiveCaCertificate": lambda: activate(lab, sn),
            "InactivateCaCertificate": lambda: lab.inactivate(sn),
            "DeleteCaCertificate": lambda: lab.delete(sn),
            "ActiveDeviceCertificate": lambda: sdk.active_device_certificate(active),
            "InactivateDeviceCertificate": lambda: sdk.inactivate_device_certificate(inactivate),
            "DeleteDeviceCertificate": lambda: sdk.delete_device_certificate(delete),
        }


def answer(call: Callable[[], object]) -> tuple[int, str]:
    """Make a call; give the HTTP status and the error code, "" for success."""
    try:
        call()
    except TeaException as error:
        return getattr(error, "statusCode", 0), str(error.code or error.message)
    return 200, ""


@contextlib.contextmanager
def locked(registry: Path) -> Iterator[None]:
    """Hold the lock of somebody who writes, for the length of the block."""
    with contextlib.closing(sqlite3.connect(registry, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        yield
