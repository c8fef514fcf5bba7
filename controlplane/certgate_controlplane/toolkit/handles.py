"""What a lab hands out: CAs and devices, by their files and their names."""

import ssl
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from certgate_certs.view import CertificateView
from certgate_controlplane.address import Address
from certgate_controlplane.device_tls import InstanceContext
from certgate_controlplane.key_files import KeyPair


@dataclass(frozen=True, repr=False)
class _Certified:
    """Somebody with a certificate and a private key.

    Attributes:
        name: its common name.
        files: its certificate and key.
        address: the lab it belongs to.
        instance_id: the instance it belongs to.
    """

    name: str
    files: KeyPair
    address: Address
    instance_id: str

    @property
    def certificate_file(self) -> Path:
        """Its certificate alone, PEM."""
        return self.files.certificate_file

    @property
    def key_file(self) -> Path:
        """Its private key, PEM, unencrypted."""
        return self.files.key_file

    @cached_property
    def view(self) -> CertificateView:
        """What the registry and the decision see of its certificate."""
        der = ssl.PEM_cert_to_DER_cert(self.certificate_file.read_text())
        return CertificateView.from_der(der)

    @property
    def sn(self) -> str:
        """Its serial number, as the cloud's API writes it."""
        return self.view.sn


@dataclass(frozen=True, repr=False)
class Ca(_Certified):
    """A CA that the lab has made.

    Attributes:
        name: its common name, and the `CaName` of its registration.
        files: its certificate and key.
        address: the lab it belongs to.
        instance_id: the instance it is registered with.
    """

    def __str__(self) -> str:
        return f"CA {self.name}"

    def __repr__(self) -> str:
        return f"<{self}>"


@dataclass(frozen=True, repr=False)
class Device(_Certified):
    """A device that the lab has made; it registers itself at its first connection.

    Attributes:
        name: its common name.
        files: its certificate and key.
        address: the lab it belongs to.
        instance_id: the instance it connects to.
        ca: the CA that issued its certificate.
        client_id: the client identifier it connects with.
    """

    ca: Ca
    client_id: str

    def __str__(self) -> str:
        return f"device {self.name}"

    def __repr__(self) -> str:
        return f"<{self}, {self.ca}>"

    @property
    def chain_file(self) -> Path:
        """Its certificate followed by its issuers, PEM; what a TLS client is given."""
        return self.files.chain_file

    @property
    def server_name(self) -> str:
        """The server name it asks for; the first label names the instance."""
        return f"{self.instance_id}.localhost"

    def ssl_context(self) -> ssl.SSLContext:
        """Give a context for Python's `ssl`: it trusts the lab and shows the certificate.

        It asks for `server_name` whatever host it connects to, so that the device reaches its
        instance under any address of the lab.
        """
        context = InstanceContext(ssl.PROTOCOL_TLS_CLIENT)
        context.server_name = self.server_name
        context.load_verify_locations(self.address.server_ca_file)
        context.load_cert_chain(self.chain_file, self.key_file)
        return context

    def paho_client(self, **arguments: Any) -> mqtt.Client:  # noqa: ANN401  paho's own
        """Give a paho-mqtt client of this device, set up and not yet connected.

        Connect it with ``client.connect(lab.host, lab.port)``.

        Args:
            arguments: passed on to `paho.mqtt.client.Client`.
        """
        given = {"client_id": self.client_id, **arguments}
        client = mqtt.Client(CallbackAPIVersion.VERSION2, **given)
        client.tls_set_context(self.ssl_context())
        return client
