"""The state directory: registry, the server's own certificate, CAs and devices made with `pki`."""

import contextlib
import fcntl
import re
import secrets
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509

from certgate_certs.authority import DEVICE_DAYS, CertificateAuthority
from certgate_certs.builder import KeyType
from certgate_certs.issued import IssuedCertificate
from certgate_controlplane.key_files import KeyPair, StateError, explained, load, write

_RENEW_BEFORE = timedelta(days=30)
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,63}")


class StateDirectory:
    """One state directory; several processes may share it.

    Args:
        path: where it is.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def registry_file(self) -> Path:
        """The registry."""
        return self.path / "registry.db"

    @property
    def server_ca_file(self) -> Path:
        """The certificate that devices have to trust, PEM."""
        return self._server_ca.certificate_file

    @property
    def _server_ca(self) -> KeyPair:
        return KeyPair.in_folder(self.path / "server-ca")

    def prepare(self) -> None:
        """Make the directory where there is none; it ignores itself in git.

        Raises:
            StateError: it cannot be made or written.
        """
        with explained(self.path):
            self.path.mkdir(parents=True, exist_ok=True)
            _ignore_all(self.path / ".gitignore")

    def server(self, names: Sequence[str]) -> KeyPair:
        """Give the server's certificate, issued anew where it is missing, old or for other names.

        Args:
            names: DNS names and IP addresses it has to be for.

        Raises:
            StateError: the files cannot be read or written.
        """
        with explained(self.path), _alone(self.path):
            pair = KeyPair.in_folder(self.path / "server")
            if not _still_good(pair, self._server_ca, names):
                issued = self._server_authority().issue_server(names)
                write(pair, issued, replace=True)
            return pair

    def _server_authority(self) -> CertificateAuthority:
        if not self._server_ca.key_file.exists():
            root = CertificateAuthority.create_root("certgate server CA")
            write(self._server_ca, root.issued)
        return load(self._server_ca)

    def new_ca(
        self, name: str, key_type: KeyType = KeyType.EC_P256, now: datetime | None = None
    ) -> KeyPair:
        """Make a CA for devices.

        Args:
            name: its common name and the name of its folder.
            key_type: kind of its key.
            now: the time, where it is not the machine's.

        Raises:
            StateError: the name cannot be a folder's or is taken.
        """
        pair = KeyPair.in_folder(self._ca_folder(name))
        return self._new(pair, CertificateAuthority.create_root(name, key_type, now=now).issued)

    def new_device(
        self,
        name: str,
        ca: str,
        key_type: KeyType = KeyType.EC_P256,
        *,
        days: int = DEVICE_DAYS,
        now: datetime | None = None,
    ) -> KeyPair:
        """Issue a device certificate.

        Args:
            name: its common name and the name of its folder.
            ca: the CA's name.
            key_type: kind of its key.
            days: validity in days from now.
            now: the time, where it is not the machine's.

        Raises:
            StateError: there is no such CA, or the name cannot be a folder's or is taken.
        """
        pair = KeyPair.in_folder(self._ca_folder(ca) / "devices" / _checked(name))
        return self._new(pair, self.ca(ca).issue_device(name, key_type, days, now))

    def ca_files(self, name: str) -> KeyPair:
        """Name the files of a CA made earlier.

        Args:
            name: the CA's name.

        Raises:
            StateError: there is none.
        """
        return _existing(KeyPair.in_folder(self._ca_folder(name)))

    def device_files(self, name: str, ca: str) -> KeyPair:
        """Name the files of a device made earlier.

        Args:
            name: its name.
            ca: the CA's name.

        Raises:
            StateError: there is none.
        """
        return _existing(KeyPair.in_folder(self._ca_folder(ca) / "devices" / _checked(name)))

    def verification(self, ca: str, code: str) -> Path:
        """Issue the verification certificate that proves possession of a CA's key.

        Args:
            ca: the CA's name.
            code: the registration code.

        Returns:
            The certificate's file, PEM.

        Raises:
            StateError: there is no such CA, or the code cannot be a common name.
        """
        file = self._ca_folder(ca) / "verification.pem"
        try:
            issued = self.ca(ca).issue_verification(code)
        except ValueError as error:
            raise StateError(f"{code!r} cannot be a common name: {error}") from error
        with explained(file):
            file.write_text(issued.pem)
        return file

    def ca(self, name: str) -> CertificateAuthority:
        """Take up a CA made earlier.

        Args:
            name: the CA's name.

        Raises:
            StateError: there is none, or its files cannot be read.
        """
        pair = KeyPair.in_folder(self._ca_folder(name))
        if not pair.key_file.exists():
            raise StateError(
                f"there is no CA {name!r} in {self.path}: make it with `pki ca {name}`"
            )
        return load(pair)

    def _ca_folder(self, name: str) -> Path:
        return self.path / "pki" / _checked(name)

    def _new(self, pair: KeyPair, issued: IssuedCertificate) -> KeyPair:
        self.prepare()
        if pair.key_file.exists():
            raise StateError(f"{pair.key_file.parent} exists already; delete it or choose a name")
        with explained(pair.key_file):
            write(pair, issued)
        return pair


def _ignore_all(file: Path) -> None:
    """Keep private keys out of git; a file that a full disk has left empty keeps nothing out."""
    if file.exists() and file.stat().st_size:
        return
    draft = file.with_name(f"{file.name}-{secrets.token_hex(4)}")
    try:
        draft.write_text("*\n")
        draft.replace(file)
    finally:
        draft.unlink(missing_ok=True)


def _existing(pair: KeyPair) -> KeyPair:
    if not pair.key_file.exists():
        raise StateError(f"there is nothing in {pair.key_file.parent}")
    return pair


def _checked(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise StateError(
            f"{name!r} cannot be a name: use up to 64 letters, digits and . _ @ -,"
            " the first one a letter or digit"
        )
    return name


def _still_good(pair: KeyPair, ca: KeyPair, names: Sequence[str]) -> bool:
    if not (pair.key_file.exists() and ca.certificate_file.exists()):
        return False
    trusted = pair.chain_file.read_text().endswith(ca.certificate_file.read_text())
    certificate = x509.load_pem_x509_certificate(pair.certificate_file.read_bytes())
    value = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    covered = {str(name.value) for name in value}
    fresh = certificate.not_valid_after_utc > datetime.now(UTC) + _RENEW_BEFORE
    return trusted and fresh and covered.issuperset(names)


@contextlib.contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Let nobody replace the server's pair while another process takes it for still good."""
    with (folder / "lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
