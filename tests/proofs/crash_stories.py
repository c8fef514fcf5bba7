"""Certificates taken through their life again and again, and what was answered of each.

Every call is written down twice: what it would make of its certificate before it is made, and what
it has made of it once it is answered. Where a process is killed in between, either may be found.
"""

import random
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from ssl import SSLContext
from typing import Any

from Tea.exceptions import TeaException

from certgate_certs.authority import CertificateAuthority
from e2e.support import DeviceFiles, Lab, knock
from proofs.asking import (
    ACTIVE,
    ADMITTED,
    GONE,
    INACTIVE,
    REFUSED,
    Status,
    Wrong,
    activate,
    request,
)

_ONCE_MORE = 0.6
"""How often somebody who is inactive is inactivated again, which leaves no doubt after a kill."""
_ADMISSION = {ACTIVE: ADMITTED, INACTIVE: REFUSED, GONE: REFUSED}


class CutOff(Exception):  # noqa: N818  the process may have been killed
    """A connection ended without an answer."""


@dataclass
class Player:
    """Somebody who keeps a lab busy.

    Attributes:
        rng: chooses what comes next.
        end: why it stopped before it was told to.
        connacks: how often each client identifier was admitted.
    """

    rng: random.Random
    end: Exception | None = field(default=None, kw_only=True)
    connacks: Counter[str] = field(default_factory=Counter, kw_only=True)

    def play(self, lab: Lab, over: threading.Event) -> None:
        """Go on until it is enough, or nobody answers.

        Args:
            lab: whom to call.
            over: set when it is enough.
        """
        self.end = None
        try:
            while not over.is_set():
                self.step(lab)
        except Exception as error:  # noqa: BLE001  each client library has its own words for it
            self.end = error

    def step(self, lab: Lab) -> None:
        """Make the next call or connection."""
        raise NotImplementedError

    def knock(self, lab: Lab, device: DeviceFiles, tls: SSLContext) -> int:
        """Connect a device.

        Args:
            lab: whom to call.
            device: the device.
            tls: its context.

        Returns:
            The CONNACK return code.

        Raises:
            CutOff: there was none.
        """
        code = knock(tls, lab.port, device.name)
        if code is None:
            raise CutOff
        if code == ADMITTED:
            self.connacks[device.name] += 1
        return code


@dataclass
class Story(Player):
    """One certificate's life.

    Attributes:
        answered: the status after the last answer.
        possible: what the call that is on its way makes of it.
        answers: how many calls were answered.
        at: when the last answer came, monotonic seconds.
        settled: number of the last call and the status it left; None while a call is on its way.
    """

    answered: Status = GONE
    possible: Status = GONE
    answers: int = 0
    at: float = 0.0
    settled: tuple[int, Status] | None = (0, GONE)

    @property
    def sn(self) -> str:
        """The certificate's serial number."""
        raise NotImplementedError

    def take(self, outcome: Status, call: Callable[[], object]) -> None:
        """Make a call.

        Args:
            outcome: the status it leads to.
            call: makes it; returns when it is answered.
        """
        self.possible, self.settled = outcome, None
        call()
        self.answered, self.at = outcome, time.monotonic()
        self.answers += 1
        self.settled = (self.answers, outcome)

    @property
    def is_cut_off(self) -> bool:
        """Whether a call of this certificate had no answer."""
        return self.end is not None

    def find(self, found: Status) -> bool:
        """Compare with what a restarted lab says, and go on from there.

        Returns:
            Whether that is the answered status, or that of the call that had no answer.
        """
        is_right = found in {self.answered, self.possible}
        self.answered = self.possible = found
        self.settled = (self.answers, found)
        return is_right


@dataclass
class CaStory(Story):
    """A CA that is registered, inactivated, activated and deleted, with devices that knock.

    Attributes:
        ca: the CA.
        devices: its devices; each registers itself anew when the CA has been deleted between.
        life: differs for each registration that nobody has begun to delete; None without one.
    """

    ca: CertificateAuthority = field(kw_only=True)
    devices: list[DeviceFiles] = field(kw_only=True)
    life: int | None = None
    _lives: int = 0

    @property
    def sn(self) -> str:
        """The CA's serial number."""
        return self.ca.issued.view.sn

    def step(self, lab: Lab) -> None:
        """Register, inactivate, activate or delete."""
        if self.answered is GONE:
            self.take(ACTIVE, lambda: lab.register(self.ca, "maker"))
            self._begin()
        elif self.rng.random() < 0.25:
            self.life = None
            self.take(GONE, lambda: lab.delete(self.sn))
        elif self.answered == ACTIVE or self.rng.random() < _ONCE_MORE:
            self.take(INACTIVE, lambda: lab.inactivate(self.sn))
        else:
            self.take(ACTIVE, lambda: activate(lab, self.sn))

    def find(self, found: Status) -> bool:
        """Compare as any story does; devices admitted from now on belong to what was found."""
        if found is GONE:
            self.life = None
        elif self.life is None:
            self._begin()
        return super().find(found)

    def _begin(self) -> None:
        self._lives += 1
        self.life = self._lives


@dataclass
class DeviceStory(Story):
    """A device that connects, and whose certificate is inactivated, activated and deleted.

    Attributes:
        ca_sn: serial number of its CA, which stays active.
        device: the device; deleted, it registers itself anew at its next connection.
    """

    ca_sn: str = field(kw_only=True)
    device: DeviceFiles = field(kw_only=True)

    @property
    def sn(self) -> str:
        """The device certificate's serial number."""
        return self.device.issued.view.sn

    def step(self, lab: Lab) -> None:
        """Connect, or change the certificate."""
        if self.answered is GONE:
            self.take(ACTIVE, lambda: self.connect(lab))
        elif self.rng.random() < 0.2:
            self.take(GONE, lambda: lab.sdk.delete_device_certificate(self._named("Delete")))
        elif self.answered == ACTIVE or self.rng.random() < _ONCE_MORE:
            self.take(INACTIVE, lambda: self.inactivate(lab))
        else:
            active = lab.sdk.active_device_certificate
            self.take(ACTIVE, lambda: active(self._named("Active")))

    def connect(self, lab: Lab) -> None:
        """Connect; the device must be admitted, if there is an answer."""
        code = self.knock(lab, self.device, lab.tls(self.device))
        if code != ADMITTED:
            raise Wrong(f"{self.device.name} is answered {code}")

    def inactivate(self, lab: Lab) -> None:
        """Call InactivateDeviceCertificate."""
        lab.sdk.inactivate_device_certificate(self._named("Inactivate"))

    def status(self, lab: Lab) -> Status:
        """Call GetDeviceCertificate."""
        try:
            return str(lab.sdk.get_device_certificate(self._named("Get")).body.data.status)
        except TeaException as error:
            if error.code == "FindDeviceBySnError":
                return GONE
            raise

    def _named(self, verb: str) -> Any:
        return request(f"{verb}DeviceCertificate", ca_sn=self.ca_sn, device_sn=self.sn)


def due(status: Status) -> int:
    """Give the CONNACK return code for a device whose CA has this status."""
    return _ADMISSION[status]
