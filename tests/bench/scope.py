"""How much is measured: everything, or just enough to see that it can be."""

import random
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar

from bench.figures import Book
from bench.filling import fill
from bench.identities import Identities, ServerFiles, make_identities, make_server

_Key = TypeVar("_Key")
_What = TypeVar("_What")


@dataclass(frozen=True)
class Scope:
    """What every part works with.

    Attributes:
        folder: where files go; it is removed at the end.
        fleet: devices that connect.
        mass: devices of the CA that has very many more.
        server: the certificate of servers that do not make one.
        rounds: how often each thing is measured.
        few: how often where each time takes seconds.
        sizes: numbers of registered devices, 0 first.
        sessions: connections that are held at once.
        calls: calls of the API in a round.
        seconds: length of an observation.
        visits: seconds of a round in which devices visit a server that may be slow.
        settles: seconds until a server has dealt with a crowd, and holds what it needs.
        brokers: how many brokers share a registry.
        book: takes the figures.
    """

    folder: Path
    fleet: Identities
    mass: Identities
    server: ServerFiles
    rounds: int = 9
    few: int = 3
    sizes: tuple[int, ...] = (0, 10_000, 100_000, 1_000_000)
    sessions: int = 5_000
    calls: int = 400
    seconds: float = 12.0
    visits: float = 0.6
    settles: float = 1.0
    brokers: tuple[int, ...] = (1, 2, 4)
    book: Book = field(default_factory=Book)

    @property
    def most(self) -> int:
        """The largest number of registered devices."""
        return self.sizes[-1]

    def turns(
        self, what: Mapping[_Key, _What], rounds: int | None = None
    ) -> Iterator[tuple[_Key, _What]]:
        """Give each thing once a round, in each round in another order, the same in every run.

        Whoever comes before leaves the processor's caches as it likes.

        Args:
            what: what takes turns.
            rounds: how many; the scope's where nothing is said.
        """
        items = list(what.items())
        for number in range(self.rounds if rounds is None else rounds):
            random.Random(number).shuffle(items)
            yield from items

    def registry(self, size: int) -> Path:
        """Give a registry with so many devices, those of the fleet in their midst.

        Args:
            size: one of `sizes`; each is made once, and to be copied.
        """
        path = self.folder / f"registry-{size}.db"
        if not path.exists():
            fill(path, size, self.mass, self.fleet)
        return path


_DEVICES = 100
_QUICK: dict[str, Any] = {
    "rounds": 2,
    "few": 2,
    "sizes": (0, 20_000),
    "sessions": 60,
    "calls": 20,
    "seconds": 1.5,
    "visits": 0.1,
    "settles": 0.3,
    "brokers": (1, 2),
}


@contextmanager
def scope(*, quick: bool) -> Iterator[Scope]:
    """Give the scope of a run.

    Args:
        quick: as little as it takes to see that everything runs.
    """
    with tempfile.TemporaryDirectory(prefix="certgate-bench-") as name:
        folder = Path(name)
        fleet = make_identities(folder, "fleet", 12 if quick else _DEVICES)
        mass, server = make_identities(folder, "mass", 4), make_server(folder)
        full = Scope(folder, fleet, mass, server)
        yield replace(full, **_QUICK) if quick else full
