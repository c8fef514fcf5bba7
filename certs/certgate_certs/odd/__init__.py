"""Odd certificates, each with what becomes of it: a kit for tests, certgate's own and others'.

`KINDS` is the catalogue. The CA that a kind is issued under should be a root without a limit of
path length, such as `CertificateAuthority.create_root` makes. Nothing made here is for anything
real.
"""

from certgate_certs.odd import cas, chains, keys, leaves, serials, subjects
from certgate_certs.odd.kind import DeviceKey, OddCase, OddDevice, OddKind

__all__ = ["KINDS", "DeviceKey", "OddCase", "OddDevice", "OddKind"]

_ALL = (
    *serials.KINDS,
    *subjects.KINDS,
    *leaves.KINDS,
    *keys.KINDS,
    *cas.KINDS,
    *chains.KINDS,
)

KINDS = {kind.name: kind for kind in _ALL}
"""Every kind by its name."""
