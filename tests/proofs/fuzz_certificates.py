"""What has to hold of the certificate view, and of everything that is asked of a view."""

import hashlib
import random
import warnings
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

from cryptography.hazmat.primitives.serialization import load_der_public_key
from OpenSSL import crypto

from certgate_broker.decision import Client, Leaf, Standing, decide
from certgate_broker.policy import Policy
from certgate_certs.chain import ChainFindings, follow_chain, issuer_names, split_chain
from certgate_certs.odd.der import pem
from certgate_certs.possession import examine_ca, examine_proof
from certgate_certs.rows import Issuer, Status
from certgate_certs.view import CertificateError, CertificateView
from proofs.der_elements import parse
from proofs.fuzz_figures import Figures
from proofs.mutations import Mutator
from proofs.spoilt_certificates import Made, Pool, twin

Follow = Callable[[CertificateView, Sequence[bytes], Sequence[CertificateView]], ChainFindings]
View = Callable[[bytes], CertificateView]
_PEM_WORDS = (
    *(b"-----BEGIN CERTIFICATE-----", b"-----END CERTIFICATE-----", b"-----", b"\n", b"\r\n"),
    *(b"=", b"==", b"\0", b" ", b"\t", b"\xff", b"\xed\xa0\x80", b"TRUSTED ", b"X509 CRL", b":"),
)


class CertificateCheck:
    """Judges the view by OpenSSL's reading, and following a chain by who signed.

    Args:
        rng: chooses what is tried with an input that is not tried with all.
        figures: measures what the view takes.
        pool: the certificates that were signed.
        view: makes views.
        follow: follows chains.
    """

    def __init__(
        self,
        rng: random.Random,
        figures: Figures,
        pool: Pool,
        view: View = CertificateView.from_der,
        follow: Follow = follow_chain,
    ) -> None:
        self._rng, self._figures, self._pool = rng, figures, pool
        self._view, self._follow = view, follow
        self._cas = [_registered(number, ca.issued.view) for number, ca in enumerate(pool.cas)]
        self._anchors = [ca.issued.view for ca in pool.cas]
        self._between = pool.intermediate.issued.view
        self._text = Mutator(rng, _PEM_WORDS)

    def __call__(self, made: Made) -> str:
        """Check everything that can be said of a certificate; give what became of it."""
        self._check_presented(made)
        if self._rng.random() < 0.1:
            self._check_pem(self._text.spoil(pem(made.der).encode()).decode("latin-1"))
        try:
            view = self._figures.timed("certificate", made.der, lambda: self._view(made.der))
        except CertificateError:
            self._check_rewritten(made)
            return "refused"
        assert view.der == made.der
        check_view(view)
        return self._follow_up(made, view)

    def _check_rewritten(self, made: Made) -> None:
        """The broker sees what OpenSSL makes of a certificate, which need not be what was sent."""
        try:
            loaded = crypto.load_certificate(crypto.FILETYPE_ASN1, made.der)
        except crypto.Error:
            return
        der = crypto.dump_certificate(crypto.FILETYPE_ASN1, loaded)
        try:
            view = self._view(der)
        except CertificateError:
            return
        assert view.der == der
        self._follow_up(made, view)

    def _follow_up(self, made: Made, view: CertificateView) -> str:
        """Find out whether anybody admits it, and who has vouched for it."""
        presented = self._rng.choice(((), (self._between.der,)))
        find = self._figures.timed(
            "chain", view.der, lambda: self._follow(view, presented, self._anchors)
        )
        proofs = [ca for ca in self._anchors if not self._unproved(ca, view)]
        if not find.paths and not proofs:
            return "read"
        # A proof of possession stands with what is signed: the library that checks it takes no
        # notice of the signature's unused bits. Where OpenSSL decides, every bit counts.
        assert made.vouched or self._signed_ders(view), "a CA is said to have signed it, none has"
        if not find.paths:
            return "read, signed by a CA"
        assert made.vouched or self._is_signed(view), "not byte for byte what a CA has signed"
        ca, path = self._cas[find.paths[0].anchor], find.paths[0]
        now, client = view.not_before + 1, Client("client")
        decision = decide(Leaf.from_view(view), Standing(ca, path=path), client, now, Policy())
        return "accepted, a CA signed it" if decision.accepted else "refused, though a CA signed it"

    def _unproved(self, ca: CertificateView, view: CertificateView) -> bool:
        examine_ca(view)
        return bool(examine_proof(ca, view, view.common_name))

    def _signed_ders(self, view: CertificateView) -> set[bytes]:
        """Give the certificates of the pool that say the same."""
        return self._pool.signed.get(parse(view.der).parts[0].raw, set())

    def _is_signed(self, view: CertificateView) -> bool:
        """Tell whether it is a certificate of the pool, or the twin of one."""
        originals = self._signed_ders(view)
        return view.der in originals or view.der in map(twin, originals)

    def _check_presented(self, made: Made) -> None:
        """Nothing that is sent beside an honest certificate leads to a CA unless one signed it."""
        issuer_names([made.der])
        if made.seed.der != self._between.der and self._rng.random() > 0.02:
            return
        honest = self._pool.below.view
        extra = self._follow(honest, [made.der], self._anchors)
        known = {seed.der for seed in self._pool.seeds}
        for path in extra.paths:
            for der in path.between:
                assert made.vouched or der in known or self._is_signed(self._view(der))
            assert split_chain(b"".join(path.between)) == list(path.between)

    def _check_pem(self, text: str) -> None:
        try:
            view = self._figures.timed("PEM", text.encode(), lambda: CertificateView.from_pem(text))
        except CertificateError:
            return
        assert CertificateView.from_der(view.der) == view


def check_view(view: CertificateView) -> None:
    """Check a view by itself, and by OpenSSL's reading where OpenSSL can read it."""
    assert view.fingerprint == hashlib.sha256(view.der).digest()
    # What a record says goes into SQLite, which takes no lone surrogates.
    (view.subject + view.common_name).encode()
    assert CertificateView.from_pem(view.pem()) == view
    assert split_chain(view.der * 2) == [view.der] * 2
    assert view.issuer_der in view.der
    assert view.subject_der in view.der
    with warnings.catch_warnings(action="ignore"):  # pyOpenSSL warns of what it deprecates.
        try:
            other = crypto.load_certificate(crypto.FILETYPE_ASN1, view.der)
        except crypto.Error:
            return
        check_foreign(view, other)


def check_foreign(view: CertificateView, other: crypto.X509) -> None:
    """Check a view by OpenSSL's reading."""
    assert crypto.dump_certificate(crypto.FILETYPE_ASN1, other) == view.der
    assert other.digest("sha256").replace(b":", b"").lower().decode() == view.fingerprint.hex()
    number = int.from_bytes(bytes.fromhex(view.sn), "big", signed=True)
    assert other.get_serial_number() == number
    assert other.get_subject().der() == view.subject_der
    assert other.get_issuer().der() == view.issuer_der
    moments = (moment(other.get_notBefore()), moment(other.get_notAfter()))
    assert moments == (view.not_before, view.not_after)
    # OpenSSL repeats a point as it came, compressed or not (X9.62, 4.3.6); the view writes it out.
    key = crypto.dump_publickey(crypto.FILETYPE_ASN1, other.get_pubkey())
    assert key == view.public_key_der or load_der_public_key(key) == load_der_public_key(
        view.public_key_der
    )


def moment(generalized: bytes | None) -> int:
    """Read a GeneralizedTime; milliseconds since the epoch."""
    assert generalized is not None
    read = datetime.strptime(generalized.decode(), "%Y%m%d%H%M%SZ").replace(tzinfo=UTC)
    return int(read.timestamp()) * 1000


def _registered(number: int, view: CertificateView) -> Issuer:
    return Issuer(number, view.sn, Status.ACTIVE, view.not_before, view.not_after)
