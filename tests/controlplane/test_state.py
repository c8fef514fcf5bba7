"""The state directory: what is made once, what is made anew, and who may share it."""

import errno
import ipaddress
import ssl
import stat
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509

from certgate_certs.authority import CertificateAuthority
from certgate_certs.issued import IssuedCertificate
from certgate_controlplane.key_files import KeyPair, StateError
from certgate_controlplane.state import StateDirectory

NAMES = ["localhost", "127.0.0.1", "::1"]
PROCESSES = 8

# What several processes do at once: take the server's pair and use it, as a broker does.
TAKE_AND_USE = """
import pathlib, ssl, sys
from certgate_controlplane.state import StateDirectory
state = StateDirectory(pathlib.Path(sys.argv[1]))
state.prepare()
print(flush=True)
sys.stdin.readline()
pair = state.server(["localhost"])
ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(pair.chain_file, pair.key_file)
print(pair.chain_file.read_text().endswith(state.server_ca_file.read_text()))
"""


@pytest.fixture
def state(tmp_path: Path) -> StateDirectory:
    """Give a state directory that is prepared."""
    directory = StateDirectory(tmp_path / "state")
    directory.prepare()
    return directory


def certificate(pair: KeyPair) -> x509.Certificate:
    """Read a pair's certificate."""
    return x509.load_pem_x509_certificate(pair.certificate_file.read_bytes())


def assert_usable(pair: KeyPair) -> None:
    """Assert that the standard library's server takes the pair."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pair.chain_file, pair.key_file)


def server_authority(state: StateDirectory) -> CertificateAuthority:
    """Take up the CA that issues the server's certificate."""
    files = KeyPair.in_folder(state.server_ca_file.parent)
    return CertificateAuthority.load(files.chain_file.read_text(), files.key_file.read_text())


def put(pair: KeyPair, issued: IssuedCertificate) -> None:
    """Put another certificate in a pair's place."""
    pair.certificate_file.write_text(issued.pem)
    pair.chain_file.write_text(issued.chain_pem)
    pair.key_file.write_text(issued.key_pem)


class TestServerCertificate:
    """When the server's certificate stays and when it is made anew."""

    def test_is_for_the_names(self, state: StateDirectory) -> None:
        """DNS names are DNS names, addresses are addresses; the CA that issued it is kept."""
        pair = state.server(NAMES)
        extensions = certificate(pair).extensions
        names = extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        assert names.get_values_for_type(x509.DNSName) == ["localhost"]
        assert names.get_values_for_type(x509.IPAddress) == [
            ipaddress.ip_address("127.0.0.1"),
            ipaddress.ip_address("::1"),
        ]
        root = x509.load_pem_x509_certificate(state.server_ca_file.read_bytes())
        certificate(pair).verify_directly_issued_by(root)
        assert_usable(pair)
        assert stat.S_IMODE(pair.key_file.stat().st_mode) == 0o600

    @pytest.mark.parametrize("names", [NAMES, NAMES[:1], list(reversed(NAMES))])
    def test_stays_while_it_covers_the_names(self, state: StateDirectory, names: list[str]) -> None:
        """For the same names, or fewer, it stays."""
        before = certificate(state.server(NAMES))
        assert certificate(state.server(names)) == before

    def test_is_made_anew_for_another_name(self, state: StateDirectory) -> None:
        """For a further name it is made anew, by the CA that devices trust already."""
        before = certificate(state.server(NAMES))
        root = state.server_ca_file.read_bytes()
        pair = state.server([*NAMES, "broker.example"])
        assert certificate(pair) != before
        assert state.server_ca_file.read_bytes() == root
        assert_usable(pair)

    @pytest.mark.parametrize(("days", "stays"), [(29, False), (31, True)])
    def test_is_made_anew_before_it_expires(
        self, state: StateDirectory, days: int, stays: bool
    ) -> None:
        """With less than 30 days left it is made anew."""
        pair = state.server(NAMES)
        short = server_authority(state).issue_server(NAMES, days=days)
        put(pair, short)
        assert (certificate(state.server(NAMES)) == short.certificate) is stays
        left = certificate(state.server(NAMES)).not_valid_after_utc - datetime.now(UTC)
        assert left > timedelta(days=30)

    def test_is_made_anew_where_its_ca_is_gone(self, state: StateDirectory) -> None:
        """Devices are never told to trust a CA that is not there, or another one."""
        state.server(NAMES)
        for file in (state.path / "server-ca").iterdir():
            file.unlink()
        (state.path / "server-ca").rmdir()
        pair = state.server(NAMES)
        root = x509.load_pem_x509_certificate(state.server_ca_file.read_bytes())
        certificate(pair).verify_directly_issued_by(root)

    @pytest.mark.parametrize("file", ["server/certificate.pem", "server-ca/key.pem"])
    def test_garbage_is_named(self, state: StateDirectory, file: str) -> None:
        """Files that cannot be read are a sentence, not a traceback."""
        state.server(NAMES)
        (state.path / file).write_text("garbage")
        with pytest.raises(StateError, match="cannot be"):
            state.server([*NAMES, "broker.example"])

    def test_certificate_without_names_is_named(self, state: StateDirectory) -> None:
        """A certificate that somebody else put there, for no names, is a sentence too."""
        pair = state.server(NAMES)
        put(pair, server_authority(state).issue_device("foreign"))
        with pytest.raises(StateError, match=r"what is in .* cannot be used"):
            state.server(NAMES)

    @pytest.mark.parametrize("name", ["bücher.example", "a\u0100"])
    def test_name_cannot_be_in_a_certificate(self, state: StateDirectory, name: str) -> None:
        """A name that no certificate can hold is refused."""
        with pytest.raises(StateError):
            state.server([*NAMES, name])


def test_processes_that_start_at_once_agree(tmp_path: Path) -> None:
    """However many processes make the server's certificate at once, each can use what it gets."""
    for turn in range(3):
        command = [sys.executable, "-c", TAKE_AND_USE, str(tmp_path / f"state-{turn}")]
        pipe = subprocess.PIPE
        running = [
            subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, text=True)
            for _ in range(PROCESSES)
        ]
        for process in running:
            assert process.stdout is not None
            process.stdout.readline()
        for process in running:
            assert process.stdin is not None
            process.stdin.write("\n")
            process.stdin.flush()
        ends = [process.communicate(timeout=30) for process in running]
        assert ends == [("True\n", "")] * PROCESSES
        names = {file.name for file in (tmp_path / f"state-{turn}").iterdir()}
        assert names == {".gitignore", "lock", "server", "server-ca"}


def test_faster_process_wins(state: StateDirectory, monkeypatch: pytest.MonkeyPatch) -> None:
    """A CA that another process finishes in the meantime stays; the slower one takes it up."""
    made: list[bytes] = []

    def be_slow(_: int) -> str:
        if not made:
            made.append(b"")
            made[0] = state.new_ca("maker").key_file.read_bytes()
        return f"draft-{len(made[0])}"

    monkeypatch.setattr("certgate_controlplane.key_files.secrets.token_hex", be_slow)
    assert state.new_ca("maker").key_file.read_bytes() == made[0]
    assert [file.name for file in (state.path / "pki").iterdir()] == ["maker"]


def test_half_a_pair_in_the_way(state: StateDirectory) -> None:
    """A folder of that name that holds something else is named and left alone."""
    folder = state.path / "pki" / "maker"
    folder.mkdir(parents=True)
    (folder / "notes").touch()
    with pytest.raises(StateError, match=r"key\.pem cannot be used"):
        state.new_ca("maker")
    assert [file.name for file in folder.parent.rglob("*")] == ["maker", "notes"]


def swap_key(state: StateDirectory) -> None:
    """Give the CA another one's key."""
    other = state.new_ca("other").key_file
    other.replace(state.path / "pki" / "maker" / "key.pem")


def forget_chain(state: StateDirectory) -> None:
    """Take the CA's chain away."""
    (state.path / "pki" / "maker" / "chain.pem").unlink()


@pytest.mark.parametrize("harm", [swap_key, forget_chain])
def test_ca_that_cannot_be_read(
    state: StateDirectory, harm: Callable[[StateDirectory], None]
) -> None:
    """A CA whose files do not belong together, or are missing, is named."""
    state.new_ca("maker")
    harm(state)
    with pytest.raises(StateError, match=r"the CA in .*maker cannot be read"):
        state.new_device("lamp", "maker")


def test_own_ignore_file_stays(state: StateDirectory) -> None:
    """What somebody wrote into the directory's .gitignore stays."""
    (state.path / ".gitignore").write_text("# mine\n")
    state.prepare()
    assert (state.path / ".gitignore").read_text() == "# mine\n"


def test_empty_ignore_file_is_written_anew(state: StateDirectory) -> None:
    """One that a full disk has left empty would let private keys be committed."""
    (state.path / ".gitignore").write_text("")
    state.prepare()
    assert (state.path / ".gitignore").read_text() == "*\n"


def test_ignore_file_is_whole_or_absent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where it cannot be written nothing is left, and the next start writes it."""
    state = StateDirectory(tmp_path / "state")

    def fill_up(path: Path, _: str) -> None:
        path.touch()
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(Path, "write_text", fill_up)
        with pytest.raises(StateError, match="cannot be used: No space left"):
            state.prepare()
    assert list(state.path.iterdir()) == []
    state.prepare()
    assert [file.read_text() for file in state.path.iterdir()] == ["*\n"]


def test_verification_cannot_be_written(state: StateDirectory) -> None:
    """A verification file that is in the way as a folder is named."""
    state.new_ca("maker")
    (state.path / "pki" / "maker" / "verification.pem").mkdir()
    with pytest.raises(StateError, match=r"verification\.pem cannot be used"):
        state.verification("maker", "code")
