"""How long real systems go on admitting what was withdrawn.

The figures are the systems' defaults; which page or source each is from stands in
`controlplane/faults.md`.
"""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Preset:
    """A revocation delay with a name.

    Attributes:
        seconds: how long.
        imitates: what takes that long.
    """

    seconds: int
    imitates: str


PRESETS: Mapping[str, Preset] = {
    "per-connect": Preset(
        0, "RabbitMQ and EMQX with an HTTP service that is asked at each CONNECT"
    ),
    "rabbitmq-trust-store": Preset(30, "RabbitMQ's trust store plugin, which polls"),
    "vernemq-crl": Preset(60, "VerneMQ, which reads its CRL files again"),
    "tencent-grace": Preset(600, "Tencent Cloud after a change of a device certificate"),
    "emqx-crl": Preset(900, "EMQX, which keeps a CRL in its cache"),
}
"""The presets by name, shortest first."""
