"""Tests that have nothing to do with certgate; they run as before it was installed."""

import certs
from broker import status_topic


def test_topic(serial: str) -> None:
    """A lamp's topic names the lamp."""
    assert status_topic(serial) == "lamps/lamp-0001/status"


def test_flash() -> None:
    """Certificates lie where the firmware looks for them."""
    assert certs.FLASH.name == "certificates"
