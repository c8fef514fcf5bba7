"""Devices that connect steadily while something else happens."""

import contextlib
import itertools
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

from bench.clients import devices_of
from bench.identities import Identities
from bench.processes import Process

A_SECOND = 30
"""Connections of each kind: a steady load, not all that the machine can do."""
KNOWN, FIRST = "known devices", "first connections"


class Traffic:
    """Two kinds of devices that connect one after the other, at fixed times.

    A connection's time counts from when it was due: whoever waits for a slow one is slow, too.

    Args:
        server: where they connect to.
        known: devices that are registered.
        newcomers: devices that are not, yet.
    """

    def __init__(self, server: Process, known: Identities, newcomers: Identities) -> None:
        self._over = threading.Event()
        self._took: dict[str, list[float]] = {KNOWN: [], FIRST: []}
        self._devices = {
            KNOWN: itertools.cycle(devices_of(known, server)),
            FIRST: iter(devices_of(newcomers, server)),
        }

    @contextlib.contextmanager
    def going_on(self) -> Iterator[None]:
        """Let devices connect for the length of the block.

        Raises:
            AssertionError: one was not admitted, or there are no more newcomers.
        """
        with ThreadPoolExecutor(len(self._devices)) as pool:
            kinds = [pool.submit(self._connect, kind) for kind in self._devices]
            try:
                yield
            finally:
                self._over.set()
            for kind in kinds:
                kind.result()

    def take(self) -> dict[str, list[float]]:
        """Give how long connections of each kind took since the last time, seconds."""
        found, self._took = self._took, {kind: [] for kind in self._took}
        return found

    def _connect(self, kind: str) -> None:
        due = time.perf_counter()
        while not self._over.wait(max(0.0, due - time.perf_counter())):
            device = next(self._devices[kind], None)
            assert device is not None, f"no more {kind}"
            device.visit()
            self._took[kind].append(time.perf_counter() - due)
            due += 1 / A_SECOND
