"""What the fuzz proof has found, kept as tests."""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from cryptography import x509

from broker.conftest import Knock, connect_packet, write_pair
from certgate_broker.policy import RefusalStyle
from certgate_certs.authority import CertificateAuthority
from certgate_certs.chain import follow_chain
from certgate_certs.odd.der import der_of
from certgate_certs.odd.making import new_key
from certgate_certs.possession import is_signed_by
from certgate_certs.view import CertificateError, CertificateView
from certs import odd
from proofs.der_elements import parse, tlv
from proofs.fuzz_houses import House, inside, outside
from proofs.fuzz_scene import prepare
from proofs.fuzz_talk import CLIENTS, Talk, by_hand
from proofs.fuzz_tls import Identity
from proofs.fuzz_wire import recorded
from proofs.spoilt_certificates import twin

NOT_AUTHORIZED = b"\x20\x02\x00\x05"
CONNECT = connect_packet("somebody")
TLS_FEATURE = x509.ObjectIdentifier("1.3.6.1.5.5.7.1.24")
ODD_FEATURE = b"\x30\x03\x02\x01\x25"


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    """Open a door that refuses with a CONNACK."""
    async with inside(tmp_path, RefusalStyle.CONNACK_5) as opened:
        yield opened


class TestInMemory:
    """Found by generated certificates."""

    @pytest.mark.parametrize("extension", [ODD_FEATURE, b"\x30\x03\x02\x01\x00"])
    def test_a_tls_feature_that_nobody_knows(self, extension: bytes) -> None:
        """RFC 7633 may get more features than the library knows; such a view is refused."""
        unknown = x509.UnrecognizedExtension(TLS_FEATURE, extension)
        with pytest.raises(CertificateError, match="not a readable certificate"):
            CertificateView.from_der(odd.self_issued(extensions=[(unknown, False)]))

    def test_a_signature_with_unused_bits(self) -> None:
        """The library calls it the CA's, for every bit in use is; but no chain leads there."""
        ca = CertificateAuthority.create_root("maker")
        issued = (ca.issue_device("device").view for _ in range(100))
        even = next(view for view in issued if view.der[-1] % 2 == 0)
        tbs, algorithm, signature = parse(even.der).parts
        # DER lets a bit be unused if it is 0 (X.690, 8.6.2 and 11.2.1).
        spoilt = tlv(b"\x03", b"\x01" + signature.content[1:])
        view = CertificateView.from_der(tlv(b"\x30", tbs.raw + algorithm.raw + spoilt))
        assert is_signed_by(view, ca.issued.view)
        assert follow_chain(view, [], [ca.issued.view]).paths == ()
        assert follow_chain(even, [], [ca.issued.view]).paths != ()

    def test_a_spoilt_issuer_in_front_of_the_good_one(self) -> None:
        """OpenSSL takes the first that fits by name, so the device is refused, not admitted."""
        ca = CertificateAuthority.create_root("maker")
        works = ca.issue_intermediate("works")
        below, good = works.issue_device("device").view, der_of(works.certificate)
        spoilt = good[:-1] + bytes([good[-1] ^ 1])
        for sent in ([spoilt], [spoilt, good], [good, spoilt]):
            found = follow_chain(below, sent, [ca.issued.view])
            assert {path.between for path in found.paths} <= {(good,)}


def stranger() -> Identity:
    """Make a device that no CA knows, with a TLS feature that nobody knows."""
    key, unknown = new_key(), x509.UnrecognizedExtension(TLS_FEATURE, ODD_FEATURE)
    der = odd.self_issued(extensions=[(unknown, False)], key=key.public_key())
    return Identity((der,), key)


class TestOnTheWire:
    """Found by connections."""

    @pytest.mark.parametrize("style", [RefusalStyle.CONNACK_5, RefusalStyle.ALERT])
    @pytest.mark.parametrize("talk", CLIENTS.values(), ids=CLIENTS.keys())
    async def test_a_tls_feature_that_nobody_knows(
        self, tmp_path: Path, talk: Talk, style: RefusalStyle
    ) -> None:
        """Any stranger can show such a certificate: a refusal with its record, and no fault."""
        async with inside(tmp_path, style) as house:
            await talk(house, stranger(), CONNECT)
            made = await recorded(house, 1)
            assert [(each.accepted, len(each.reasons)) for each in made] == [(False, 1)]
            assert house.complaints() == ""

    @pytest.mark.parametrize("ticket", [False, True])
    async def test_a_session_without_a_ticket(self, house: House, ticket: bool) -> None:
        """What a session needs is kept by the client; without a ticket it is not resumed."""
        scene = await prepare(house)
        context = ssl.create_default_context(cafile=house.trust)
        context.load_cert_chain(*write_pair(house.folder, scene.honest))
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        if not ticket:
            context.options |= ssl.OP_NO_TICKET

        def reused() -> bool | None:
            with contextlib.closing(Knock(house.port, context)) as first:
                session = first.tls.session
            with contextlib.closing(Knock(house.port, context, session=session)) as second:
                return second.tls.session_reused

        assert await asyncio.to_thread(reused) is ticket

    async def test_a_strangers_session_is_not_kept(self, tmp_path: Path) -> None:
        """A hundred connections with 80 KiB of certificates leave no megabyte each behind."""
        ca = CertificateAuthority.create_root("stranger")
        device = ca.issue_device("stranger")
        assert device.private_key is not None
        chain = (der_of(device.certificate), *[der_of(ca.certificate)] * 230)
        assert sum(map(len, chain)) > 80_000
        identity = Identity(chain, device.private_key)
        async with outside(tmp_path, RefusalStyle.CONNACK_5) as house:
            for _ in range(10):
                await by_hand(house, identity, CONNECT)
            before = house.look()
            for _ in range(100):
                assert await by_hand(house, identity, CONNECT) == NOT_AUTHORIZED
            assert house.look().kibibytes < before.kibibytes + 40 * 1024

    async def test_the_twin_of_an_inactive_device(self, house: House) -> None:
        """Another signature over the same certificate needs no CA; it gets nobody in."""
        scene = await prepare(house)
        rows, chain = house.rows(), scene.inactive[0].chain
        other = Identity((twin(chain[0]),), scene.inactive[0].key)
        assert await by_hand(house, other, CONNECT) == NOT_AUTHORIZED
        assert (await recorded(house, 6))[5].reasons == ("serial_number_reused",)
        assert house.rows() == rows
