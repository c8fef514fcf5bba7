"""Which registered CA certificates a presented chain leads to.

OpenSSL validates each path (RFC 5280, 6.1) with that one CA certificate as its trust anchor.
Dates are left out on purpose: the decision judges them by the lab's clock, so that expiry is a
reason of its own and can be rehearsed.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from OpenSSL import crypto

from certgate_certs.view import CertificateView

MAX_PRESENTED = 10
"""Certificates after the leaf that are looked at; no deployed hierarchy comes near it."""

_SHORTEST = 2  # A leaf and its anchor: an anchor does not vouch for itself.
_X509_V_FLAG_NO_CHECK_TIME = 0x200000  # openssl/x509_vfy.h; pyOpenSSL has no name for it.
_FLAGS = crypto.X509StoreFlags.PARTIAL_CHAIN | _X509_V_FLAG_NO_CHECK_TIME


@dataclass(frozen=True, slots=True)
class Path:
    """A valid path from the leaf to one of the anchors.

    Attributes:
        anchor: index of the CA certificate among the anchors asked for.
        between: DER of the certificates between leaf and anchor; none where issued directly.
        valid_from: their latest notBefore, milliseconds since the epoch; 0 where there are none.
        valid_until: their earliest notAfter; `FOREVER` where there are none.
    """

    anchor: int
    between: tuple[bytes, ...]
    valid_from: int
    valid_until: int


FOREVER = 253_402_300_799_000
"""9999-12-31T23:59:59Z, the date RFC 5280 (4.1.2.5) gives to "no expiry"; milliseconds."""


@dataclass(frozen=True, slots=True)
class ChainFindings:
    """What came of following a chain.

    Attributes:
        paths: the valid ones, nearest issuer first.
        issuer_known: some anchor carries the name of an issuer in the chain, so a failure is the
            chain's fault and not that of a missing registration.
    """

    paths: tuple[Path, ...]
    issuer_known: bool


def follow_chain(
    leaf: CertificateView, presented: Sequence[bytes], anchors: Sequence[CertificateView]
) -> ChainFindings:
    """Find the anchors that vouch for a leaf.

    Args:
        leaf: the end-entity certificate.
        presented: DER of what the peer sent after the leaf, in any order, strangers included.
        anchors: the registered CA certificates.

    Returns:
        The valid paths, and whether an issuer's name was known at all. Presented certificates that
        cannot be parsed are passed over: a path must do without them.
    """
    others = _readable(presented[:MAX_PRESENTED])
    issuers = {leaf.issuer_der, *(view.issuer_der for view, _ in others)}
    candidates = [(i, a) for i, a in enumerate(anchors) if a.subject_der in issuers]
    if not candidates:
        return ChainFindings((), issuer_known=False)
    untrusted = [loaded for _, loaded in others]
    paths = [p for i, a in candidates if (p := _path(i, a, leaf, untrusted)) is not None]
    return ChainFindings(tuple(sorted(paths, key=lambda p: len(p.between))), issuer_known=True)


def issuer_names(chain: Sequence[bytes]) -> set[bytes]:
    """Give the issuers that certificates name, DER; unreadable certificates name nobody.

    Args:
        chain: DER certificates.
    """
    return {view.issuer_der for view, _ in _readable(chain)}


def split_chain(chain: bytes) -> list[bytes]:
    """Take certificates apart that were written one after the other.

    Args:
        chain: DER certificates, as the registry keeps what stood between a device and its CA.
    """
    found = []
    while chain:
        # Tag, 80 hex plus the octets of the length, the length, the content (X.690, 8.1.3.5).
        start = 2 + (chain[1] & 0x7F)
        end = start + int.from_bytes(chain[2:start], "big")
        found.append(chain[:end])
        chain = chain[end:]
    return found


def _readable(presented: Sequence[bytes]) -> list[tuple[CertificateView, crypto.X509]]:
    found = []
    for der in presented:
        try:
            view = CertificateView.from_der(der)
            found.append((view, _load(der)))
        except (ValueError, crypto.Error):
            continue
    return found


def _path(
    index: int, anchor: CertificateView, leaf: CertificateView, untrusted: list[crypto.X509]
) -> Path | None:
    store = crypto.X509Store()
    store.set_flags(_FLAGS)
    try:
        store.add_cert(_load(anchor.der))
        chain = crypto.X509StoreContext(store, _load(leaf.der), untrusted).get_verified_chain()
    # OpenSSL cannot read everything that the view could.
    except (crypto.X509StoreContextError, crypto.Error):
        return None
    between = [_as_view(certificate) for certificate in chain[1:-1]]
    # Not every version of OpenSSL insists on BasicConstraints and key usage of an intermediate.
    if len(chain) < _SHORTEST or not all(map(_may_issue, between)):
        return None
    return Path(
        anchor=index,
        between=tuple(view.der for view in between),
        valid_from=max((view.not_before for view in between), default=0),
        valid_until=min((view.not_after for view in between), default=FOREVER),
    )


def _load(der: bytes) -> crypto.X509:
    return crypto.load_certificate(crypto.FILETYPE_ASN1, der)


def _may_issue(view: CertificateView) -> bool:
    return view.is_ca and view.may_sign_certificates and not view.defects


def _as_view(certificate: crypto.X509) -> CertificateView:
    return CertificateView.from_der(crypto.dump_certificate(crypto.FILETYPE_ASN1, certificate))
