"""Which requests were received already, as long as their time would still let them pass."""

import hashlib
import heapq
from dataclasses import dataclass, field

from certgate_controlplane.access.moment import WINDOW
from certgate_controlplane.access.refusals import nonce_used, throttled, timestamp_expired

MOST = 500_000
"""Nonces remembered for one access key: 15 minutes at 500 calls a second, with some room."""

_MILLISECONDS = 1000


@dataclass(slots=True)
class _Memory:
    """What is remembered of one access key.

    Attributes:
        known: the digests.
        ends: when each may be forgotten, soonest first.
        forgotten: the latest end of what was forgotten.
    """

    known: set[bytes] = field(default_factory=set)
    ends: list[tuple[int, bytes]] = field(default_factory=list)
    forgotten: int = -1

    def forget(self, now: int) -> None:
        while self.ends and self.ends[0][0] < now:
            self.forgotten, digest = heapq.heappop(self.ends)
            self.known.remove(digest)


class Nonces:
    """Refuses a request the second time, in bounded memory.

    Args:
        most: nonces remembered for one access key.
    """

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._memories: dict[str, _Memory] = {}

    def use(self, access_key_id: str, nonce: str, signed: int, now: int) -> None:
        """Take note of a request whose signature is good.

        Args:
            access_key_id: an access key that exists.
            nonce: of the request.
            signed: when it was signed, milliseconds.
            now: the lab's time, milliseconds.

        Raises:
            ApiError: SignatureNonceUsed; Throttling.User where the memory is full;
                InvalidTimeStamp.Expired where the clock was set back and nobody can know.
        """
        memory = self._memories.setdefault(access_key_id, _Memory())
        memory.forget(now)
        end = signed + WINDOW
        if end <= memory.forgotten:
            raise timestamp_expired()
        digest = hashlib.sha256(nonce.encode(errors="backslashreplace")).digest()[:16]
        if digest in memory.known:
            raise nonce_used()
        if len(memory.known) >= self._most:
            # Forgetting one early would let it in again.
            raise throttled(max(1, -(-(memory.ends[0][0] - now) // _MILLISECONDS)))
        memory.known.add(digest)
        heapq.heappush(memory.ends, (end, digest))
