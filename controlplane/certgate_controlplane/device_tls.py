"""TLS for devices of an instance, whatever address they reach it by."""

import socket
import ssl


class InstanceContext(ssl.SSLContext):
    """Names the instance in the server name, and remembers where its last connection began.

    Client libraries ask for the host they connect to, which is an address in most tests.

    Attributes:
        server_name: what is asked for.
        local_address: ``address:port`` of this side's end of the last connection, or "".
        remembered: the TLS session that is offered, where the caller offers none.
    """

    server_name: str = ""
    local_address: str = ""
    remembered: ssl.SSLSession | None = None

    def wrap_socket(  # noqa: PLR0913, PLR0917  the standard library's signature
        self,
        sock: socket.socket,
        server_side: bool = False,
        do_handshake_on_connect: bool = True,
        suppress_ragged_eofs: bool = True,
        server_hostname: str | bytes | None = None,
        session: ssl.SSLSession | None = None,
    ) -> ssl.SSLSocket:
        """Begin TLS on a socket; arguments as in the standard library."""
        host, port = sock.getsockname()[:2]
        self.local_address = f"{host}:{port}"
        flags = (server_side, do_handshake_on_connect, suppress_ragged_eofs)
        name = self.server_name or server_hostname
        return super().wrap_socket(sock, *flags, name, session or self.remembered)

    def wrap_bio(
        self,
        incoming: ssl.MemoryBIO,
        outgoing: ssl.MemoryBIO,
        server_side: bool = False,
        server_hostname: str | bytes | None = None,
        session: ssl.SSLSession | None = None,
    ) -> ssl.SSLObject:
        """Begin TLS in memory; arguments as in the standard library."""
        name = self.server_name or server_hostname
        return super().wrap_bio(incoming, outgoing, server_side, name, session or self.remembered)
