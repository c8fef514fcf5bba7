"""A connection of a device, made with paho-mqtt, and what its client saw."""

import threading
from dataclasses import dataclass
from typing import cast

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.reasoncodes import ReasonCode

from certgate_controlplane.device_tls import InstanceContext
from certgate_controlplane.toolkit.handles import Device

_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a connection attempt came to, as the client saw it.

    Attributes:
        accepted: CONNACK said 0.
        said: what the client library made of it.
        local_address: the client's end, ``address:port``, as decision records have it; or "".
    """

    accepted: bool
    said: str
    local_address: str


class Connection:
    """One connection of a device; `open` makes it.

    Args:
        device: who connects.
        client_id: the client identifier, where it is not the device's own.

    Attributes:
        device: who connects.
        client: the paho-mqtt client, for everything else.
        outcome: what became of it.
    """

    outcome: Outcome

    def __init__(self, device: Device, client_id: str | None = None) -> None:
        self.device = device
        self._context = cast("InstanceContext", device.ssl_context())
        self.client = mqtt.Client(
            CallbackAPIVersion.VERSION2,
            client_id=client_id or device.client_id,
            reconnect_on_failure=False,
        )
        self.client.tls_set_context(self._context)
        self.client.on_connect = self._on_connect
        self.client.on_disconnect = lambda *_: self._end()
        self._said = ""
        self._answered = threading.Event()
        self._ended = threading.Event()

    @property
    def is_open(self) -> bool:
        """Whether it was admitted and has not ended."""
        return self.client.is_connected() and not self._ended.is_set()

    def open(self) -> Outcome:
        """Connect and wait for the answer."""
        accepted = self._attempt()
        self.outcome = Outcome(accepted, self._said or "no answer", self._context.local_address)
        if not accepted:
            self.close()
        return self.outcome

    def close(self) -> None:
        """Disconnect; nothing happens where it has ended already."""
        self.client.disconnect()
        self.client.loop_stop()
        # In a cycle of references, Python would finalize paho's sockets before paho closes them.
        self.client.on_connect = self.client.on_disconnect = None
        self._ended.set()

    def _attempt(self) -> bool:
        address = self.device.address
        try:
            self.client.connect(str(address.mqtts_host), int(address.mqtts_port or 0))
        except OSError as error:
            self._said = str(error)
            return False
        self.client.loop_start()
        self._answered.wait(_SECONDS)
        return self.client.is_connected()

    def _on_connect(self, *arguments: object) -> None:
        code = arguments[3]
        if isinstance(code, ReasonCode):
            self._said = str(code)
        self._answered.set()

    def _end(self) -> None:
        self._ended.set()
        self._answered.set()
