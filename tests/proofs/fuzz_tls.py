"""A TLS client that does what no library lets it do.

It speaks just enough TLS 1.2 (RFC 5246, RFC 5288, RFC 8422) to present any bytes as its certificate
and to prove possession of its key all the same; any message may be spoilt on its way. It says
everything it has to say at once and then closes its side, so that the server never waits for more.
The server's own certificate is of no interest to it.
"""

import hashlib
import hmac
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, x25519
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from certgate_certs.odd import DeviceKey
from proofs.fuzz_socket import Over, Wire

_ALERT, _HANDSHAKE, _DATA = 21, 22, 23
_SERVER_HELLO, _SERVER_KEY, _DONE = 2, 12, 14
_VERSION = b"\x03\x03"
_X25519 = b"\x03\x00\x1d\x20"  # A named group, which, and the length of the point (RFC 8422, 5.4).
CHANGE_CIPHER_SPEC = b"\x14\x03\x03\x00\x01\x01"
# ECDHE with ECDSA or RSA, AES-128-GCM, SHA-256; and no renegotiation (RFC 5746, 3.3).
_CIPHERS = bytes.fromhex("c02bc02f00ff")
# Groups x25519 and, for the server's certificate alone, secp256r1; signatures ecdsa_p256_sha256,
# rsa_pkcs1_sha256, rsa_pss_rsae_sha256, ed25519.
_EXTENSIONS = bytes.fromhex(
    "000a00060004001d0017" + "000b00020100" + "000d000a00080403040108040807"
)

Spoil = Callable[[int, bytes], bytes]
"""Changes a handshake message, given its type, before it is sent."""


@dataclass(frozen=True)
class Identity:
    """What a client presents.

    Attributes:
        chain: what it sends as its certificates, the leaf first; any bytes.
        key: what it proves to hold.
    """

    chain: Sequence[bytes]
    key: DeviceKey


def message(kind: int, body: bytes) -> bytes:
    """Write a handshake message (RFC 5246, 7.4)."""
    return bytes([kind]) + len(body).to_bytes(3, "big") + body


def record(kind: int, body: bytes) -> bytes:
    """Write records (6.2.1), as many as it takes."""
    pieces = [body[at : at + 16_384] for at in range(0, len(body), 16_384)] or [b""]
    return b"".join(
        bytes([kind]) + _VERSION + len(piece).to_bytes(2, "big") + piece for piece in pieces
    )


def vector(octets: int, body: bytes) -> bytes:
    """Write bytes behind their length (4.3); a length that does not fit is cut."""
    return (len(body) % (1 << 8 * octets)).to_bytes(octets, "big") + body


def prf(secret: bytes, label: bytes, seed: bytes, size: int) -> bytes:
    """Give pseudo-random bytes (5)."""
    made, block = b"", label + seed
    while len(made) < size:
        block = hmac.digest(secret, block, "sha256")
        made += hmac.digest(secret, block + label + seed, "sha256")
    return made[:size]


@dataclass
class Tls12:
    """One TLS 1.2 connection.

    Attributes:
        wire: what it goes over.
        identity: what the client presents; an empty chain is no certificate.
        spoil: changes messages on their way.
    """

    wire: Wire
    identity: Identity
    spoil: Spoil = lambda _, body: body
    _seen: bytes = b""
    _sent: int = 0
    _random: bytes = field(default_factory=lambda: os.urandom(32))
    _server: dict[int, bytes] = field(default_factory=dict)

    async def talk(self, said: bytes, behind: bytes = b"") -> bytes:
        """Shake hands, say something, and give what the server says within TLS.

        Args:
            said: what is said within TLS.
            behind: bytes that follow without any TLS.
        """
        try:
            self.wire.writer.write(record(_HANDSHAKE, self._message(1, self._hello())))
            await self._hear()
            flight, keys = self._flight()
            self.wire.writer.write(flight + self._sealed(keys, _DATA, said) + behind)
            self.wire.finish()
            return await self._listen(keys)
        except Over:
            return b""

    def _message(self, kind: int, body: bytes) -> bytes:
        """Write a message, spoilt or not, and remember that it was sent."""
        written = self.spoil(kind, message(kind, body))
        self._seen += written
        return written

    def _hello(self) -> bytes:
        extensions = vector(2, _EXTENSIONS)
        return _VERSION + self._random + b"\0" + vector(2, _CIPHERS) + b"\x01\0" + extensions

    async def _hear(self) -> None:
        """Take in the server's messages up to ServerHelloDone."""
        pending = b""
        while _DONE not in self._server:
            kind, body = await self.wire.record()
            if kind != _HANDSHAKE:
                self.wire.finish()
                raise Over
            pending += body
            while len(pending) >= (size := 4 + int.from_bytes(pending[1:4], "big")):
                self._server[pending[0]], self._seen = pending[4:size], self._seen + pending[:size]
                pending = pending[size:]

    def _flight(self) -> tuple[bytes, "Keys"]:
        """Write everything from Certificate to Finished, and derive the keys."""
        own = x25519.X25519PrivateKey.generate()
        parameters = self._server.get(_SERVER_KEY, b"")
        if not parameters.startswith(_X25519):  # A spoilt ClientHello may ask for something else.
            self.wire.finish()
            raise Over
        point = parameters[len(_X25519) :][:32]
        shared = own.exchange(x25519.X25519PublicKey.from_public_bytes(point))
        server_random = self._server[_SERVER_HELLO][2:34]
        master = prf(shared, b"master secret", self._random + server_random, 48)
        block = prf(master, b"key expansion", server_random + self._random, 40)
        certificates = b"".join(vector(3, der) for der in self.identity.chain)
        flight = self._message(11, vector(3, certificates))
        flight += self._message(16, vector(1, own.public_key().public_bytes_raw()))
        if self.identity.chain:
            flight += self._message(15, signature(self.identity.key, self._seen))
        digest = hashlib.sha256(self._seen).digest()
        finished = self._message(20, prf(master, b"client finished", digest, 12))
        keys = Keys(AESGCM(block[:16]), AESGCM(block[16:32]), block[32:36], block[36:40])
        head = record(_HANDSHAKE, flight) + CHANGE_CIPHER_SPEC
        return head + self._sealed(keys, _HANDSHAKE, finished), keys

    def _sealed(self, keys: "Keys", kind: int, data: bytes) -> bytes:
        """Encrypt records (RFC 5288, 3), as many as it takes."""
        sealed = b""
        for at in range(0, len(data), 16_000):
            number, piece = self._sent.to_bytes(8, "big"), data[at : at + 16_000]
            bound = number + bytes([kind]) + _VERSION + len(piece).to_bytes(2, "big")
            body = number + keys.write.encrypt(keys.write_iv + number, piece, bound)
            sealed, self._sent = sealed + record(kind, body), self._sent + 1
        return sealed

    async def _listen(self, keys: "Keys") -> bytes:
        """Read to the end, and give what was said within TLS."""
        heard, number, encrypted = b"", 0, False
        try:
            while True:
                kind, body = await self.wire.record()
                if not encrypted:
                    encrypted = kind == CHANGE_CIPHER_SPEC[0]
                    continue
                plain = keys.opened(number, kind, body)
                heard, number = heard + (plain if kind == _DATA else b""), number + 1
        except (Over, InvalidTag):
            return heard


@dataclass(frozen=True)
class Keys:
    """The keys of one connection (RFC 5246, 6.3)."""

    write: AESGCM
    read: AESGCM
    write_iv: bytes
    read_iv: bytes

    def opened(self, number: int, kind: int, body: bytes) -> bytes:
        """Decrypt a record."""
        size = (len(body) - 24).to_bytes(2, "big")
        bound = number.to_bytes(8, "big") + bytes([kind]) + _VERSION + size
        return self.read.decrypt(self.read_iv + body[:8], body[8:], bound)


def signature(key: DeviceKey, seen: bytes) -> bytes:
    """Write what CertificateVerify says (RFC 5246, 7.4.8; RFC 8422, 5.8)."""
    if isinstance(key, ec.EllipticCurvePrivateKey):
        return b"\x04\x03" + vector(2, key.sign(seen, ec.ECDSA(hashes.SHA256())))
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return b"\x08\x07" + vector(2, key.sign(seen))
    return b"\x04\x01" + vector(2, key.sign(seen, padding.PKCS1v15(), hashes.SHA256()))
