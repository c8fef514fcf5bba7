"""Certificates spoilt after they were signed, and certificates signed after they were spoilt.

The first are nobody's: no CA ever signed them, and none may be admitted. The second show what a CA
may be brought to sign; they may well be good enough, but everybody has to read the same in them.
"""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import (
    decode_dss_signature,
    encode_dss_signature,
)

from certgate_certs.authority import CertificateAuthority
from certgate_certs.builder import KeyType
from certgate_certs.odd import KINDS, DeviceKey
from certgate_certs.odd.der import der_of
from certgate_certs.odd.making import authority, key_of
from proofs.der_elements import Element, Path, parse, paths, tlv
from proofs.der_mutations import DerMutator
from proofs.mutations import Mutator
from proofs.rich_certificate import rich

_P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551  # FIPS 186-4
_ECDSA_SHA256 = bytes.fromhex("300a06082a8648ce3d040302")  # RFC 5758, 3.2
_SEQUENCE, _BIT_STRING = b"\x30", b"\x03"


@dataclass(frozen=True)
class Seed:
    """A certificate as it was signed.

    Attributes:
        der: the certificate.
        key: its own private key; None where nobody needs it.
    """

    der: bytes
    key: DeviceKey | None = None

    @cached_property
    def element(self) -> Element:
        """The certificate taken apart."""
        return parse(self.der)

    @cached_property
    def ways(self) -> list[Path]:
        """The ways to every element in it."""
        return paths(self.element)

    @cached_property
    def ways_behind(self) -> list[Path]:
        """The ways to the elements behind the signed part."""
        return [way for way in self.ways if way and way[0] > 0]

    @property
    def tbs(self) -> Element:
        """What is signed (RFC 5280, 4.1.1.1)."""
        return self.element.parts[0]

    @cached_property
    def ways_signed(self) -> list[Path]:
        """The ways to every element inside the signed part, from there."""
        return paths(self.tbs)[1:]

    @property
    def can_have_twin(self) -> bool:
        """Whether it bears an ECDSA signature."""
        return self.element.parts[1].raw == _ECDSA_SHA256

    @property
    def issuer(self) -> bytes:
        """The issuer's name, DER; in a certificate of version 3 the fourth element."""
        return self.tbs.parts[3].raw


@dataclass(frozen=True)
class Made:
    """A certificate to try.

    Attributes:
        kind: how it was made.
        der: its bytes, which need not be a certificate at all.
        seed: what it was made from.
        vouched: a registered CA's key has signed just what it says.
    """

    kind: str
    der: bytes
    seed: Seed
    vouched: bool = False


class Pool:
    """The certificates that are spoilt, and the CAs around them.

    Attributes:
        cas: registered CAs, the one with an EC key first.
        intermediate: a CA below the first of them, which is not registered.
        forger: a CA of the first one's name that is not registered.
        below: a device of the intermediate CA.
        seeds: what is spoilt, the intermediate among them.
        signed: their DER by what is signed in them.
    """

    def __init__(self) -> None:
        keys = (KeyType.EC_P256, KeyType.RSA_2048)
        self.cas = [CertificateAuthority.create_root(f"maker {key}", key) for key in keys]
        first = self.cas[0]
        self.intermediate = first.issue_intermediate("maker's works")
        self.forger = authority(first.certificate.subject)
        self.below = self.intermediate.issue_device("device of the works")
        issued = [ca.issue_device(f"device {number}") for number, ca in enumerate(self.cas)]
        issued += [ca.issued for ca in (*self.cas, self.intermediate)]
        issued += [self.below, first.issue_verification("a code")]
        issued.append(first.issue_device("device RSA", KeyType.RSA_2048))
        self.seeds = [Seed(der_of(each.certificate)) for each in issued]
        self.seeds.append(Seed(*rich(first)))
        self.seeds += odd_seeds(first)
        self.signed: dict[bytes, set[bytes]] = {}
        for seed in self.seeds:
            self.signed.setdefault(seed.tbs.raw, set()).add(seed.der)


def odd_seeds(ca: CertificateAuthority) -> list[Seed]:
    """Issue one of every odd kind below a CA; what is no DER from the start is left out."""
    found = []
    for kind in KINDS.values():
        device = kind.make(ca, kind.name).device
        found += [Seed(device.der, device.private_key), *map(Seed, device.sent)]
    return [seed for seed in found if _is_der(seed)]


class Certificates:
    """Makes certificates to try.

    Args:
        rng: decides what can be decided; keys and signatures are new each time.
        seeds: what they are made from.
        ca: the CA that is brought to sign; its key is on P-256, and it signed some of the seeds.
        forger: a CA of the same name, which nobody knows.
    """

    def __init__(
        self,
        rng: random.Random,
        seeds: Sequence[Seed],
        ca: CertificateAuthority,
        forger: CertificateAuthority,
    ) -> None:
        self._rng, self._seeds, self._ca, self._forger = rng, seeds, ca, forger
        name = ca.issued.view.subject_der
        self._own = [seed for seed in seeds if seed.issuer == name]
        self._twins = [seed for seed in seeds if seed.can_have_twin]
        strangers = [part.raw for seed in seeds[:12] for part in _parts(seed.element)]
        self._octets, self._elements = Mutator(rng, strangers), DerMutator(rng, strangers)
        self._ways: dict[str, Callable[[Seed], bytes]] = {
            "octets": lambda seed: self._octets.spoil(seed.der),
            "elements": lambda seed: self._elements.spoil(seed.element, seed.ways),
            "two elements": self._twice,
            "spliced": lambda seed: self._octets.splice(seed.der, self._other().der),
            "cut off": lambda seed: seed.der[: rng.randrange(len(seed.der))],
            "other signature": self._other_signature,
            "spoilt signature": lambda seed: self._elements.spoil(seed.element, seed.ways_behind),
            "twin": lambda seed: twin(seed.der),
            "bytes": lambda _: rng.randbytes(rng.randrange(300)),
        }
        self._often = [*self._ways, "octets", "elements", "elements", "forged", "signed", "signed"]

    def make(self) -> Made:
        """Make one."""
        kind = self._rng.choice(self._often)
        if kind in {"forged", "signed"}:
            return self._signed(kind)
        seed = self._rng.choice(self._twins if kind == "twin" else self._seeds)
        return Made(kind, self._ways[kind](seed), seed)

    def _other(self) -> Seed:
        return self._rng.choice(self._seeds)

    def _signed(self, kind: str) -> Made:
        """Spoil what is signed, and have it signed."""
        seed = self._rng.choice(self._own)
        tbs = self._elements.spoil(seed.tbs, seed.ways_signed)
        signer = self._ca if kind == "signed" else self._forger
        return Made(kind, signed_by(signer, tbs), seed, vouched=kind == "signed")

    def _twice(self, seed: Seed) -> bytes:
        once = self._elements.spoil(seed.element, seed.ways)
        try:
            again = Seed(once)
            return self._elements.spoil(again.element, again.ways)
        except ValueError:
            return self._octets.spoil(once)

    def _other_signature(self, seed: Seed) -> bytes:
        """Put what is behind the signed part of another behind this one's."""
        behind = self._other().element.parts[1:]
        return tlv(_SEQUENCE, seed.tbs.raw + b"".join(part.raw for part in behind))


def signed_by(ca: CertificateAuthority, tbs: bytes) -> bytes:
    """Have a CA sign any bytes, and make a certificate of it."""
    key = key_of(ca)
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise TypeError("a CA that is brought to sign has an EC key")
    signature = key.sign(tbs, ec.ECDSA(hashes.SHA256()))
    return tlv(_SEQUENCE, tbs + _ECDSA_SHA256 + tlv(_BIT_STRING, b"\x00" + signature))


def twin(der: bytes) -> bytes:
    """Give the certificate with the other ECDSA signature over it that needs no key: (r, n - s)."""
    tbs, algorithm, signature = parse(der).parts
    r, s = decode_dss_signature(signature.content[1:])
    other = encode_dss_signature(r, _P256_ORDER - s)
    return tlv(_SEQUENCE, tbs.raw + algorithm.raw + tlv(_BIT_STRING, b"\x00" + other))


def _parts(element: Element) -> list[Element]:
    return [element, *(part for above in element.parts for part in _parts(above))]


def _is_der(seed: Seed) -> bool:
    try:
        return len(seed.element.parts) > 0
    except ValueError:
        return False
