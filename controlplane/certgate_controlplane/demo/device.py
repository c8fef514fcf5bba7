"""A simulated device: a paho-mqtt client with a certificate."""

import contextlib
import threading
from dataclasses import dataclass
from pathlib import Path

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.reasoncodes import ReasonCode

from certgate_controlplane.address import Address
from certgate_controlplane.key_files import KeyPair

_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a connection attempt came to.

    Attributes:
        accepted: CONNACK said 0.
        said: what the client library made of it.
    """

    accepted: bool
    said: str


class Device:
    """One device and its connection.

    Args:
        name: its client identifier and common name.
        pair: its certificate and key.
        address: where it connects.
    """

    def __init__(self, name: str, pair: KeyPair, address: Address) -> None:
        self.name = name
        self._pair = pair
        self._address = address
        self._client: mqtt.Client | None = None
        self._arrived = threading.Condition()
        self._messages: set[str] = set()

    @property
    def is_connected(self) -> bool:
        """Whether its connection is open."""
        return self._client is not None and self._client.is_connected()

    def connect(self, topic_filter: str) -> Outcome:
        """Connect and stay connected.

        Args:
            topic_filter: subscribed to with QoS 1 before this returns.
        """
        client, outcome = self._attempt()
        if outcome.accepted:
            self._client = client
            self._subscribe(client, topic_filter)
        return outcome

    def try_to_connect(self) -> Outcome:
        """Make another connection, beside one that may be open, and drop it at once."""
        client, outcome = self._attempt()
        _end(client)
        return outcome

    def publish(self, topic: str, text: str) -> None:
        """Publish with QoS 1 and wait for the acknowledgement.

        What cannot be sent does not arrive: whoever should receive it tells.

        Args:
            topic: topic name.
            text: payload.
        """
        if self._client is not None:
            with contextlib.suppress(RuntimeError):  # The connection has ended.
                self._client.publish(topic, text, qos=1).wait_for_publish(_SECONDS)

    def has_received(self, text: str) -> bool:
        """Wait until a payload has arrived.

        Args:
            text: the payload.

        Returns:
            False where it does not come in time.
        """
        with self._arrived:
            return self._arrived.wait_for(lambda: text in self._messages, _SECONDS)

    def disconnect(self) -> None:
        """End the connection."""
        if self._client is not None:
            _end(self._client)
            self._client = None

    def _attempt(self) -> tuple[mqtt.Client, Outcome]:
        client = self._new_client()
        answered = threading.Event()
        said: list[ReasonCode] = []

        def on_connect(*arguments: object) -> None:
            code = arguments[3]
            if isinstance(code, ReasonCode):
                said.append(code)
            answered.set()

        client.on_connect = on_connect
        client.on_connect_fail = lambda *_: answered.set()
        client.on_disconnect = lambda *_: answered.set()
        try:
            client.connect(str(self._address.mqtts_host), int(self._address.mqtts_port or 0))
        except OSError as error:
            return client, Outcome(accepted=False, said=str(error))
        client.loop_start()
        answered.wait(_SECONDS)
        if not said:
            return client, Outcome(accepted=False, said="no CONNACK")
        return client, Outcome(accepted=not said[0].is_failure, said=str(said[0]))

    def _new_client(self) -> mqtt.Client:
        client = mqtt.Client(
            CallbackAPIVersion.VERSION2, client_id=self.name, reconnect_on_failure=False
        )
        client.tls_set(
            ca_certs=self._address.server_ca_file,
            certfile=_text(self._pair.chain_file),
            keyfile=_text(self._pair.key_file),
        )
        client.on_message = self._on_message
        return client

    def _on_message(self, _client: mqtt.Client, _data: object, message: mqtt.MQTTMessage) -> None:
        with self._arrived:
            self._messages.add(message.payload.decode("utf-8", "replace"))
            self._arrived.notify_all()

    def _subscribe(self, client: mqtt.Client, topic_filter: str) -> None:
        granted = threading.Event()
        client.on_subscribe = lambda *_: granted.set()
        client.subscribe(topic_filter, qos=1)
        granted.wait(_SECONDS)


def _end(client: mqtt.Client) -> None:
    client.disconnect()
    client.loop_stop()


def _text(path: Path) -> str:
    return str(path)
