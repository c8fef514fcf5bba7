"""While no fault is set, none of the faults' code runs on the way of a connection."""

import asyncio
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

import pytest

from certgate_certs.authority import CertificateAuthority
from e2e.faulty import Rig, faulty


@contextmanager
def called() -> Iterator[set[str]]:
    """Collect the files of all functions that are called in this thread, the event loop's."""
    files: set[str] = set()

    def note(frame: FrameType, event: str, _: object) -> None:
        if event == "call":
            files.add(frame.f_code.co_filename)

    earlier = sys.getprofile()
    sys.setprofile(note)
    try:
        yield files
    finally:
        sys.setprofile(earlier)


def of_faults(files: set[str]) -> set[str]:
    """Give the modules that lie in a folder of faults, or do what only faults ask for."""
    late = {"grace.py", "lagging.py", "faults.py"}
    paths = {Path(file) for file in files if "certgate" in file}
    return {path.name for path in paths if path.parent.name == "faults" or path.name in late}


@pytest.fixture
async def rig(tmp_path: Path) -> AsyncIterator[Rig]:
    """Run a lab."""
    async with faulty(tmp_path) as running:
        yield running


@pytest.fixture
async def ca(rig: Rig) -> CertificateAuthority:
    """Give a registered CA."""
    return await rig.new_ca()


async def connections(rig: Rig, ca: CertificateAuthority, name: str) -> set[str]:
    """Connect a new device, a known one and a stranger; give the files of what was called."""
    stranger = CertificateAuthority.create_root("stranger")
    own, foreign = (rig.tls(each.issue_device(name)) for each in (ca, stranger))
    with called() as files:
        client = await rig.paho(own, name)
        await asyncio.to_thread(client.leave)
        await rig.knock(own, name)
        await rig.knock(foreign, name)
        await rig.lab.desks.flush()
    assert {"way.py", "admission.py", "listener.py"} <= {Path(file).name for file in files}
    return files


async def test_nothing_runs_while_nothing_is_set(rig: Rig, ca: CertificateAuthority) -> None:
    """Neither before the first fault is set nor after the last one is cleared."""
    assert of_faults(await connections(rig, ca, "before")) == set()
    await rig.lab.faults.set("connect-refuse", devices="nobody")
    await rig.lab.faults.set("revocation-delay", seconds=5)
    await rig.lab.faults.set("live-sessions", closed="never")
    await rig.lab.faults.clear()
    assert of_faults(await connections(rig, ca, "after")) == set()


@pytest.mark.parametrize(
    ("name", "fields", "expected"),
    [
        ("connect-refuse", {"devices": "nobody"}, {"way.py", "drawing.py"}),
        ("handshake-stall", {"devices": "nobody"}, {"way.py", "drawing.py"}),
        ("connack-cut", {"devices": "nobody"}, {"cutting.py"}),
        ("registry-unavailable", {}, {"faults.py"}),
        ("revocation-delay", {"seconds": 5}, {"lagging.py"}),
    ],
)
async def test_what_runs_is_found(
    rig: Rig, ca: CertificateAuthority, name: str, fields: dict[str, object], expected: set[str]
) -> None:
    """The check finds what it looks for as soon as a fault is set."""
    await rig.lab.faults.set(name, **fields)
    assert expected <= of_faults(await connections(rig, ca, "lamp"))
