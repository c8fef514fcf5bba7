"""Decision records on their way to the file."""

import asyncio
from collections.abc import AsyncIterator, Sequence

import pytest

from broker.conftest import eventually
from certgate_broker import decision_log as module
from certgate_broker.admission import Verdict
from certgate_broker.decision import Decision, Leaf
from certgate_broker.decision_log import Attempt, DecisionLog
from certgate_broker.reasons import Reason
from certgate_certs.registry import DecisionRecord, Registry, RegistryUnavailable
from certgate_certs.registry.database import Database
from certgate_certs.registry.decisions import DecisionRecords


def record(number: int) -> DecisionRecord:
    """Make a record that can be told from others."""
    refused = Verdict.refused(Reason.CONNECT_TIMEOUT)
    return Attempt("one", "127.0.0.1:1").record(number, refused)


class Desk(DecisionRecords):
    """Takes records, in memory, and fails or waits when told to."""

    def __init__(self, database: Database) -> None:
        super().__init__(database)
        self.batches: list[list[int]] = []
        self.broken = False
        self.open = asyncio.Event()
        self.open.set()

    async def append(self, records: Sequence[DecisionRecord]) -> None:
        """Take a batch."""
        await self.open.wait()
        if self.broken:
            raise RegistryUnavailable("disk full")
        self.batches.append([item.at for item in records])

    @property
    def written(self) -> list[int]:
        """Every record so far."""
        return [number for batch in self.batches for number in batch]


@pytest.fixture
def desk(registry: Registry) -> Desk:
    """Give a desk."""
    return Desk(registry._database)  # noqa: SLF001  it is never asked


@pytest.fixture
async def log(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[DecisionLog]:
    """Start a log that tries again soon."""
    monkeypatch.setattr(module, "_RETRY_SECONDS", 0.01)
    started = DecisionLog(desk)
    started.start()
    yield started
    desk.open.set()
    await started.stop()


class TestAttempt:
    """`Attempt`."""

    def test_before_there_was_a_certificate(self) -> None:
        """What was known of the connection is in the record."""
        attempt = Attempt("one", "a:1", "TLSv1.3", True, "m", "CN=x", "0a", "words")  # noqa: FBT003
        made = attempt.record(5, Verdict.refused(Reason.CONNECT_MALFORMED))
        assert made == DecisionRecord(
            at=5,
            instance_id="one",
            client_id="m",
            remote_address="a:1",
            tls_version="TLSv1.3",
            resumed=True,
            subject="CN=x",
            ca_sn="",
            device_sn="0a",
            accepted=False,
            reasons=("connect_malformed",),
            detail="words",
        )

    def test_with_what_was_judged(self) -> None:
        """The certificate that was judged is the one in the record."""
        leaf = Leaf("0c", "y", "CN=y", b"", 0, 0, usable=True)
        verdict = Verdict(Decision(accepted=True, reasons=()), leaf, "0d")
        made = Attempt("one", "a:1", subject="CN=x", device_sn="0a").record(5, verdict)
        assert (made.subject, made.device_sn, made.ca_sn) == ("CN=y", "0c", "0d")
        assert (made.accepted, made.reasons) == (True, ())


class TestWriting:
    """Batches, their order, and the barrier."""

    async def test_order(self, log: DecisionLog, desk: Desk) -> None:
        """Records arrive once each, in the order in which they were decided."""
        for number in range(50):
            log.add(record(number))
            if number % 7 == 0:
                await asyncio.sleep(0)
        await log.flush()
        assert desk.written == list(range(50))

    async def test_batches(self, log: DecisionLog, desk: Desk) -> None:
        """What comes while a batch is being written goes into the next one, all together."""
        desk.open.clear()
        log.add(record(0))
        await eventually(lambda: not log._work.is_set())  # noqa: SLF001  the first batch is taken
        for number in range(1, 10):
            log.add(record(number))
        desk.open.set()
        await log.flush()
        assert desk.batches == [[0], [1, 2, 3, 4, 5, 6, 7, 8, 9]]

    async def test_flush_waits(self, log: DecisionLog, desk: Desk) -> None:
        """A flush ends when the records before it are written, and not sooner."""
        desk.open.clear()
        log.add(record(1))
        flushed = asyncio.create_task(log.flush())
        done, _ = await asyncio.wait([flushed], timeout=0.05)
        assert not done
        desk.open.set()
        await flushed
        assert desk.written == [1]

    async def test_nothing_to_flush(self, log: DecisionLog) -> None:
        """With nothing on its way a flush ends at once."""
        await log.flush()

    async def test_in_the_file(self, registry: Registry) -> None:
        """What was flushed is in the registry, as it was."""
        log = DecisionLog(registry.decisions)
        log.start()
        log.add(record(1))
        await log.flush()
        assert await registry.decisions.since(0, 10) == [(1, record(1))]
        await log.stop()

    async def test_stop_writes_what_is_left(self, desk: Desk) -> None:
        """Nothing that was added is lost by stopping."""
        log = DecisionLog(desk)
        log.start()
        log.add(record(1))
        await log.stop()
        assert desk.written == [1]

    async def test_stop_without_start(self, desk: Desk) -> None:
        """A log that was never started has nothing to stop."""
        await DecisionLog(desk).stop()


class TestWaiting:
    """Records that somebody waits for."""

    async def test_it_is_in_the_file(self, registry: Registry) -> None:
        """Who has waited finds it there."""
        log = DecisionLog(registry.decisions)
        log.start()
        await log.write(record(1))
        assert await registry.decisions.since(0, 10) == [(1, record(1))]
        await log.stop()

    async def test_order_and_batches(self, log: DecisionLog, desk: Desk) -> None:
        """All who come while a batch is being written share the next, in their order."""
        desk.open.clear()
        log.add(record(0))
        await eventually(lambda: not log._work.is_set())  # noqa: SLF001  the first batch is taken
        waiting = []
        for number in range(1, 9, 2):
            waiting.append(asyncio.create_task(log.write(record(number))))
            await asyncio.sleep(0)
            log.add(record(number + 1))
        assert not any(task.done() for task in waiting)
        desk.open.set()
        await asyncio.gather(*waiting)
        assert desk.batches == [[0], [1, 2, 3, 4, 5, 6, 7, 8]]

    async def test_it_cannot_be_written(self, log: DecisionLog, desk: Desk) -> None:
        """It is given up, those that came later too; what nobody waits for stays."""
        desk.open.clear()
        desk.broken = True
        waiting = [asyncio.create_task(log.write(record(1)))]
        log.add(record(2))
        await eventually(lambda: not log._work.is_set())  # noqa: SLF001  the first batch is taken
        waiting.append(asyncio.create_task(log.write(record(3))))
        log.add(record(4))
        await asyncio.sleep(0)
        desk.open.set()
        ends = await asyncio.gather(*waiting, return_exceptions=True)
        assert [type(end) for end in ends] == [RegistryUnavailable] * 2
        assert not log.healthy
        desk.broken = False
        await eventually(lambda: log.healthy)
        await log.flush()
        assert desk.written == [2, 4]

    async def test_flush_waits_for_what_is_left(self, log: DecisionLog, desk: Desk) -> None:
        """Records that are given up do not count for others that are still on their way."""
        desk.open.clear()
        desk.broken = True
        log.add(record(1))
        waiting = [asyncio.create_task(log.write(record(number))) for number in (2, 3)]
        await asyncio.sleep(0)
        desk.open.set()
        await asyncio.gather(*waiting, return_exceptions=True)
        with pytest.raises(RegistryUnavailable):
            await log.flush()
        desk.broken = False
        await eventually(lambda: log.healthy)
        await log.flush()
        assert desk.written == [1]

    async def test_nothing_is_left_to_flush(self, log: DecisionLog, desk: Desk) -> None:
        """A flush does not wait for what was given up."""
        desk.broken = True
        with pytest.raises(RegistryUnavailable):
            await log.write(record(1))
        await log.flush()
        desk.broken = False
        await eventually(lambda: log.healthy)
        assert desk.written == []

    @pytest.mark.parametrize("broken", [False, True])
    async def test_who_waits_goes(self, log: DecisionLog, desk: Desk, *, broken: bool) -> None:
        """A connection that ends while its record is on its way harms nobody."""
        desk.open.clear()
        going, waiting = (asyncio.create_task(log.write(record(number))) for number in (1, 2))
        await asyncio.sleep(0)
        going.cancel()
        await asyncio.gather(going, return_exceptions=True)
        desk.broken = broken
        desk.open.set()
        (end,) = await asyncio.gather(waiting, return_exceptions=True)
        assert isinstance(end, RegistryUnavailable) is broken
        desk.broken = False
        await eventually(lambda: log.healthy)
        assert desk.written == ([] if broken else [1, 2])

    async def test_bound(
        self, log: DecisionLog, desk: Desk, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Where too many wait, nobody waits behind them."""
        monkeypatch.setattr(module, "_MOST_PENDING", 1)
        desk.open.clear()
        log.add(record(1))
        with pytest.raises(RegistryUnavailable, match="too many"):
            await log.write(record(2))
        desk.open.set()
        await log.flush()
        assert desk.written == [1]

    async def test_forgotten(self, log: DecisionLog, desk: Desk) -> None:
        """What a reset has forgotten is not written, and nobody waits for it in vain."""
        desk.open.clear()
        log.add(record(0))
        await eventually(lambda: not log._work.is_set())  # noqa: SLF001  the first batch is taken
        before = asyncio.create_task(log.write(record(1)))
        await asyncio.sleep(0)
        log.forget()
        after = asyncio.create_task(log.write(record(2)))
        await asyncio.sleep(0)
        desk.open.set()
        await asyncio.gather(before, after)
        assert desk.written == [0, 2]

    async def test_stop(self, desk: Desk) -> None:
        """Nobody waits for a log that has stopped."""
        log = DecisionLog(desk)
        log.start()
        desk.broken = True
        log.add(record(1))
        with pytest.raises(RegistryUnavailable):
            await log.flush()
        desk.open.clear()
        waiting = asyncio.create_task(log.write(record(2)))
        await asyncio.sleep(0)
        await log.stop()
        with pytest.raises(RegistryUnavailable):
            await waiting


class TestUnwritable:
    """The file does not take records."""

    async def test_not_healthy_and_well_again(self, log: DecisionLog, desk: Desk) -> None:
        """The log says so, keeps the records, and writes them when it can."""
        desk.broken = True
        log.add(record(1))
        with pytest.raises(RegistryUnavailable):
            await log.flush()
        assert not log.healthy
        log.add(record(2))
        desk.broken = False
        await eventually(lambda: log.healthy)
        await log.flush()
        assert desk.written == [1, 2]

    async def test_any_failure_counts(
        self, log: DecisionLog, desk: Desk, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A failure that nobody thought of does not end the writing."""

        async def fail(_: object) -> None:
            raise ZeroDivisionError

        with monkeypatch.context() as patch:
            patch.setattr(desk, "append", fail)
            log.add(record(1))
            with pytest.raises(RegistryUnavailable):
                await log.flush()
        await eventually(lambda: log.healthy)
        assert desk.written == [1]

    async def test_bound(
        self, log: DecisionLog, desk: Desk, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Only so many records wait; one more is refused, so that nobody goes on unrecorded."""
        monkeypatch.setattr(module, "_MOST_PENDING", 3)
        desk.open.clear()
        for number in range(3):
            log.add(record(number))
        with pytest.raises(RegistryUnavailable):
            log.add(record(3))
        desk.open.set()
        await log.flush()
        assert desk.written == [0, 1, 2]

    async def test_stop(self, desk: Desk) -> None:
        """A log whose file stays unwritable can be stopped."""
        desk.broken = True
        log = DecisionLog(desk)
        log.start()
        log.add(record(1))
        async with asyncio.timeout(5):
            await log.stop()
        assert desk.written == []
