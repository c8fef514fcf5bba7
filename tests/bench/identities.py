"""The certificates of one run: a CA, its devices, and a server that they trust."""

import ssl
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from certgate_certs.authority import CertificateAuthority
from certgate_certs.issued import IssuedCertificate

INSTANCE = "post-cn-local"
HOST = "127.0.0.1"


@dataclass(frozen=True)
class Identities:
    """EC P-256 throughout; every device sends its CA's certificate along.

    Attributes:
        folder: where they are written.
        ca: issues the devices.
        name: begins the devices' names.
        count: how many devices there are.
    """

    folder: Path
    ca: CertificateAuthority
    name: str
    count: int

    @property
    def ca_file(self) -> Path:
        """The CA's certificate."""
        return self.folder / f"{self.name}-ca.pem"

    @property
    def ca_key_file(self) -> Path:
        """The CA's key."""
        return self.folder / f"{self.name}-ca.key"

    @cached_property
    def devices(self) -> list[IssuedCertificate]:
        """The devices; on return of the first call their files are written, and the CA's."""
        issued = [self.ca.issue_device(f"{self.name}-{number}") for number in range(self.count)]
        self.ca_file.write_text(self.ca.pem)
        self.ca_key_file.write_text(self.ca.issued.key_pem)
        for number, device in enumerate(issued):
            self._file(number, "pem").write_text(device.chain_pem)
            self._file(number, "key").write_text(device.key_pem)
        return issued

    def contexts(self, trusted: Path) -> list[ssl.SSLContext]:
        """Make a TLS context for each device.

        Args:
            trusted: the certificate that the server's leads to.
        """
        return [self._context(number, trusted) for number in range(len(self.devices))]

    def _context(self, number: int, trusted: Path) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.minimum_version = ssl.TLSVersion.TLSv1_3
        context.load_verify_locations(trusted)
        context.load_cert_chain(self._file(number, "pem"), self._file(number, "key"))
        return context

    def _file(self, number: int, kind: str) -> Path:
        return self.folder / f"{self.name}-{number}.{kind}"


def make_identities(folder: Path, name: str, count: int) -> Identities:
    """Make a CA and write the files of its devices."""
    made = Identities(folder, CertificateAuthority.create_root(name), name, count)
    assert len(made.devices) == count
    return made


@dataclass(frozen=True)
class ServerFiles:
    """The certificate of those servers that do not make one for themselves.

    Attributes:
        chain: the certificate and its issuer.
        key: its private key.
        trusted: the certificate that devices trust.
    """

    chain: Path
    key: Path
    trusted: Path


def make_server(folder: Path) -> ServerFiles:
    """Make a server certificate."""
    above = CertificateAuthority.create_root("server CA")
    issued = above.issue_server(["localhost", HOST])
    files = ServerFiles(*(folder / f"server.{kind}" for kind in ("pem", "key", "trusted")))
    files.chain.write_text(issued.chain_pem)
    files.key.write_text(issued.key_pem)
    files.trusted.write_text(above.pem)
    return files
