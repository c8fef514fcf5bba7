"""Devices that connect all the time while a process is about to be killed."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from ssl import SSLContext

from certgate_certs.authority import CertificateAuthority
from e2e.support import DeviceFiles, Lab
from proofs.asking import ADMITTED, Status, Wrong
from proofs.crash_stories import CaStory, Player, due

_NEVER_DELETED = 0


@dataclass(frozen=True)
class Claim:
    """A device that was admitted, so its registration must be there.

    Attributes:
        sn: its serial number.
        story: the CA's; None for the CA that is never touched.
        life: the registration of the CA that it was admitted under.
    """

    sn: str
    story: CaStory | None
    life: int

    def stands(self) -> bool:
        """Tell whether nobody has begun to delete the CA since."""
        return self.story is None or self.story.life == self.life


@dataclass
class Visitor(Player):
    """Connects devices, new ones and known ones, of CAs that change and of one that does not.

    Attributes:
        steady: a registered CA that nobody touches.
        stories: CAs whose status changes.
        name: part of the names of its new devices.
        known: its devices of the steady CA.
        claims: who was admitted.
        visits: how many connections came to what.
    """

    steady: CertificateAuthority
    stories: Sequence[CaStory]
    name: str
    known: list[DeviceFiles] = field(default_factory=list)
    claims: list[Claim] = field(default_factory=list)
    visits: Counter[str] = field(default_factory=Counter)
    _contexts: dict[str, SSLContext] = field(default_factory=dict)

    def step(self, lab: Lab) -> None:
        """Connect a device."""
        choice = self.rng.random()
        if choice < 0.25 or not self.known:
            self.visit_new(lab)
        elif choice < 0.5:
            self._visit_known(lab, self.rng.choice(self.known))
        else:
            self._visit_story(lab, self.rng.choice(self.stories))

    def visit_new(self, lab: Lab) -> None:
        """Connect a device that nobody has seen, of the CA that nobody touches.

        Args:
            lab: whom to call.

        Raises:
            CutOff: there is no answer.
            Wrong: it is refused.
        """
        name = f"{self.name}-{len(self.known)}"
        device = lab.device(self.steady.issue_device(name), name)
        self.known.append(device)
        self._visit_known(lab, device)
        self.visits["new device"] += 1

    def _visit_known(self, lab: Lab, device: DeviceFiles) -> None:
        code = self._knock(lab, device)
        if code != ADMITTED:
            raise Wrong(f"{device.name} of an untouched CA is answered {code}")
        self.claims.append(Claim(device.issued.view.sn, None, _NEVER_DELETED))

    def _visit_story(self, lab: Lab, story: CaStory) -> None:
        device = self.rng.choice(story.devices)
        life, before = story.life, story.settled
        code = self._knock(lab, device)
        if before is not None and before == story.settled:
            _compare(device, before[1], code)
        if code == ADMITTED and life is not None:
            self.claims.append(Claim(device.issued.view.sn, story, life))

    def _knock(self, lab: Lab, device: DeviceFiles) -> int:
        if device.name not in self._contexts:
            self._contexts[device.name] = lab.tls(device)
        code = self.knock(lab, device, self._contexts[device.name])
        self.visits["admitted" if code == ADMITTED else "refused"] += 1
        return code


def _compare(device: DeviceFiles, status: Status, code: int) -> None:
    if code != due(status):
        raise Wrong(f"{device.name} is answered {code} while its CA has status {status}")
