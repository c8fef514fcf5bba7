"""Who a simulated device is."""

import base64
import hmac
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Self

from certgate_certs.authority import CertificateAuthority


@dataclass(frozen=True, slots=True)
class DeviceIdentity:
    """What a device shows when it connects.

    Attributes:
        client_id: its client identifier.
        chain_pem: its certificate followed by its issuers, PEM.
        key_pem: its private key, PEM, unencrypted.
        user_name: MQTT user name, or "" for none.
        password: MQTT password.
    """

    client_id: str
    chain_pem: str
    key_pem: str = field(repr=False)
    user_name: str = ""
    password: str = field(default="", repr=False)

    @classmethod
    def issue(cls, client_id: str, ca: CertificateAuthority, now: datetime | None = None) -> Self:
        """Make a device with a key of its own (EC P-256) and a certificate.

        Args:
            client_id: its client identifier and common name, at most 64 characters.
            ca: issues the certificate.
            now: the time, where it is not the machine's.
        """
        issued = ca.issue_device(client_id, now=now)
        return cls(client_id, issued.chain_pem, issued.key_pem)

    @classmethod
    def from_files(cls, client_id: str, chain_file: Path, key_file: Path) -> Self:
        """Take up a device whose certificate and key are files.

        Args:
            client_id: its client identifier.
            chain_file: its certificate followed by its issuers, PEM.
            key_file: its private key, PEM, unencrypted.

        Raises:
            OSError: a file cannot be read.
        """
        return cls(client_id, chain_file.read_text(), key_file.read_text())

    def signed(self, access_key_id: str, secret: str, instance_id: str) -> Self:
        """Give the same device with user name and password as the cloud's demo clients send them.

        Args:
            access_key_id: the access key.
            secret: its secret.
            instance_id: the instance it connects to.
        """
        digest = hmac.new(secret.encode(), self.client_id.encode(), "sha1").digest()
        user_name = f"Signature|{access_key_id}|{instance_id}"
        password = base64.b64encode(digest).decode("ascii")
        return replace(self, user_name=user_name, password=password)
