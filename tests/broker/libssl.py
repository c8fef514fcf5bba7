"""OpenSSL's client by its C interface, for what no Python binding does."""

import _ssl
import ctypes
import socket
from typing import Any

_REQUESTED = 1
_PEM = 1


class Client:
    """One TLS 1.3 connection over a socket.

    Args:
        tcp: the socket, connected.
        certificate: file of the device's chain, PEM.
        key: file of its key, PEM.
    """

    def __init__(self, tcp: socket.socket, certificate: str, key: str) -> None:
        self._lib: Any = ctypes.CDLL(_ssl.__file__)  # Python's own, with the library it is for.
        for name in ("TLS_client_method", "SSL_CTX_new", "SSL_new"):
            getattr(self._lib, name).restype = ctypes.c_void_p
        method = ctypes.c_void_p(self._lib.TLS_client_method())
        self._context = ctypes.c_void_p(self._lib.SSL_CTX_new(method))
        pair = certificate.encode(), key.encode()
        assert self._lib.SSL_CTX_use_certificate_chain_file(self._context, pair[0]) == 1
        assert self._lib.SSL_CTX_use_PrivateKey_file(self._context, pair[1], _PEM) == 1
        self._tls = ctypes.c_void_p(self._lib.SSL_new(self._context))
        self._lib.SSL_set_fd(self._tls, tcp.fileno())
        assert self._lib.SSL_connect(self._tls) == 1

    def close(self) -> None:
        """Give the memory back."""
        self._lib.SSL_free(self._tls)
        self._lib.SSL_CTX_free(self._context)

    def write(self, data: bytes) -> None:
        """Send bytes."""
        assert self._lib.SSL_write(self._tls, data, len(data)) == len(data)

    def read(self, most: int) -> bytes:
        """Read what there is."""
        room = ctypes.create_string_buffer(most)
        count = self._lib.SSL_read(self._tls, room, most)
        assert count > 0
        return room.raw[:count]

    def update_key(self) -> bool:
        """Use a new key, and ask the server for one of its own; tell whether that could be sent."""
        self._lib.SSL_key_update(self._tls, _REQUESTED)
        return bool(self._lib.SSL_do_handshake(self._tls) == 1)
