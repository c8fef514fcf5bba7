"""A client's connection as those see it who talk to the client."""

from typing import Protocol


class Stream(Protocol):
    """One connection, whatever carries it."""

    @property
    def peer(self) -> tuple[str, int]:
        """Address and port of the client."""
        ...

    @property
    def full(self) -> bool:
        """Whether the client has not taken enough of what was sent for more to be sent."""
        ...

    @property
    def closed(self) -> bool:
        """Whether we have hung up."""
        ...

    async def receive(self) -> bytes:
        """Wait for bytes; b"" once no more will come."""
        ...

    def send(self, data: bytes) -> None:
        """Send bytes; what cannot be sent any more is dropped."""

    async def drain(self) -> None:
        """Wait until the client has taken enough of what was sent."""

    def close(self) -> None:
        """Hang up."""
