"""TLS as the server speaks it: one context for each instance, with TLS sessions of its own."""

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple, Protocol

from OpenSSL import SSL, crypto

_TLS_1_3 = b"TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256"
"""The suites of RFC 8446, B.4, that OpenSSL offers, the one every client must know first: SHA-384
makes a handshake some percent dearer."""
_OPTIONS = SSL.OP_NO_RENEGOTIATION | SSL.OP_NO_COMPRESSION | SSL.OP_CIPHER_SERVER_PREFERENCE


class Stream(Protocol):
    """A connection as the verify callback sees it."""

    def presented(self, certificate: crypto.X509, error: int, depth: int, /) -> bool:
        """Take note of a certificate; tell whether the chain may pass."""
        ...


class ServerContexts(NamedTuple):
    """The contexts of a listener.

    A session is resumed only by the context that made it, so never under another instance's name.

    Attributes:
        default: that of the first instance, which serves clients that name none.
        others: those of the other instances.
    """

    default: SSL.Context
    others: Mapping[str, SSL.Context]


def server_contexts(
    instance_ids: Sequence[str], certificate_file: Path, key_file: Path
) -> ServerContexts:
    """Make the contexts of a listener.

    Args:
        instance_ids: the instances, the default one first.
        certificate_file: the server's certificate followed by its issuers, PEM.
        key_file: its private key, PEM.

    Raises:
        SSL.Error: one of the files cannot be read, or they do not belong together.
    """
    first, *others = instance_ids
    files = certificate_file, key_file
    return ServerContexts(
        _context(first, *files), {each: _context(each, *files) for each in others}
    )


def _context(instance_id: str, certificate_file: Path, key_file: Path) -> SSL.Context:
    context = SSL.Context(SSL.TLS_SERVER_METHOD)
    context.set_min_proto_version(SSL.TLS1_2_VERSION)
    context.set_options(_OPTIONS)
    context.use_certificate_chain_file(str(certificate_file))
    context.use_privatekey_file(str(key_file))
    context.check_privatekey()
    context.set_tls13_ciphersuites(_TLS_1_3)
    context.set_verify(SSL.VERIFY_PEER | SSL.VERIFY_FAIL_IF_NO_PEER_CERT, _pass_to_the_decision)
    # Without a context id OpenSSL resumes no session that carries a client certificate.
    context.set_session_id(hashlib.sha256(instance_id.encode()).digest())
    # Tickets resume. The cache would keep the whole chain of every stranger who wants none.
    context.set_session_cache_mode(SSL.SESS_CACHE_OFF)
    return context


def _pass_to_the_decision(
    connection: SSL.Connection, certificate: crypto.X509, error: int, depth: int, _ok: int
) -> bool:
    stream: Stream | None = connection.get_app_data()
    return stream is not None and stream.presented(certificate, error, depth)
