"""TLS as a device speaks it: it remembers its session, and its loop decides when it shakes hands.

paho-mqtt shakes hands inside `connect` and blocks until that is over. Hundreds of devices in one
event loop cannot: `LateSocket` lets paho believe that it is done.
"""

import ssl
import tempfile

from certgate_controlplane.device_tls import InstanceContext
from certgate_controlplane.fleet.identity import DeviceIdentity


class LateSocket(ssl.SSLSocket):
    """A TLS connection whose handshake waits for `shake`.

    Attributes:
        shaken: the handshake is complete; before, there is no session to ask for.
    """

    shaken: bool = False

    def do_handshake(self, block: bool = False) -> None:
        """Do nothing yet.

        Args:
            block: ignored.
        """

    def shake(self) -> None:
        """Go on with the handshake; returns once it is complete.

        Raises:
            SSLWantReadError: it goes on when bytes have come.
            SSLWantWriteError: it goes on when bytes can be sent.
            OSError: it has failed.
        """
        super().do_handshake()
        self.shaken = True


class DeviceContext(InstanceContext):
    """The TLS side of one device, over all its connections; made by `device_context`.

    Attributes:
        resumes: whether it offers the session of an earlier connection.
    """

    sslsocket_class = LateSocket
    resumes: bool = False

    def remember(self, connection: LateSocket) -> None:
        """Keep a connection's session for the next one.

        Args:
            connection: one that is about to be closed; with TLS 1.3 tickets come after the
                handshake, so earlier would be too early.
        """
        session = connection.session if connection.shaken and self.resumes else None
        if session is not None and session.has_ticket:
            self.remembered = session

    def forget(self) -> None:
        """Offer no session at the next connection."""
        self.remembered = None


def device_context(
    identity: DeviceIdentity, server_ca_pem: str, server_name: str, *, resumes: bool
) -> DeviceContext:
    """Set up TLS for a device.

    Args:
        identity: the device.
        server_ca_pem: the certificate it trusts.
        server_name: a name that the server's certificate is for; its first label is the instance.
        resumes: whether it resumes its sessions.

    Raises:
        ssl.SSLError: certificate, key or trusted certificate cannot be used.
    """
    context = DeviceContext(ssl.PROTOCOL_TLS_CLIENT)
    context.server_name, context.resumes = server_name, resumes
    if not resumes:
        context.options |= ssl.OP_NO_TICKET
    context.load_verify_locations(cadata=server_ca_pem)
    # ssl reads keys from files only. This one is its owner's (mode 0600) and gone at once.
    with tempfile.NamedTemporaryFile("w", prefix="certgate-fleet-", suffix=".pem") as file:
        file.write(f"{identity.key_pem}{identity.chain_pem}")
        file.flush()
        context.load_cert_chain(file.name)
    return context
