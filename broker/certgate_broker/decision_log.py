"""Write decision records: of admissions before their answer, of refusals behind it."""

import asyncio
import contextlib
import logging
from dataclasses import dataclass

from certgate_broker.admission import Verdict
from certgate_certs.registry import DecisionRecord, RegistryUnavailable
from certgate_certs.registry.decisions import DecisionRecords

_LOGGER = logging.getLogger(__name__)
_RETRY_SECONDS = 0.2
_MOST_PENDING = 10_000


@dataclass(slots=True)
class Attempt:
    """What has become known of a connection so far.

    Attributes:
        instance_id: the instance asked for.
        remote_address: ``address:port``.
        tls_version: "" until the handshake is over.
        resumed: the TLS session was resumed.
        client_id: "" until the CONNECT packet was read.
        subject: the certificate's subject, "" until there is one.
        device_sn: its serial number, `Sn` form.
        detail: words of the TLS library or of the broken rule.
    """

    instance_id: str
    remote_address: str
    tls_version: str = ""
    resumed: bool = False
    client_id: str = ""
    subject: str = ""
    device_sn: str = ""
    detail: str = ""

    def record(self, at: int, verdict: Verdict) -> DecisionRecord:
        """Make the record of how it ended.

        Args:
            at: milliseconds since the epoch, the lab's clock.
            verdict: the decision and what it was made on.
        """
        leaf = verdict.leaf
        return DecisionRecord(
            at=at,
            instance_id=self.instance_id,
            client_id=self.client_id,
            remote_address=self.remote_address,
            tls_version=self.tls_version,
            resumed=self.resumed,
            subject=self.subject if leaf is None else leaf.subject,
            ca_sn=verdict.ca_sn,
            device_sn=self.device_sn if leaf is None else leaf.sn,
            accepted=verdict.decision.accepted,
            reasons=tuple(reason.value for reason in verdict.decision.reasons),
            detail=self.detail,
        )


@dataclass(frozen=True, slots=True)
class _Pending:
    """A record that waits to be written.

    Attributes:
        number: how many were taken up to this one.
        age: how often the log had forgotten what waited.
        record: the record.
        is_written: what somebody waits for, or None.
    """

    number: int
    age: int
    record: DecisionRecord
    is_written: asyncio.Future[bool] | None

    def tell(self, *, written: bool) -> None:
        """Let the one who waits go on; he may have gone."""
        if self.is_written is not None and not self.is_written.done():
            self.is_written.set_result(written)


class DecisionLog:
    """Collects records and writes them in batches, in the order of the decisions.

    A record is on its way to the file as soon as it is taken; `flush` waits until it has arrived.
    A refusal's is added and kept until it can be written. An admission waits for its own, and is
    none where it cannot be written: one that leaves no record would be worse than a refusal. While
    the file cannot be written the log is not `healthy`, and nobody need try.

    Args:
        records: where they go.
    """

    def __init__(self, records: DecisionRecords) -> None:
        self._records = records
        self._pending: list[_Pending] = []
        self._taken = self._age = 0
        self._progress = asyncio.Condition()
        self._work = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self.healthy = True

    def start(self) -> None:
        """Begin to write."""
        self._task = asyncio.create_task(self._write_on(), name="certgate decision log")

    async def stop(self) -> None:
        """Write what is left, if the file lets us, and end."""
        if self._task is None:
            return
        with contextlib.suppress(RegistryUnavailable):
            await self.flush()
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        self._drop_awaited()

    def add(self, record: DecisionRecord) -> None:
        """Take a record that nobody waits for.

        Args:
            record: what was decided.

        Raises:
            RegistryUnavailable: too many wait already; this one is not taken.
        """
        self._take(record, None)

    async def write(self, record: DecisionRecord) -> None:
        """Take a record and wait until it is in the file.

        Args:
            record: what was decided, and holds only if it is recorded.

        Raises:
            RegistryUnavailable: it cannot be written now, and never will be.
        """
        is_written = asyncio.get_running_loop().create_future()
        self._take(record, is_written)
        if not await is_written:
            raise RegistryUnavailable("decision records cannot be written")

    def _take(self, record: DecisionRecord, is_written: asyncio.Future[bool] | None) -> None:
        if len(self._pending) >= _MOST_PENDING:
            raise RegistryUnavailable("too many decision records wait to be written")
        self._taken += 1
        self._pending.append(_Pending(self._taken, self._age, record, is_written))
        self._work.set()

    def forget(self) -> None:
        """Drop the records that wait: a reset has forgotten what they tell of.

        Those on their way to the file are dropped there; see `Journal.era`.
        """
        self._age += 1

    async def flush(self) -> None:
        """Wait until every record taken so far is in the file, or dropped.

        Raises:
            RegistryUnavailable: the file cannot be written.
        """
        goal = self._taken
        async with self._progress:
            await self._progress.wait_for(lambda: self._is_settled(goal) or not self.healthy)
        if not self._is_settled(goal):
            raise RegistryUnavailable("decision records cannot be written")

    def _is_settled(self, number: int) -> bool:
        return not self._pending or self._pending[0].number > number

    async def _write_on(self) -> None:
        while True:
            await self._work.wait()
            self._work.clear()
            await self._write(list(self._pending))

    async def _write(self, batch: list[_Pending]) -> None:
        try:
            await self._records.append([item.record for item in batch if item.age == self._age])
        except Exception as error:  # noqa: BLE001  whatever it is, nobody goes on unrecorded
            _LOGGER.warning("decision records wait: %s", error)
            self._drop_awaited()
            await self._note(healthy=False)
            asyncio.get_running_loop().call_later(_RETRY_SECONDS, self._work.set)
        else:
            del self._pending[: len(batch)]
            for item in batch:
                item.tell(written=True)
            await self._note(healthy=True)

    def _drop_awaited(self) -> None:
        """Give up the records that somebody waits for, those behind the batch too."""
        dropped = [item for item in self._pending if item.is_written is not None]
        self._pending = [item for item in self._pending if item.is_written is None]
        for item in dropped:
            item.tell(written=False)

    async def _note(self, *, healthy: bool) -> None:
        async with self._progress:
            self.healthy = healthy
            self._progress.notify_all()
