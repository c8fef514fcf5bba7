"""Write decision records, behind the connections they are about."""

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


class DecisionLog:
    """Collects records and writes them in batches, in the order of the decisions.

    A record is on its way to the file as soon as it is added; `flush` waits until it has arrived.
    While the file cannot be written the log is not `healthy`, and nobody is admitted: an admission
    that leaves no record would be worse than a refusal.

    Args:
        records: where they go.
    """

    def __init__(self, records: DecisionRecords) -> None:
        self._records = records
        self._pending: list[DecisionRecord] = []
        self._added = self._written = 0
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

    def add(self, record: DecisionRecord) -> None:
        """Take a record.

        Args:
            record: what was decided.

        Raises:
            RegistryUnavailable: too many wait already; this one is not taken.
        """
        if len(self._pending) >= _MOST_PENDING:
            raise RegistryUnavailable("too many decision records wait to be written")
        self._pending.append(record)
        self._added += 1
        self._work.set()

    async def flush(self) -> None:
        """Wait until every record added so far is in the file.

        Raises:
            RegistryUnavailable: the file cannot be written.
        """
        goal = self._added
        async with self._progress:
            await self._progress.wait_for(lambda: self._written >= goal or not self.healthy)
        if self._written < goal:
            raise RegistryUnavailable("decision records cannot be written")

    async def _write_on(self) -> None:
        while True:
            await self._work.wait()
            self._work.clear()
            await self._write(list(self._pending))

    async def _write(self, batch: list[DecisionRecord]) -> None:
        try:
            await self._records.append(batch)
        except Exception as error:  # noqa: BLE001  whatever it is, nobody goes on unrecorded
            _LOGGER.warning("decision records wait: %s", error)
            await self._note(written=0, healthy=False)
            asyncio.get_running_loop().call_later(_RETRY_SECONDS, self._work.set)
        else:
            del self._pending[: len(batch)]
            await self._note(written=len(batch), healthy=True)

    async def _note(self, *, written: int, healthy: bool) -> None:
        async with self._progress:
            self._written += written
            self.healthy = healthy
            self._progress.notify_all()
