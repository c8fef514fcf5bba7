"""A certgate with a fault in it, for the proof that the proof finds it.

``python tests/proofs/planted.py serve …`` is certgate with a cache of 200 ms on the decision path:
what the registry has said of a device or of an instance's CAs is believed for so long. It knows no
better cache than the usual one, which does not remember that nothing was found.
"""

import time
from collections.abc import Callable
from typing import Any, TypeVar
from unittest import mock

from certgate_certs.registry import Binding, CaCertificate, KnownDevice, StandingReader
from certgate_controlplane.cli import main

SECONDS = 0.2

Found = TypeVar("Found")


class CachingReader(StandingReader):
    """Answers from memory what it was asked a moment ago.

    Args:
        path: the registry file.
    """

    def __init__(self, path: Any) -> None:
        super().__init__(path)
        self._remembered: dict[object, tuple[float, Any]] = {}

    def look_up(
        self, instance_id: str, fingerprint: bytes, client_id: str
    ) -> tuple[list[KnownDevice], Binding | None]:
        """Find the registrations of a certificate, now or up to 200 ms ago."""
        known, binding = super().look_up(instance_id, fingerprint, client_id)
        return self._remember((instance_id, fingerprint), lambda: known), binding

    def cas(self, instance_id: str) -> list[CaCertificate]:
        """List an instance's CA certificates as they are, or were up to 200 ms ago."""
        look_up = super().cas
        return self._remember(instance_id, lambda: look_up(instance_id))

    def _remember(self, key: object, look_up: Callable[[], list[Found]]) -> list[Found]:
        until, found = self._remembered.get(key, (0.0, []))
        if time.monotonic() >= until:
            found = look_up()
            if found:
                self._remembered[key] = (time.monotonic() + SECONDS, found)
        return list(found)


if __name__ == "__main__":
    with mock.patch("certgate_certs.registry.StandingReader", CachingReader):
        main()
