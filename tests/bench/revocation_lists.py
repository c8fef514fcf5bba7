"""Certificate revocation lists of any length, written by ``openssl ca``."""

import secrets
import subprocess
from dataclasses import dataclass
from pathlib import Path

from bench.identities import Identities
from bench.machine import program

_SETTINGS = """
[ca]
default_ca = this
[this]
database = {index}
certificate = {certificate}
private_key = {key}
default_md = sha256
default_crl_days = 30
"""
_LINE = "R\t491231235959Z\t260101000000Z\t{}\tunknown\t/CN=filler\n"
"""An entry of OpenSSL's index: revoked, its end of validity, since when, serial number."""


@dataclass(frozen=True)
class RevocationList:
    """The CRL of a CA.

    Attributes:
        file: where it is written, PEM.
        index: what ``openssl ca`` knows of the CA's certificates.
        settings: its settings.
    """

    file: Path
    index: Path
    settings: Path

    @classmethod
    def of(cls, identities: Identities, size: int) -> "RevocationList":
        """Make the CRL of a CA.

        Args:
            identities: the CA; none of its devices is on the list.
            size: how many certificates are on it.
        """
        name = f"{identities.name}-crl-{size}"
        made = cls(*(identities.folder / f"{name}.{kind}" for kind in ("pem", "index", "cnf")))
        certificate, key = identities.ca_file, identities.ca_key_file
        made.settings.write_text(
            _SETTINGS.format(index=made.index, certificate=certificate, key=key)
        )
        with made.index.open("w") as index:
            for _ in range(size):
                index.write(_LINE.format(f"4{secrets.token_hex(19).upper()}0"))
        made.write()
        return made

    def revoke(self, sn: str) -> None:
        """Note a certificate as revoked; the list is not written yet.

        Args:
            sn: its serial number, hexadecimal, an even number of digits.
        """
        with self.index.open("a") as index:
            index.write(_LINE.format(sn.upper()))

    def write(self) -> None:
        """Write the list, beside the one there is and then in its place."""
        fresh = self.file.with_suffix(".new")
        command = [program("openssl"), "ca", "-gencrl", "-config", str(self.settings)]
        subprocess.run([*command, "-out", str(fresh)], check=True, capture_output=True)
        fresh.replace(self.file)
