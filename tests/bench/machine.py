"""What the figures were measured on."""

import importlib.metadata
import importlib.util
import os
import platform
import re
import shutil
import sqlite3
import ssl
import subprocess
from pathlib import Path

from cryptography.hazmat.backends.openssl import backend

_SBIN = "/usr/sbin"
"""Where Debian puts servers; not everybody's PATH has it."""


def facts() -> dict[str, str]:
    """Describe the machine and the programs, nothing that tells whose it is."""
    return {
        "processor": _cpu_model(),
        "processors": str(os.cpu_count()),
        "memory": f"{_memory_gib():.0f} GiB",
        "system": f"{platform.system()} {platform.release().partition('-')[0]}",
        "Python": platform.python_version(),
        "certgate": f"{_version('certgate')}, {_loop()}, {backend.openssl_version_text()}",
        "amqtt": f"{_version('amqtt')}, asyncio, {ssl.OPENSSL_VERSION}",
        "Mosquitto": _mosquitto(),
        "moto": _version("moto"),
        "SQLite": sqlite3.sqlite_version,
    }


def program(name: str) -> str:
    """Find a program.

    Raises:
        SystemExit: it is not installed.
    """
    found = shutil.which(name, path=f"{os.environ.get('PATH', os.defpath)}:{_SBIN}")
    if found is None:
        raise SystemExit(f"{name} is not installed; the benchmark measures certgate beside it")
    return found


def _version(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        raise SystemExit(f"{package} is not installed: pip install -e '.[dev]'") from None


def _loop() -> str:
    return "uvloop" if importlib.util.find_spec("uvloop") else "asyncio"


def _mosquitto() -> str:
    told = subprocess.run([program("mosquitto"), "-h"], capture_output=True, text=True, check=False)
    found = re.search(r"mosquitto version (\S+)", told.stdout)
    return found[1] if found else "unknown"


def _cpu_model() -> str:
    found = re.search(r"^model name\s*: (.*)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    return found[1] if found else platform.machine()


def _memory_gib() -> float:
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30
