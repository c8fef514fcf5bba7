"""The waiting room: connections that have not been admitted yet.

Who says nothing must not keep anybody else out. When the room is full, in all or for one address,
the connection that has waited longest is dropped: an honest device is through in milliseconds, a
greedy one pays for each place it holds with another.
"""

import contextlib
from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

_CROWD = 256
"""As many as this at a time are no fleet's ordinary morning."""


@dataclass(eq=False, slots=True)
class Seat:
    """One connection that waits.

    Attributes:
        address: where it comes from.
        hang_up: closes it.
        lost: it had to make room.
    """

    address: str
    hang_up: Callable[[], None]
    lost: bool = False


@dataclass
class WaitingRoom:
    """Who waits for admission, longest first.

    Attributes:
        most: how many may wait.
        most_of_one: how many of them may come from one address.
        crowd_gone: called when the room is empty after it has held a crowd.
    """

    most: int
    most_of_one: int
    crowd_gone: Callable[[], None] = lambda: None
    _fullest: int = 0
    _seats: dict[str, "OrderedDict[int, Seat]"] = field(default_factory=dict)
    _line: "OrderedDict[int, Seat]" = field(default_factory=OrderedDict)

    def __len__(self) -> int:
        return len(self._line)

    @contextlib.contextmanager
    def seat(self, address: str, hang_up: Callable[[], None]) -> Iterator[Seat]:
        """Wait for the length of the block.

        Args:
            address: where the connection comes from.
            hang_up: closes it.

        Yields:
            The seat; it says whether it was lost.
        """
        seat = Seat(address, hang_up)
        own = self._seats.setdefault(address, OrderedDict())
        if len(own) >= self.most_of_one:
            self._drop(next(iter(own.values())))
        elif len(self._line) >= self.most:
            self._drop(next(iter(self._line.values())))
        self._seats.setdefault(address, own)[id(seat)] = self._line[id(seat)] = seat
        self._fullest = max(self._fullest, len(self._line))
        try:
            yield seat
        finally:
            self._leave(seat)
            self._calm_down()

    def _calm_down(self) -> None:
        if self._fullest >= _CROWD and not self._line:
            self._fullest = 0
            self.crowd_gone()

    def _drop(self, seat: Seat) -> None:
        seat.lost = True
        self._leave(seat)
        seat.hang_up()

    def _leave(self, seat: Seat) -> None:
        self._line.pop(id(seat), None)
        own = self._seats.get(seat.address, OrderedDict())
        own.pop(id(seat), None)
        if not own:
            self._seats.pop(seat.address, None)
