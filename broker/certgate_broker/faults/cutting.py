"""Connections that are cut right after they were accepted."""

from collections.abc import Awaitable, Callable

from certgate_broker.admission import Admission, Presented, Verdict
from certgate_broker.connect import Connect
from certgate_broker.engine import Engine
from certgate_broker.identity import Identity
from certgate_broker.stream import Stream


class NotingAdmission(Admission):
    """Admits as another does, and says when somebody is admitted; it is asked nothing else.

    Args:
        admission: decides.
        admitted: called before an admission is recorded.
    """

    def __init__(self, admission: Admission, admitted: Callable[[], Awaitable[None]]) -> None:
        self._admission = admission
        self._admitted = admitted

    async def admit(self, presented: Presented) -> Verdict:
        """Decide on a connection."""
        verdict = await self._admission.admit(presented)
        if verdict.identity is not None:
            await self._admitted()
        return verdict


class CuttingEngine(Engine):
    """Serves as another does, for as long as a CONNACK takes.

    Args:
        engine: serves.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def serve(self, identity: Identity, connect: Connect, stream: Stream) -> None:
        """Serve one connection until it is cut."""
        await self._engine.serve(identity, connect, CuttingStream(stream))


class CuttingStream:
    """Sends the first thing it is given, and hangs up.

    Args:
        stream: the connection.
    """

    full = False

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self.receive, self.drain, self.close = stream.receive, stream.drain, stream.close

    @property
    def peer(self) -> tuple[str, int]:
        """Address and port of the client."""
        return self._stream.peer

    @property
    def closed(self) -> bool:
        """Whether we have hung up."""
        return self._stream.closed

    def send(self, data: bytes) -> None:
        """Send the CONNACK; nothing else."""
        if not self.closed:
            self._stream.send(data)
        self._stream.close()
