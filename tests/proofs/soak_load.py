"""The load of the soak proof: what a lab sees in one second, with what each step must come to."""

import itertools
import os
import socket
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from ssl import SSLContext

from certgate_certs.authority import CertificateAuthority
from e2e.support import PATIENCE, DeviceFiles, Lab, Paho, knock, wait_until
from proofs.asking import ADMITTED, REFUSED, Wrong, activate, own_door

PUBLISHED = 20
"""Messages a second, each to two subscribers."""
_TOPIC = "soak/steady"
_FLEET = 3
_NO_CERTIFICATE = None

Step = Callable[[], None]


@dataclass
class Maker:
    """A CA that stays in the test's hands, with its number at the lab."""

    ca: CertificateAuthority
    name: str
    sn: str = ""

    @classmethod
    def create(cls, name: str) -> "Maker":
        """Make a CA."""
        return cls(CertificateAuthority.create_root(name), name)


@dataclass
class Load:
    """Steps that leave the registry as large as they found it, but for its records.

    Attributes:
        lab: the lab, with ``--live-sessions close``.
        done: how often each kind of step was taken.
    """

    lab: Lab
    done: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self._steady, self._fleet = Maker.create("steady"), Maker.create("fleet")
        self._nursery, self._outcast = Maker.create("nursery"), Maker.create("outcast")
        for maker in (self._steady, self._fleet, self._nursery, self._outcast):
            maker.sn = self.lab.register(maker.ca, maker.name)
        self._known = [self._device(self._steady, f"known-{n}") for n in range(8)]
        self._members = [self._device(self._fleet, f"member-{n}") for n in range(_FLEET)]
        self._banned = self.lab.tls(self._device(self._outcast, "banned"))
        self.lab.inactivate(self._outcast.sn)
        stranger = CertificateAuthority.create_root("stranger").issue_device("stranger")
        self._stranger = self.lab.tls(self.lab.device(stranger, "stranger"))
        self._contexts = [self.lab.tls(device) for device in self._known]
        self._turn, self._born, self._sent = itertools.count(), itertools.count(), 0

    @contextmanager
    def standing(self) -> Iterator[None]:
        """Keep the clients connected that stay for the whole time."""
        standing = [
            self._paho(self._device(self._steady, f"standing-{n}"), f"standing-{n}")
            for n in range(3)
        ]
        self._publisher, *self._subscribers = standing
        for subscriber in self._subscribers:
            subscriber.subscribe(_TOPIC)
        self._join()
        try:
            yield
        finally:
            for client in [*standing, *self._open]:
                _leave(client)

    def second(self) -> list[Step]:
        """Give the steps of one second, in their order."""
        publish: list[Step] = [self._publish] * PUBLISHED
        devices: list[Step] = [*[self._come] * 6, *[self._knock] * 6, *[self._new] * 8]
        refused: list[Step] = [self._refuse_banned, self._refuse_stranger, self._refuse_nobody] * 2
        steps = [*_spread(publish, devices + refused), self._renew, self._withdraw]
        return [*steps, self._arrived]

    def calm(self) -> None:
        """Wait until the lab has nobody left but those who stay."""
        wanted = 3 + _FLEET
        wait_until(lambda: self._connected() == wanted, f"{wanted} sessions")

    def _publish(self) -> None:
        self._sent += 1
        self._publisher.publish(_TOPIC, str(self._sent))
        self.done["published"] += 1

    def _come(self) -> None:
        number = next(self._turn)
        device = self._known[number % len(self._known)]
        client = self._paho(device, device.name)
        try:
            client.subscribe(f"soak/{device.name}")
            client.publish(f"soak/{device.name}", "here")
            client.expect("here")
        finally:
            _leave(client, says_so=bool(number % 2))
        self.done["connected, subscribed, published"] += 1

    def _knock(self) -> None:
        number = next(self._turn) % len(self._known)
        self._expect(self._contexts[number], self._known[number].name, ADMITTED)
        self.done["known device connected"] += 1

    def _new(self) -> None:
        name = f"born-{next(self._born) % 64}"
        self._expect(self.lab.tls(self._device(self._nursery, name)), name, ADMITTED)
        self.done["new device connected"] += 1

    def _refuse_banned(self) -> None:
        self._expect(self._banned, "banned", REFUSED)
        self.done["refused"] += 1

    def _refuse_stranger(self) -> None:
        self._expect(self._stranger, "stranger", REFUSED)
        self.done["refused"] += 1

    def _refuse_nobody(self) -> None:
        self._expect(self.lab.tls(None), "nobody", _NO_CERTIFICATE)
        self.done["refused"] += 1

    def _renew(self) -> None:
        self.lab.delete(self._nursery.sn)
        self._nursery.sn = self.lab.register(self._nursery.ca, self._nursery.name)
        self.done["CA deleted and registered"] += 1

    def _withdraw(self) -> None:
        self.lab.inactivate(self._fleet.sn)
        for client in self._open:
            if not client.dropped.wait(PATIENCE):
                raise Wrong("a session stays open after its CA was inactivated")
            _leave(client)
        activate(self.lab, self._fleet.sn)
        self._join()
        self.done["CA inactivated and activated, three sessions closed"] += 1

    def _join(self) -> None:
        self._open = [
            self._paho(device, device.name, clean=number > 0)
            for number, device in enumerate(self._members)
        ]

    def _arrived(self) -> None:
        for subscriber in self._subscribers:
            subscriber.expect(str(self._sent))
            if len(subscriber.payloads) != PUBLISHED:
                raise Wrong(f"{len(subscriber.payloads)} messages arrived of {PUBLISHED}")
            subscriber.payloads.clear()

    def _device(self, maker: Maker, name: str) -> DeviceFiles:
        return self.lab.device(maker.ca.issue_device(name), name)

    def _paho(self, device: DeviceFiles, client_id: str, *, clean: bool = True) -> Paho:
        client = self.lab.paho(device, client_id, clean=clean)
        if not client.accepted:
            _leave(client)
            raise Wrong(f"{client_id} is refused: {client.said}")
        return client

    def _expect(self, context: SSLContext, name: str, expected: int | None) -> None:
        code = knock(context, self.lab.port, name)
        if code != expected:
            raise Wrong(f"{name} is answered {code} and not {expected}")

    def _connected(self) -> int:
        return len(own_door(self.lab, "sessions")[1]["sessions"])


def _leave(client: Paho, *, says_so: bool = True) -> None:
    """End a client's connection, with DISCONNECT or without, and let go of its sockets."""
    tcp = client.client.socket()
    if says_so:
        client.client.disconnect()
    elif tcp is not None:
        with socket.socket(fileno=os.dup(tcp.fileno())) as same:
            same.shutdown(socket.SHUT_RDWR)
    client.client.loop_stop()
    client.client._reset_sockets()  # noqa: SLF001  else some live until they are collected


def _spread(some: list[Step], others: list[Step]) -> Iterator[Step]:
    """Put two lists of steps into one, each of them evenly."""
    timed = [(n / len(some), 0, step) for n, step in enumerate(some)]
    timed += [(n / len(others), 1, step) for n, step in enumerate(others)]
    return (step for _, _, step in sorted(timed, key=lambda item: item[:2]))
