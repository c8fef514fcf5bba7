"""Certificates and private keys as files."""

import contextlib
import os
import secrets
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509

from certgate_certs.authority import CertificateAuthority
from certgate_certs.issued import IssuedCertificate

_PRIVATE = 0o600


class StateError(Exception):
    """The state directory cannot be used as asked; the text says what is wrong and where."""


@dataclass(frozen=True, slots=True)
class KeyPair:
    """A certificate and its private key, as files.

    Attributes:
        certificate_file: the certificate alone, PEM.
        chain_file: the certificate followed by its issuers, PEM.
        key_file: the private key, PEM, readable by its owner only.
    """

    certificate_file: Path
    chain_file: Path
    key_file: Path

    @classmethod
    def in_folder(cls, folder: Path) -> "KeyPair":
        """Name the files of a folder."""
        return cls(folder / "certificate.pem", folder / "chain.pem", folder / "key.pem")


def load(pair: KeyPair) -> CertificateAuthority:
    """Take up a CA.

    Args:
        pair: its files.

    Raises:
        StateError: they cannot be read.
    """
    try:
        return CertificateAuthority.load(pair.chain_file.read_text(), pair.key_file.read_text())
    except (OSError, ValueError) as error:
        raise StateError(f"the CA in {pair.key_file.parent} cannot be read: {error}") from error


def write(pair: KeyPair, issued: IssuedCertificate, *, replace: bool = False) -> None:
    """Write all files of a pair or none: the folder is moved into its place whole.

    Where another process was faster its pair stays, unless an older one is to be replaced.

    Args:
        pair: where they go.
        issued: what is written.
        replace: put it in the place of an older pair.

    Raises:
        OSError: the files cannot be written.
    """
    folder = pair.key_file.parent
    draft = folder.with_name(f".{folder.name}-{secrets.token_hex(4)}")
    draft.mkdir(parents=True)
    files = KeyPair.in_folder(draft)
    files.certificate_file.write_text(issued.pem)
    files.chain_file.write_text(issued.chain_pem)
    descriptor = os.open(files.key_file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _PRIVATE)
    with os.fdopen(descriptor, "w") as file:
        file.write(issued.key_pem)
    if replace:
        shutil.rmtree(folder, ignore_errors=True)
    try:
        draft.rename(folder)
    except OSError:
        shutil.rmtree(draft)
        if not pair.key_file.exists():
            raise


@contextlib.contextmanager
def explained(path: Path) -> Iterator[None]:
    """Say in one sentence what is wrong with a file or folder.

    Args:
        path: which one.

    Raises:
        StateError: the block failed.
    """
    try:
        yield
    except OSError as error:
        raise StateError(f"{path} cannot be used: {error.strerror or error}") from error
    except (ValueError, x509.ExtensionNotFound) as error:
        raise StateError(f"what is in {path} cannot be used: {error}") from error
