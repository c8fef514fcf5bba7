"""Random interleavings: hypothesis starts calls of several clients and says whom to wait for.

Every client makes one call after the other; what different clients do overlaps. A history begins
with nothing registered and ends with everything deleted.
"""

import contextlib
import itertools
import time
from collections.abc import Iterator
from concurrent.futures import Future
from dataclasses import replace
from typing import ClassVar, NamedTuple

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from e2e.support import Lab
from proofs.callers import Caller
from proofs.history import Call, Event, Kind
from proofs.lamps import Lamp
from proofs.linearizable_figures import Figures
from proofs.sequential import NO_CA
from proofs.stage import INSTANCES, LAMPS, Errand, Stage


class Place(NamedTuple):
    """Where a history's CAs are, and who comes at its beginning, before or after they are there.

    At its end one device comes back before the CAs are deleted, the others meanwhile.
    """

    homes: tuple[str, ...]
    registered: tuple[bool, ...]
    present: tuple[bool, ...]
    patient: bool
    first_back: int


class Knock(NamedTuple):
    """How a device connects beside a change, or right after its answer."""

    lamp: int
    resumes: bool
    linger: float
    waits: bool


_CAS = st.sampled_from((0, 0, 0, 1))
_DEVICES = st.sampled_from((None, None, 0, 1))
_DELETED = st.sampled_from((0, 0, 1, None))
"""Seldom the CA: where there is none, every call has the same dull answer."""
_LAMPS = st.integers(0, len(LAMPS) - 1)
_CALLERS = st.integers(0, 1)
_ELSEWHERE = st.sampled_from((False,) * 7 + (True,))
_LINGER = st.sampled_from((0.0, 0.0, 0.002, 0.008))
_KNOCK = st.none() | st.builds(Knock, _LAMPS, st.booleans(), _LINGER, st.booleans())
_PLACE = st.builds(
    Place,
    st.tuples(*[st.sampled_from(INSTANCES)] * 2),
    st.tuples(*[st.sampled_from((True,) * 7 + (False,))] * 2),
    st.tuples(*[st.booleans()] * len(LAMPS)),
    st.booleans(),
    st.integers(0, len(LAMPS) - 1),
)


class Interleaving(RuleBasedStateMachine):
    """One history of one lab; a subclass says which."""

    stage: ClassVar[Stage]

    def __init__(self) -> None:
        super().__init__()
        self._events: list[Event] = []
        self._busy: dict[str, Future[Event]] = {}
        self._homes: tuple[str, ...]
        self._homes, self._first_back = INSTANCES, 0

    @initialize(place=_PLACE)
    def begin(self, place: Place) -> None:
        """Register some CAs, while some devices connect already."""
        self._homes, self._first_back = place.homes, place.first_back
        for ca in range(2):
            if place.registered[ca]:
                self._call(ca, Call(Kind.REGISTER, self._homes[ca], ca))
        if place.patient:
            self._finish_all()
        for number in range(len(LAMPS)):
            if place.present[number]:
                self._connect(number, resumes=False)

    @rule(caller=_CALLERS, ca=_CAS, elsewhere=_ELSEWHERE, knock=_KNOCK)
    def register(self, caller: int, ca: int, elsewhere: bool, knock: Knock | None) -> None:
        """Register a CA."""
        self._change(caller, Call(Kind.REGISTER, self._where(ca, elsewhere), ca), knock)

    @rule(caller=_CALLERS, ca=_CAS, device=_DEVICES, elsewhere=_ELSEWHERE, knock=_KNOCK)
    def activate(
        self, caller: int, ca: int, device: int | None, elsewhere: bool, knock: Knock | None
    ) -> None:
        """Activate a CA or a device."""
        self._change(caller, Call(Kind.ACTIVATE, self._where(ca, elsewhere), ca, device), knock)

    @rule(caller=_CALLERS, ca=_CAS, device=_DEVICES, elsewhere=_ELSEWHERE, knock=_KNOCK)
    def inactivate(
        self, caller: int, ca: int, device: int | None, elsewhere: bool, knock: Knock | None
    ) -> None:
        """Inactivate a CA or a device."""
        self._change(caller, Call(Kind.INACTIVATE, self._where(ca, elsewhere), ca, device), knock)

    @rule(caller=_CALLERS, ca=_CAS, device=_DELETED, elsewhere=_ELSEWHERE, knock=_KNOCK)
    def delete(
        self, caller: int, ca: int, device: int | None, elsewhere: bool, knock: Knock | None
    ) -> None:
        """Delete a CA or a device's record."""
        self._change(caller, Call(Kind.DELETE, self._where(ca, elsewhere), ca, device), knock)

    @rule(caller=_CALLERS, device=_DEVICES, knocks=st.lists(_KNOCK, min_size=1, max_size=3))
    def blink(self, caller: int, device: int | None, knocks: list[Knock | None]) -> None:
        """Inactivate a CA or a device, once for each knock, and activate it soon after."""
        call = Call(Kind.INACTIVATE, self._homes[0], 0, device)
        for knock in knocks:
            self._change(caller, call, knock)
        self._call(caller, replace(call, kind=Kind.ACTIVATE))

    @rule(caller=_CALLERS, ca=_CAS, device=_DEVICES)
    def show(self, caller: int, ca: int, device: int | None) -> None:
        """Ask for the status of a CA or a device."""
        self._call(caller, Call(Kind.SHOW, self._homes[ca], ca, device))

    @rule(lamp=_LAMPS, elsewhere=_ELSEWHERE, linger=_LINGER)
    def connect(self, lamp: int, elsewhere: bool, linger: float) -> None:
        """Connect with a full handshake."""
        self._connect(lamp, resumes=False, elsewhere=elsewhere, linger=linger)

    @rule(lamp=_LAMPS, elsewhere=_ELSEWHERE, linger=_LINGER)
    def resume(self, lamp: int, elsewhere: bool, linger: float) -> None:
        """Connect with the last connection's TLS session."""
        self._connect(lamp, resumes=True, elsewhere=elsewhere, linger=linger)

    @rule(lamp=_LAMPS)
    def disconnect(self, lamp: int) -> None:
        """Disconnect."""
        self._disconnect(self.stage.lamps[lamp])

    @rule(client=st.integers(0, 1 + len(LAMPS)))
    def finish(self, client: int) -> None:
        """Wait for a client's answer before anything else is started."""
        self._finish(self.stage.clients[client])

    @rule(seconds=st.sampled_from((0.001, 0.004, 0.015)))
    def pause(self, seconds: float) -> None:
        """Let time pass."""
        time.sleep(seconds)

    def teardown(self) -> None:
        """Delete everything while every device comes back once more, look again, and check."""
        if self.stage.figures.are_enough:
            return
        for number in range(len(LAMPS)):
            self._connect(number, resumes=True)
        self._finish(self.stage.lamps[self._first_back])
        for ca, home in enumerate(self._homes):
            self._call(ca, Call(Kind.DELETE, home, ca))
        self._finish_all()
        self._look()
        self.stage.figures.judge(self.stage.settle(self._events))

    def _look(self) -> None:
        """Look at what is left, and delete it; nobody else is calling."""
        for ca, instance in itertools.product(range(2), INSTANCES):
            self._call(1, Call(Kind.SHOW, instance, ca))
            self._finish_all()
            if self._events[-1].answer != NO_CA:
                self._call(1, Call(Kind.DELETE, instance, ca))
        for lamp in self.stage.lamps:
            self._disconnect(lamp)
            self._finish(lamp)
            lamp.forget()
        self._finish_all()

    def _where(self, ca: int, elsewhere: bool) -> str:
        home = self._homes[ca]
        return next(each for each in INSTANCES if (each != home) is elsewhere)

    def _change(self, caller: int, call: Call, knock: Knock | None) -> None:
        self._call(caller, call)
        if knock is None:
            return
        if knock.waits:
            self._finish(self.stage.callers[caller])
        self._connect(knock.lamp, resumes=knock.resumes, linger=knock.linger)

    def _call(self, caller: int, call: Call) -> None:
        client = self.stage.callers[caller]
        self._start(client, lambda: client.make(call))

    def _connect(
        self, lamp: int, *, resumes: bool, elsewhere: bool = False, linger: float = 0
    ) -> None:
        client = self.stage.lamps[lamp]
        where = self._where(client.device[0], elsewhere)
        self._start(client, lambda: client.connect(where, resumes=resumes, linger=linger))

    def _disconnect(self, lamp: Lamp) -> None:
        self._finish(lamp)
        if lamp.is_connected:
            home = self._homes[lamp.device[0]]
            self._start(lamp, lambda: lamp.disconnect(home))

    def _start(self, client: Caller | Lamp, errand: Errand) -> None:
        if self.stage.figures.are_enough:
            return
        self._finish(client)
        self._busy[client.name] = self.stage.send(client, errand)

    def _finish(self, client: Caller | Lamp) -> None:
        answer = self._busy.pop(client.name, None)
        if answer is not None:
            self._events.append(answer.result())

    def _finish_all(self) -> None:
        for client in self.stage.clients:
            self._finish(client)


@contextlib.contextmanager
def staged(lab: Lab, figures: Figures) -> Iterator[type[Interleaving]]:
    """Set the stage for the length of the block.

    Yields:
        The interleavings that are played on it.
    """
    here = Stage(lab, figures)

    class Here(Interleaving):
        stage = here

    try:
        yield Here
    finally:
        here.close()
