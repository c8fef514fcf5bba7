"""Ways to say something over TLS once, by clients of three kinds."""

from collections.abc import Awaitable, Callable

from OpenSSL import SSL

from proofs.fuzz_houses import House
from proofs.fuzz_scene import connect
from proofs.fuzz_socket import Borrowed, openssl_context
from proofs.fuzz_tls import Identity, Tls12

Talk = Callable[[House, Identity, bytes], Awaitable[bytes]]


async def by_hand(house: House, identity: Identity, said: bytes) -> bytes:
    """Say something by the client written for this proof."""
    wire = await connect(house.port)
    try:
        return await Tls12(wire, identity).talk(said)
    finally:
        await wire.close()


def by_openssl(version: int) -> Talk:
    """Say something by OpenSSL."""

    async def talk(house: House, identity: Identity, said: bytes) -> bytes:
        context = openssl_context(tuple(identity.chain), identity.key, version)
        assert context is not None
        wire = await connect(house.port)
        try:
            return await Borrowed(wire, context).talk(said)
        finally:
            await wire.close()

    return talk


CLIENTS = {
    "by hand": by_hand,
    "OpenSSL, 1.2": by_openssl(SSL.TLS1_2_VERSION),
    "OpenSSL, 1.3": by_openssl(SSL.TLS1_3_VERSION),
}
