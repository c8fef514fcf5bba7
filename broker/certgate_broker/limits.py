"""How much of the broker a client gets."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ConnectionLimits:
    """How much patience and memory a client gets.

    Attributes:
        handshake_seconds: from the TCP connection to the end of the TLS handshake.
        connect_seconds: from there to a complete CONNECT packet.
        connect_bytes: the most bytes of a CONNECT packet after its fixed header.
        packet_bytes: the most bytes of any later packet after its fixed header.
        kept_bytes: the most bytes of messages kept until a client, connected or not, has taken
            them; as many more of what is not kept may wait to be sent to it, and an instance
            retains half as many.
        waiting: connections that may wait for admission.
        waiting_of_one: how many of them may come from one address.
        sessions: connections that may be open after their admission; as many sessions of clients
            that have gone are stored in an instance.
    """

    handshake_seconds: float = 10.0
    connect_seconds: float = 10.0
    connect_bytes: int = 65_536
    packet_bytes: int = 1_048_576
    kept_bytes: int = 16_777_216
    waiting: int = 1_024
    waiting_of_one: int = 512
    sessions: int = 10_000
