"""A lamp whose firmware is another program: mosquitto_pub."""

import subprocess

from certgate import Device, Lab


def publish(lab: Lab, lamp: Device) -> int:
    """Run the program; give its exit status, which is 0 where the broker took the message."""
    where = ["-h", "localhost", "-p", str(lab.port), "--cafile", str(lab.server_ca_file)]
    who = ["-i", lamp.client_id, "--cert", str(lamp.chain_file), "--key", str(lamp.key_file)]
    what = ["-t", "lamps/status", "-m", "on", "-q", "1"]
    return subprocess.run(
        ["mosquitto_pub", *where, *who, *what], stderr=subprocess.DEVNULL, check=False
    ).returncode


def test_inactive_lamp(certgate_lab: Lab, certgate_device: Device) -> None:
    """One lamp is shut out, and let in again."""
    assert publish(certgate_lab, certgate_device) == 0
    certgate_lab.inactivate(certgate_device)
    assert publish(certgate_lab, certgate_device) != 0
    certgate_lab.wait_for_decision(certgate_device, accepted=False)
    certgate_lab.activate(certgate_device)
    assert publish(certgate_lab, certgate_device) == 0
