"""A fleet against a lab in another process: a CA is switched off and on under its devices.

``python tests/e2e/test_fleet.py [--devices 500]`` does it with as many devices as wanted, and
prints how long each step took and what it cost in CPU time.
"""

import argparse
import asyncio
import os
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent.parent))

from alibabacloud_onsmqtt20200420 import models

from certgate_certs.authority import CertificateAuthority
from certgate_controlplane.address import Address
from certgate_controlplane.fleet import Behaviour, Counts, DeviceIdentity, Fleet
from e2e.support import INSTANCE, Lab, serving

STEADY = Behaviour(
    publish_seconds=5, drop_seconds=0, back_off_min=0.2, back_off_max=4, start_seconds=0.5
)


def address_of(lab: Lab) -> Address:
    """Give a lab's address."""
    values = {item.name: lab.ready[item.name] for item in fields(Address)}
    return Address(**values | {"instance_ids": tuple(values["instance_ids"])})


def identities(ca: CertificateAuthority, number: int) -> list[DeviceIdentity]:
    """Make devices."""
    return [DeviceIdentity.issue(f"GID_fleet@@@maker-{n:04}", ca) for n in range(number)]


def activate(lab: Lab, sn: str) -> None:
    """Call ActiveCaCertificate."""
    request = models.ActiveCaCertificateRequest(mqtt_instance_id=INSTANCE, sn=sn)
    lab.sdk.active_ca_certificate(request)


def cpu_seconds(pid: int) -> float:
    """Give the CPU time that a process has used."""
    after_name = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(after_name[11]) + int(after_name[12])) / os.sysconf("SC_CLK_TCK")


class Steps:
    """Takes a fleet from one state to the next and notes what that took.

    Args:
        fleet: the fleet.
        pid: the lab's process.
    """

    def __init__(self, fleet: Fleet, pid: int) -> None:
        self._fleet = fleet
        self._pids = (pid, os.getpid())
        self.took: list[str] = []

    async def step(self, name: str, condition: Callable[[Counts], bool]) -> Counts:
        """Wait for a state."""
        before, began = [cpu_seconds(pid) for pid in self._pids], time.monotonic()
        counts = await self._fleet.wait_until(condition, 60)
        seconds = time.monotonic() - began
        lab, own = (cpu_seconds(p) - b for p, b in zip(self._pids, before, strict=True))
        self.took.append(f"{name}: {seconds:.2f} s, CPU lab {lab:.2f} s, fleet {own:.2f} s")
        return counts


async def switch_off_and_on(lab: Lab, number: int) -> list[str]:
    """Let a fleet connect, inactivate its CA, activate it again; everybody has to follow."""
    ca = CertificateAuthority.create_root("maker")
    sn = lab.register(ca, "maker")
    async with Fleet(address_of(lab), identities(ca, number), STEADY) as fleet:
        steps = Steps(fleet, lab.processes[0].running.pid)
        counts = await steps.step("all admitted", lambda c: c.connected == number)
        assert (counts.admitted, counts.refused) == (number, {})
        await asyncio.to_thread(lab.inactivate, sn)
        counts = await steps.step("all refused", lambda c: c.kept_out == {"ca_inactive": number})
        assert (counts.connected, counts.lost, counts.admitted) == (0, number, number)
        assert counts.waiting + counts.connecting == number
        await asyncio.to_thread(activate, lab, sn)
        counts = await steps.step("all back", lambda c: c.connected == number)
        assert (counts.reconnects, counts.kept_out) == (number, {})
        assert counts.admitted_resumed == number
    return steps.took


@pytest.mark.proof
async def test_a_ca_is_switched_off_and_on_under_a_fleet(tmp_path: Path) -> None:
    """All are admitted; all are closed and refused with ca_inactive; all resume and are back."""
    with serving(tmp_path / "state", "--live-sessions", "close", processes=1) as lab:
        for line in await switch_off_and_on(lab, 30):
            print(line)


def main() -> None:
    """Do it with many devices, and print what it took."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--devices", type=int, default=500)
    devices = parser.parse_args().devices
    with tempfile.TemporaryDirectory() as folder:
        state = Path(folder) / "state"
        with serving(state, "--live-sessions", "close", processes=1) as lab:
            print(*asyncio.run(switch_off_and_on(lab, devices)), sep="\n")


if __name__ == "__main__":
    main()
