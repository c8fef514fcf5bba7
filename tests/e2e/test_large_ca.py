"""A CA with more devices than are removed at once: deleted through the SDK, in running labs."""

import contextlib
import os
import signal
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from alibabacloud_onsmqtt20200420 import models
from Tea.exceptions import TeaException

from bench.filling import add_devices
from certgate_certs.authority import CertificateAuthority
from certgate_certs.registry.remains import AT_ONCE
from e2e.support import (
    INSTANCE,
    PATIENCE,
    DeviceFiles,
    Lab,
    knock,
    serving,
    start_serve,
    wait_until,
)

SIZE = 3_000


PAGE: dict[str, Any] = {"mqtt_instance_id": INSTANCE, "page_no": "1", "page_size": "10"}


def totals(lab: Lab) -> tuple[int, int]:
    """Give how many CAs and how many devices are listed."""
    cas = lab.sdk.list_ca_certificate(models.ListCaCertificateRequest(**PAGE))
    devices = lab.sdk.list_device_certificate(models.ListDeviceCertificateRequest(**PAGE))
    return int(cas.body.data.total), int(devices.body.data.total)


def total_of(lab: Lab, sn: str) -> int | str:
    """Give how many devices are listed of one CA, or the error."""
    request = models.ListDeviceCertificateByCaSnRequest(**PAGE, ca_sn=sn)
    try:
        return int(lab.sdk.list_device_certificate_by_ca_sn(request).body.data.total)
    except TeaException as error:
        return str(error.code)


def answer(lab: Lab, device: DeviceFiles) -> int | None:
    """Let a device connect once; give the return code."""
    return knock(lab.tls(device), lab.port, device.name)


def rows(state: Path) -> int:
    """Count the device rows that are still in the file."""
    with contextlib.closing(sqlite3.connect(state / "registry.db")) as file:
        return int(file.execute("SELECT count(*) FROM device_certificate").fetchone()[0])


@pytest.mark.parametrize("processes", [1, 2])
def test_gone_with_the_answer(tmp_path: Path, processes: int) -> None:
    """No list shows a device, its own are refused, others come and go; then the rows are gone."""
    state = tmp_path / "state"
    large, other = (CertificateAuthority.create_root(name) for name in ("large", "other"))
    lost = large.issue_device("lost")
    with serving(state, processes=processes) as lab:
        sn = lab.register(large, "large")
        lab.register(other, "other")
        add_devices(state / "registry.db", SIZE)
        device = lab.device(lost, "lost")
        stays = lab.device(other.issue_device("stays"), "stays")
        assert (answer(lab, device), answer(lab, stays)) == (0, 0)
        assert (totals(lab), total_of(lab, sn)) == ((2, SIZE + 2), SIZE + 1)
        lab.delete(sn)
        assert rows(state) > SIZE // 2, "most of it is still to be removed"
        assert (totals(lab), total_of(lab, sn)) == ((1, 1), "FindDeviceBySnError")
        assert (answer(lab, device), answer(lab, stays)) == (5, 0)
        wait_until(lambda: rows(state) == 1, "the rows are removed", 3 * PATIENCE)
        assert answer(lab, stays) == 0
        assert lab.register(large, "large") == sn
        assert answer(lab, device) == 0, "it registers itself anew"


def test_killed_in_the_middle(tmp_path: Path) -> None:
    """After a kill nothing of the CA is seen, and the next start removes the rest."""
    state = tmp_path / "state"
    large = CertificateAuthority.create_root("large")
    first = start_serve(state)
    lab = Lab(tmp_path, [first])
    try:
        sn = lab.register(large, "large")
        add_devices(state / "registry.db", SIZE)
        device = lab.device(large.issue_device("lost"), "lost")
        assert answer(lab, device) == 0
        lab.delete(sn)
        wait_until(lambda: rows(state) < SIZE - 2 * AT_ONCE, "the removing has begun")
    finally:
        os.kill(first.running.pid, signal.SIGKILL)
        first.running.wait(PATIENCE)
    left = rows(state)
    assert 0 < left < SIZE
    broker = start_serve(state, "--only", "broker")
    assert answer(Lab(tmp_path, [broker]), device) == 5
    assert broker.stop() == 0
    assert rows(state) == left, "whoever only reads it does not clear up"
    second = start_serve(state)
    assert totals(Lab(tmp_path, [second])) == (0, 0)
    wait_until(lambda: rows(state) == 0, "the rows are removed", 3 * PATIENCE)
    assert second.stop() == 0
