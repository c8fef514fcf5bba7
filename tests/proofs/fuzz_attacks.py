"""What is done to a server; nothing of it may be admitted."""

import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from functools import partial

from OpenSSL import SSL

from proofs.fuzz_connect import LIMIT
from proofs.fuzz_houses import INSTANCES
from proofs.fuzz_scene import Scene
from proofs.fuzz_socket import Borrowed, Wire, client_hello, openssl_context
from proofs.fuzz_tls import Identity, Spoil, Tls12, record, vector
from proofs.mqtt_reading import read
from proofs.mutations import Connects, Mutator
from proofs.spoilt_certificates import Certificates

_NAMES = (b"", b"localhost", *(f"{each}.localhost".encode() for each in INSTANCES))
_VERSIONS = (SSL.TLS1_2_VERSION, SSL.TLS1_3_VERSION)
_CLIENT_MESSAGES = (11, 11, 15, 16, 20)  # All but ClientHello, which is spoilt by itself.
_PLAIN = (
    *(b"", b"\0", b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", b"\x16\x03\x01\xff\xff"),
    *(b"\x80\x2e\x01\x00\x02", b"\x15\x03\x03\x00\x02\x02\x28", b"\x14\x03\x03\x00\x01\x01"),
    *(
        b"\x16\x03\x01\x00\x00" * 40,
        b"\x17\x03\x03\x00\x00" * 40,
        b"\x10\x0c\0\x04MQTT\x04\x02\0\0\0\0",
    ),
)


@dataclass(frozen=True)
class Attack:
    """One connection.

    Attributes:
        kind: what it is called.
        detail: how it is done, for whoever looks into a fault.
        run: does it; gives what the server said, within TLS where there is TLS.
    """

    kind: str
    detail: str
    run: Callable[[Wire], Awaitable[bytes]]


class Attacks:
    """Makes attacks.

    Args:
        rng: decides what can be decided.
        scene: who attacks.
    """

    def __init__(self, rng: random.Random, scene: Scene) -> None:
        self._rng, self._scene = rng, scene
        self._connects, self._mutator = Connects(rng), Mutator(rng, longest=10_000)
        self._certificates = Certificates(rng, scene.seeds, scene.dormant, scene.forger)
        self._sessions: list[tuple[SSL.Context, SSL.Session | None]] = [
            (context, None)
            for version in _VERSIONS
            for each in scene.inactive
            if (context := openssl_context(tuple(each.chain), each.key, version)) is not None
        ]
        self._ways: dict[str, Callable[[], Attack]] = {
            "garbage": self._garbage,
            "ClientHello": self._client_hello,
            "handshake message": self._handshake_message,
            "certificate": self._certificate,
            "chain": self._chain,
            "long chain": self._long_chain,
            "odd kind": self._odd_kind,
            "no certificate": self._no_certificate,
            "resumed": self._resumed,
            "CONNECT": self._connect,
            "CONNECT and more": self._connect_and_more,
            "behind the handshake": self._behind,
        }
        self._often = 2 * [*self._ways, "certificate", "CONNECT", "ClientHello"]
        self._often.remove("long chain")

    def make(self) -> Attack:
        """Make one."""
        kind = self._rng.choice(self._often)
        return replace(self._ways[kind](), kind=kind)

    def only(self, *kinds: str) -> None:
        """Make no attacks but those of some kinds."""
        self._often = list(kinds)

    def _garbage(self) -> Attack:
        rng = self._rng
        data = rng.choice((rng.choice(_PLAIN), rng.randbytes(rng.randrange(500))))
        if rng.random() < 0.2:
            data = b"\x16\x03\x03" + vector(2, data)
        if rng.random() < 0.05:
            data *= 100
        return _plain(data)

    def _client_hello(self) -> Attack:
        """Spoil a first flight, with the lengths around it put right or not."""
        context, session = self._rng.choice(self._sessions)
        hello = client_hello(context, self._rng.choice(_NAMES), session)
        if self._rng.random() < 0.5:
            return _plain(self._mutator.spoil(hello))
        body = self._mutator.spoil(hello[9:])
        return _plain(record(22, b"\x01" + vector(3, body)))

    def _handshake_message(self) -> Attack:
        chosen, rng = self._rng.choice(_CLIENT_MESSAGES), self._rng

        def spoil(kind: int, message: bytes) -> bytes:
            if kind != chosen:
                return message
            if rng.random() < 0.5:
                return self._mutator.spoil(message)
            return message[:1] + vector(3, self._mutator.spoil(message[4:]))

        return self._by_hand(rng.choice(self._scene.inactive), self._honest_words(), spoil=spoil)

    def _certificate(self) -> Attack:
        made = self._certificates.make()
        assert made.seed.key is not None
        identity = Identity((made.der,), made.seed.key)
        attack = self._by_any(identity, self._honest_words())
        return replace(attack, detail=f"{made.kind}: {made.der.hex()}")

    def _chain(self) -> Attack:
        """Send spoilt certificates, any bytes or the same again behind an inactive leaf."""
        rng, leaf = self._rng, self._rng.choice(self._scene.inactive)
        more = [self._certificates.make().der for _ in range(rng.choice((0, 1, 2, 12)))]
        more += list(leaf.chain[1:]) * rng.choice((0, 1, 2))
        rng.shuffle(more)
        return self._by_any(Identity((leaf.chain[0], *more), leaf.key), self._honest_words())

    def _long_chain(self) -> Attack:
        """Send as many good certificates as TLS takes, 100 KiB, behind anybody's leaf."""
        leaf = self._rng.choice((*self._scene.inactive, *self._scene.odd))
        behind = self._scene.seeds[0].der
        room = 100_000 - sum(map(len, leaf.chain))
        chain = (*leaf.chain, *[behind] * self._rng.randrange(room // (len(behind) + 3)))
        return self._by_hand(Identity(chain, leaf.key), self._honest_words())

    def _odd_kind(self) -> Attack:
        return self._by_any(self._rng.choice(self._scene.odd), self._honest_words())

    def _no_certificate(self) -> Attack:
        key = self._scene.active.key
        return self._by_any(Identity((), key), self._honest_words())

    def _connect(self) -> Attack:
        return self._saying(self._connects.make()[1])

    def _connect_and_more(self) -> Attack:
        rng = self._rng
        more = rng.choice((rng.randbytes(rng.randrange(400)), self._connects.make()[1] * 3))
        return self._saying(self._connects.make()[1] + more)

    def _saying(self, data: bytes) -> Attack:
        """Say something, as the active device unless it would be a good CONNECT."""
        bad = read(data, LIMIT).outcome != "read"
        who = self._rng.choice((*self._scene.inactive, *[self._scene.active] * (3 * bad)))
        return self._by_any(who, data)

    def _behind(self) -> Attack:
        """Send bytes that are no TLS, or records that nobody sealed, behind a handshake."""
        rng, who = self._rng, self._rng.choice(self._scene.inactive)
        noise = rng.choice((rng.choice(_PLAIN), rng.randbytes(rng.randrange(100))))
        kind = rng.choice((20, 21, 22, 23, 24))
        behind = rng.choice((noise, record(kind, noise), self._connects.well_formed()))
        words = rng.choice((b"", self._honest_words()))
        return self._by_any(who, words, behind)

    def _honest_words(self) -> bytes:
        return self._connects.well_formed()

    def _resumed(self) -> Attack:
        """Resume a session of an inactive device, where there is one by now."""
        context, session = self._rng.choice(self._sessions)
        return self._by_openssl(context, self._honest_words(), session=session)

    def _by_any(self, identity: Identity, words: bytes, behind: bytes = b"") -> Attack:
        """Present somebody with whatever TLS can present them."""
        version, context = self._rng.choice((*_VERSIONS, None, None)), None
        if version is not None:
            key = identity.key if identity.chain else None
            context = openssl_context(tuple(identity.chain), key, version)
        if context is None:
            return self._by_hand(identity, words, behind)
        return self._by_openssl(context, words, behind)

    def _by_openssl(
        self,
        context: SSL.Context,
        words: bytes,
        behind: bytes = b"",
        session: SSL.Session | None = None,
    ) -> Attack:
        name = self._rng.choice(_NAMES)

        async def run(wire: Wire) -> bytes:
            client = Borrowed(wire, context, name, session)
            heard = await client.talk(words, behind)
            self._keep(context, client.session)
            return heard

        return Attack("", f"OpenSSL, {name!r}, resumed {session is not None}: {words.hex()}", run)

    def _keep(self, context: SSL.Context, session: SSL.Session | None) -> None:
        """Take note of a session, if it is one of those that may be resumed."""
        for number, (known, _) in enumerate(self._sessions):
            if known is context and session is not None:
                self._sessions[number] = known, session

    def _by_hand(
        self, identity: Identity, words: bytes, behind: bytes = b"", spoil: Spoil | None = None
    ) -> Attack:
        async def run(wire: Wire) -> bytes:
            return await Tls12(wire, identity, spoil or _unspoilt).talk(words, behind)

        return Attack("", f"by hand: {words.hex()}", run)


def _plain(data: bytes) -> Attack:
    return Attack("", data.hex(), partial(_send, data))


async def _send(data: bytes, wire: Wire) -> bytes:
    wire.finish(data)
    return await wire.rest()


def _unspoilt(_kind: int, message: bytes) -> bytes:
    return message
