"""Who attacks: devices, CAs and certificates, prepared so that nobody of them may be admitted.

The exception is one active device. It may do everything but send a well-formed CONNECT.
"""

import asyncio
import queue
import ssl
from dataclasses import dataclass

from OpenSSL import SSL

from broker.conftest import ACCEPTED, HOST, Device, connect_packet, register, write_pair
from certgate_certs.authority import CertificateAuthority
from certgate_certs.builder import KeyType
from certgate_certs.issued import IssuedCertificate
from certgate_certs.odd import KINDS
from certgate_certs.odd.der import der_of
from certgate_certs.odd.making import authority
from certgate_certs.registry import Registry, Status
from e2e.support import INSTANCE
from proofs.fuzz_houses import House
from proofs.fuzz_socket import Borrowed, Wire, openssl_context
from proofs.fuzz_tls import Identity
from proofs.rich_certificate import rich
from proofs.spoilt_certificates import Seed

HONEST = "honest"
"""Client identifier of the device that behaves."""
DECISIONS = 6
"""So many are recorded once everything is prepared and the honest device was there."""


@dataclass(frozen=True)
class Scene:
    """Everybody there is.

    Attributes:
        house: the server.
        honest: a device that behaves and must be admitted, before and after.
        active: an active device.
        inactive: devices that were admitted once and are inactive now.
        odd: devices of every odd kind, below a CA that is not registered.
        seeds: certificates to be spoilt; those of the inactive devices, and some of a CA that is
            registered and inactive.
        dormant: that CA.
        forger: a CA of its name that is not registered.
    """

    house: House
    honest: IssuedCertificate
    active: Identity
    inactive: list[Identity]
    odd: list[Identity]
    seeds: list[Seed]
    dormant: CertificateAuthority
    forger: CertificateAuthority


async def connect(port: int) -> Wire:
    """Open a TCP connection."""
    return Wire(*await asyncio.open_connection(HOST, port))


async def prepare(house: House) -> Scene:
    """Register who has to be registered, and take back what has to be taken back."""
    ca, dormant, unknown = map(CertificateAuthority.create_root, ("maker", "dormant", "unknown"))
    for registered in (ca, dormant):
        await register(house.registry, registered, INSTANCE)
    between = ca.issue_intermediate("maker's works")
    issued = [ca.issue_device("one"), ca.issue_device("two", KeyType.RSA_2048)]
    issued += [between.issue_device("three"), ca.issue_device("active"), ca.issue_device(HONEST)]
    identities = [_identity(each) for each in issued]
    names = ["one", "two", "three", "active", HONEST]
    for name, identity in zip(names, identities, strict=True):
        await _admit(house, identity, name)
    for each in issued[:3]:
        await _inactivate(house.registry, ca, each)
    inactive = identities[:3]
    sleeping = [dormant.issue_device(f"asleep {number}") for number in range(3)]
    dormant_sn = dormant.issued.view.sn
    await house.registry.cas.set_status(INSTANCE, dormant_sn, Status.INACTIVE)
    seeds = [Seed(each.chain[0], each.key) for each in (*inactive, *map(_identity, sleeping))]
    seeds.append(Seed(*rich(dormant)))
    return Scene(
        house=house,
        honest=issued[4],
        active=identities[3],
        inactive=inactive,
        odd=_odd(unknown),
        seeds=seeds,
        dormant=dormant,
        forger=authority(dormant.certificate.subject),
    )


def _identity(issued: IssuedCertificate) -> Identity:
    """Let a device present itself with what is between it and its root."""
    assert issued.private_key is not None
    chain = (der_of(issued.certificate), *map(der_of, issued.issuers[:-1]))
    return Identity(chain, issued.private_key)


def _odd(ca: CertificateAuthority) -> list[Identity]:
    devices = [kind.make(ca, kind.name).device for kind in KINDS.values()]
    return [Identity((each.der, *each.sent), each.private_key) for each in devices]


async def _admit(house: House, identity: Identity, client_id: str) -> None:
    context = openssl_context(tuple(identity.chain), identity.key, SSL.TLS1_3_VERSION)
    assert context is not None
    wire = await connect(house.port)
    try:
        assert await Borrowed(wire, context).talk(connect_packet(client_id)) == ACCEPTED
    finally:
        await wire.close()


async def _inactivate(
    registry: Registry, ca: CertificateAuthority, device: IssuedCertificate
) -> None:
    sn = ca.issued.view.sn
    done = await registry.devices.set_status(INSTANCE, sn, device.view.sn, Status.INACTIVE)
    assert done is not None


async def honest_is_admitted(scene: Scene) -> bool:
    """Connect the honest device with paho, let it hear itself, and leave."""
    house = scene.house
    context = ssl.create_default_context(cafile=house.trust)
    context.load_cert_chain(*write_pair(house.folder, scene.honest))
    device = Device(house.port, context, HONEST)
    try:
        said, _ = await device.connect()
        if said != "Success":
            return False
        await device.subscribe("t")
        await device.publish("t", b"hello")
        return await device.message() == b"hello"
    except (OSError, queue.Empty):
        return False
    finally:
        await device.leave()
