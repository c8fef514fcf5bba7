"""Who is on the other end of a connection that was admitted."""

from contextvars import ContextVar
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Identity:
    """The device behind one admitted connection.

    Attributes:
        instance_id: the instance it is connected to.
        client_id: the client identifier it was admitted with.
        ca_id: registration of its CA.
        ca_sn: serial number of its CA, `Sn` form.
        device_id: its own registration.
        device_sn: its serial number, `Sn` form.
        owner: number of the identifier's ownership; the device's own where identifiers are free.
    """

    instance_id: str
    client_id: str
    ca_id: int
    ca_sn: str
    device_id: int
    device_sn: str
    owner: int


current_identity: ContextVar[Identity | None] = ContextVar("current_identity", default=None)
"""The identity of the connection that the running task serves; the auth plugin answers from it,
because amqtt keeps the TLS object of a persistent session's *previous* connection."""
