"""``certgate serve`` processes whose words are kept, so that a proof can read them afterwards."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from e2e.support import PATIENCE, Lab, Process, environment, wait_until

STARTING = 60.0
"""Seconds that a start may take where many others are at work on the same machine."""
_SERVE = (sys.executable, "-m", "certgate_controlplane", "serve", "--api-port", "0")
_WHOLE = {"whole": ()}
_SPLIT = {"api": ("--only", "api"), "broker": ("--only", "broker")}


@dataclass(frozen=True)
class Server(Process):
    """A process with what it writes to standard error.

    Attributes:
        log: the file that holds it.
    """

    log: Path

    def said(self) -> str:
        """Give what it has written to standard error."""
        return self.log.read_text()

    def kill(self) -> None:
        """End it by SIGKILL, by its id, and wait."""
        os.kill(self.running.pid, signal.SIGKILL)
        assert self.running.wait(PATIENCE) == -signal.SIGKILL


def start_server(state: Path, *options: str, prefix: Sequence[str] = ()) -> Server:
    """Start ``certgate serve`` on free ports and wait until it accepts connections.

    Args:
        state: the state directory.
        options: more options.
        prefix: a program with arguments that starts the process in its own place.
    """
    name = f"serve-{time.monotonic_ns()}"
    ready, log = state.parent / f"{name}.json", state.parent / f"{name}.log"
    files = ["--state-dir", str(state), "--mqtts-port", "0", "--ready-file", str(ready)]
    with log.open("w") as errors:
        running = subprocess.Popen(
            [*prefix, *_SERVE, *files, *options],
            stdout=subprocess.DEVNULL,
            stderr=errors,
            text=True,
            env=environment(),
        )
    wait_until(lambda: ready.exists() or running.poll() is not None, "the ready file", STARTING)
    assert running.poll() is None, log.read_text()
    return Server(running, json.loads(ready.read_text()), log)


class Arrangement:
    """The processes of a lab, one or two; leaving its block stops them.

    Args:
        state: the state directory.
        options: more options for each of them.

    Attributes:
        servers: those that run, by their names: whole, or api and broker.
    """

    def __init__(self, state: Path, *options: str) -> None:
        self._state = state
        self._options = options
        self._sides: Mapping[str, tuple[str, ...]] = {}
        self.servers: dict[str, Server] = {}
        self._read: dict[Path, int] = {}

    @property
    def lab(self) -> Lab:
        """The lab as it is now."""
        return Lab(self._state.parent, list(self.servers.values()))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def suit(self, name: str) -> None:
        """Arrange the processes so that there is one of this name."""
        if name not in self._sides:
            self.stop()
            self._sides = _SPLIT if name in _SPLIT else _WHOLE
            for side in self._sides:
                self.start(side)

    def start(self, name: str) -> None:
        """Start a process."""
        self.servers[name] = server = start_server(self._state, *self._sides[name], *self._options)
        self._read[server.log] = 0

    def kill(self, name: str) -> None:
        """Kill a process."""
        self.servers.pop(name).kill()

    def stop(self) -> None:
        """Ask every process to stop; each ends as it should."""
        servers, self.servers = self.servers, {}
        codes = {name: server.stop() for name, server in servers.items()}
        assert not any(codes.values()), codes

    def complaints(self) -> list[str]:
        """Give what the processes have written to standard error since they were last asked."""
        lines = []
        for log, seen in self._read.items():
            said = log.read_text().splitlines()
            lines.extend(said[seen:])
            self._read[log] = len(said)
        return lines
