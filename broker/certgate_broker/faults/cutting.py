"""Connections that are cut right after they were accepted."""

from collections.abc import Awaitable, Callable

from amqtt.adapters import ReaderAdapter, WriterAdapter

from certgate_broker.admission import Admission, Presented, Verdict
from certgate_broker.engine import Engine
from certgate_broker.identity import Identity


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

    async def serve(self, identity: Identity, reader: ReaderAdapter, writer: WriterAdapter) -> None:
        """Serve one connection until it is cut."""
        await self._engine.serve(identity, reader, CuttingWriter(writer))


class CuttingWriter(WriterAdapter):
    """Sends the first thing it is given, and hangs up.

    Args:
        writer: sends.
    """

    def __init__(self, writer: WriterAdapter) -> None:
        self._writer = writer
        self._cut = False

    def write(self, data: bytes) -> None:
        """Send the CONNACK; nothing else."""
        if not self._cut:
            self._writer.write(data)
        self._cut = True

    async def drain(self) -> None:
        """Hang up."""
        await self._writer.drain()
        await self._writer.close()

    def get_peer_info(self) -> tuple[str, int] | None:
        """Give the client's address and port."""
        return self._writer.get_peer_info()

    def get_ssl_info(self) -> None:
        """Give nothing, as the door's own writer does."""

    async def close(self) -> None:
        """Hang up."""
        await self._writer.close()
