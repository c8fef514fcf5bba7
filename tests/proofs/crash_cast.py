"""Everybody who keeps a lab busy while one of its processes is about to be killed."""

import random
import threading
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from Tea.exceptions import UnretryableException

from certgate_certs.authority import CertificateAuthority
from e2e.support import Lab
from proofs.asking import ACTIVE, INACTIVE
from proofs.crash_aftermath import Withdrawn, withdrawn
from proofs.crash_stories import CaStory, CutOff, DeviceStory, Player, Story
from proofs.crash_visitors import Claim, Visitor

_CAS = 4
_DEVICES = 4
"""Devices of each CA that changes."""


@dataclass(frozen=True)
class Cast:
    """Those who play.

    Attributes:
        steady: a CA that stays active.
        outcast: a device of it whose certificate is inactivated before anything else.
        cas: CAs that change.
        devices: certificates below the steady CA that change.
        visitors: devices that connect.
    """

    steady: CertificateAuthority
    outcast: DeviceStory
    cas: tuple[CaStory, ...]
    devices: tuple[DeviceStory, ...]
    visitors: tuple[Visitor, ...]

    @classmethod
    def engage(cls, lab: Lab, seed: str) -> "Cast":
        """Make the certificates, register the steady CA, and cast the first device out.

        Args:
            lab: a new lab.
            seed: decides what everybody does.
        """
        steady = CertificateAuthority.create_root("steady")
        lab.register(steady, "steady")

        def changing(number: int) -> DeviceStory:
            name = f"changing-{number}"
            rng = random.Random(f"{seed}/{name}")
            device = lab.device(steady.issue_device(name), name)
            return DeviceStory(rng, ca_sn=steady.issued.view.sn, device=device)

        cas = tuple(_ca_story(lab, number, seed) for number in range(_CAS))
        visitors = tuple(
            Visitor(random.Random(f"{seed}/visitor {n}"), steady, cas, f"visitor-{n}")
            for n in range(2)
        )
        outcast = changing(0)
        outcast.take(ACTIVE, lambda: outcast.connect(lab))
        outcast.take(INACTIVE, lambda: outcast.inactivate(lab))
        return cls(steady, outcast, cas, (changing(1), changing(2)), visitors)

    @property
    def stories(self) -> tuple[Story, ...]:
        """All certificates that change."""
        return (*self.cas, *self.devices)

    def answers(self) -> list[int]:
        """Count what everybody has been answered."""
        calls = [story.answers for story in self.stories]
        return calls + [visitor.visits["admitted"] for visitor in self.visitors]

    def play(self, lab: Lab, over: threading.Event) -> list[threading.Thread]:
        """Begin; give the threads.

        Args:
            lab: whom to call.
            over: set when it is enough.
        """
        threads = [threading.Thread(target=each.play, args=(lab, over)) for each in self._players()]
        for thread in threads:
            thread.start()
        return threads

    def withdrawn(self) -> Withdrawn:
        """Choose who has to be refused; among several, who has lost the right last."""
        candidates = withdrawn(self.cas, (self.outcast, *self.devices))
        return max(candidates, key=lambda each: each.at)

    def trouble(self) -> Iterator[str]:
        """Tell what ended somebody's play and is not the end of a connection."""
        for each in self._players():
            if not isinstance(each.end, UnretryableException | CutOff | None):
                yield f"{type(each.end).__name__}: {each.end}"

    def claims(self) -> Iterator[Claim]:
        """Name those who were admitted."""
        for visitor in self.visitors:
            yield from visitor.claims

    def connacks(self) -> Counter[str]:
        """Count admissions by client identifier."""
        everybody = (self.outcast, *self._players())
        return sum((each.connacks for each in everybody), Counter[str]())

    def _players(self) -> tuple[Player, ...]:
        return (*self.stories, *self.visitors)


def _ca_story(lab: Lab, number: int, seed: str) -> CaStory:
    ca = CertificateAuthority.create_root(f"maker {number}")
    names = [f"device-{number}-{n}" for n in range(_DEVICES)]
    devices = [lab.device(ca.issue_device(name), name) for name in names]
    return CaStory(random.Random(f"{seed}/maker {number}"), ca=ca, devices=devices)
