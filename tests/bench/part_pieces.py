"""What a connection is made of, each piece by itself: TLS, the look-up, the record."""

import asyncio
import contextlib
import itertools
import sqlite3
import ssl
import statistics
import time
from collections import defaultdict
from collections.abc import Iterator

from OpenSSL import SSL, crypto

from bench.filling import client_id
from bench.identities import INSTANCE
from bench.peers import copy
from bench.scope import Scope
from certgate_broker.contexts import server_contexts
from certgate_certs.registry import DecisionRecord, Registry, StandingReader

PART = "pieces"
HANDSHAKE = "CPU of a TLS handshake, the server's side"
LOOK_UP = "CPU of looking a device up, somebody having written since the last time"
RECORD = "CPU of writing a decision record"
_RECORD = DecisionRecord(
    at=1_700_000_000_000,
    instance_id=INSTANCE,
    client_id="fleet-client-0",
    remote_address="127.0.0.1:50000",
    tls_version="TLSv1.3",
    resumed=False,
    subject="CN=fleet-0",
    ca_sn="4a" * 20,
    device_sn="5b" * 20,
    accepted=True,
    reasons=(),
)
_CONNACK = b"\x20\x02\x00\x00"


def measure(scope: Scope) -> None:
    """Measure the pieces in this process, in turns."""
    talk, handshakes = Talk(scope), defaultdict(list)
    for _ in range(scope.rounds):
        for resume in (False, True):
            took = [talk.handshake(resume=resume) for _ in range(scope.calls // 4)]
            handshakes["resumed" if resume else "full"].append(statistics.median(took))
    scope.book.add(PART, HANDSHAKE, "ms", handshakes)
    scope.book.add(PART, LOOK_UP, "ms", _look_ups(scope))
    scope.book.add(PART, RECORD, "ms", {"certgate": asyncio.run(_records(scope))})


class Talk:
    """A client and certgate's TLS, with nothing but memory between them.

    Args:
        scope: the certificates.
    """

    def __init__(self, scope: Scope) -> None:
        files = scope.server.chain, scope.server.key
        self._context = server_contexts([INSTANCE], *files).default
        self._client = scope.fleet.contexts(scope.server.trusted)[0]
        self._session: ssl.SSLSession | None = None
        self._took = 0.0

    def handshake(self, *, resume: bool) -> float:
        """Shake hands and say CONNACK; give the milliseconds of the server's side."""
        self._took, session = 0.0, self._session if resume else None
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        client = self._client.wrap_bio(
            incoming, outgoing, server_hostname="localhost", session=session
        )
        with self._timed():
            server = SSL.Connection(self._context, None)
            server.set_accept_state()
            server.set_app_data(self)
        for _ in range(2):
            with contextlib.suppress(ssl.SSLWantReadError):
                client.do_handshake()
            with self._timed():
                incoming.write(_answer(server, outgoing.read()))
        with self._timed():
            server.send(_CONNACK)
            incoming.write(server.bio_read(100))
        assert client.read(len(_CONNACK)) == _CONNACK
        assert client.session_reused is resume
        self._session = client.session
        return self._took * 1000

    def presented(self, _certificate: crypto.X509, _error: int, _depth: int) -> bool:
        """Let every chain pass, as certgate does."""
        return True

    @contextlib.contextmanager
    def _timed(self) -> Iterator[None]:
        began = time.thread_time()
        yield
        self._took += time.thread_time() - began


def _answer(server: SSL.Connection, data: bytes) -> bytes:
    """Let the server go on with what has come; give what it says."""
    server.bio_write(data)
    with contextlib.suppress(SSL.WantReadError):
        server.do_handshake()
    return server.bio_read(20_000)


def _look_ups(scope: Scope) -> dict[str, list[float]]:
    """Look devices up among few others, and among many."""
    fleet, found = scope.fleet, defaultdict(list)
    devices = [
        (INSTANCE, device.view.fingerprint, client_id(fleet, number))
        for number, device in enumerate(fleet.devices)
    ]
    for _, size in itertools.product(range(scope.rounds), scope.sizes):
        path = scope.folder / f"looked-up-{size}.db"
        if not path.exists():
            copy(scope.registry(size), path)
        with (
            contextlib.closing(StandingReader(path)) as reader,
            contextlib.closing(sqlite3.connect(path, isolation_level=None)) as other,
        ):
            took = 0.0
            for which in devices:
                other.execute("UPDATE withdrawal SET number = number + 1")
                began = time.thread_time()
                known, binding = reader.look_up(*which)
                took += time.thread_time() - began
                assert binding is not None
                assert binding.device_id == known[0].device.id
        found[f"certgate, {size:,}"].append(took * 1000 / len(devices))
    return found


async def _records(scope: Scope) -> list[float]:
    """Write records, one after the other; all threads count."""
    registry, found = await Registry.open(scope.folder / "records.db"), []
    try:
        for _ in range(scope.rounds):
            began = time.process_time()
            for _ in range(scope.calls):
                await registry.decisions.append([_RECORD])
            found.append((time.process_time() - began) * 1000 / scope.calls)
    finally:
        await registry.close()
    return found
