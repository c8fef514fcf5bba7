"""The lamp's own package of this name: where a lamp looks for its certificate."""

from pathlib import Path

FLASH = Path("/flash/certificates")
