"""A device of the demonstration: it connects, listens and speaks."""

import contextlib
import threading

import paho.mqtt.client as mqtt

from certgate_controlplane.toolkit.connection import Connection, Outcome
from certgate_controlplane.toolkit.handles import Device as Handle

_SECONDS = 5.0


class Device:
    """One device and its connection.

    Args:
        handle: who it is.
    """

    def __init__(self, handle: Handle) -> None:
        self.name = handle.name
        self._handle = handle
        self._connection: Connection | None = None
        self._arrived = threading.Condition()
        self._messages: set[str] = set()

    @property
    def is_connected(self) -> bool:
        """Whether its connection is open."""
        return self._connection is not None and self._connection.is_open

    def connect(self, topic_filter: str) -> Outcome:
        """Connect and stay connected.

        Args:
            topic_filter: subscribed to with QoS 1 before this returns.
        """
        connection = Connection(self._handle)
        connection.client.on_message = self._on_message
        outcome = connection.open()
        if outcome.accepted:
            self._connection = connection
            self._subscribe(connection.client, topic_filter)
        return outcome

    def try_to_connect(self) -> Outcome:
        """Make another connection, beside one that may be open, and drop it at once."""
        connection = Connection(self._handle)
        outcome = connection.open()
        connection.close()
        return outcome

    def publish(self, topic: str, text: str) -> None:
        """Publish with QoS 1 and wait for the acknowledgement.

        What cannot be sent does not arrive: whoever should receive it tells.

        Args:
            topic: topic name.
            text: payload.
        """
        if self._connection is not None:
            with contextlib.suppress(RuntimeError):  # The connection has ended.
                message = self._connection.client.publish(topic, text, qos=1)
                message.wait_for_publish(_SECONDS)

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
        if self._connection is not None:
            self._connection.client.on_message = self._connection.client.on_subscribe = None
            self._connection.close()
            self._connection = None

    def _on_message(self, _client: mqtt.Client, _data: object, message: mqtt.MQTTMessage) -> None:
        with self._arrived:
            self._messages.add(message.payload.decode("utf-8", "replace"))
            self._arrived.notify_all()

    def _subscribe(self, client: mqtt.Client, topic_filter: str) -> None:
        granted = threading.Event()
        client.on_subscribe = lambda *_: granted.set()
        client.subscribe(topic_filter, qos=1)
        granted.wait(_SECONDS)
