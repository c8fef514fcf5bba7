"""The kit of odd certificates: each is odd as it says, and in no other way that OpenSSL minds."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from certgate_certs.authority import CertificateAuthority
from certgate_certs.builder import KeyType
from certgate_certs.chain import MAX_PRESENTED
from certgate_certs.odd import KINDS, OddCase, OddKind
from certgate_certs.odd.der import pem
from certgate_certs.possession import examine_ca, examine_proof
from certgate_certs.view import CertificateView
from certs.odd import openssl, tlv

EVERY_KIND = pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
CLIENT, SERVER = "TLS Web Client Authentication", "TLS Web Server Authentication"
# These lead to their CA well enough; it is certgate that does not go so far, or TLS.
NOT_FOLLOWED = {"chain-crowded", "ec-p224"}


@pytest.fixture(scope="module", params=list(KeyType))
def made(request: pytest.FixtureRequest) -> "Maker":
    """Give cases below a CA with either kind of key."""
    return Maker(CertificateAuthority.create_root("maker", request.param))


class Maker:
    """Makes one case of a kind, and gives it again to whoever asks.

    Args:
        ca: issues them.
    """

    def __init__(self, ca: CertificateAuthority) -> None:
        self.ca = ca
        self._made: dict[str, OddCase] = {}

    def __getitem__(self, name: str) -> OddCase:
        if name not in self._made:
            self._made[name] = KINDS[name].make(self.ca, "lamp")
        return self._made[name]


def text_of(case: OddCase) -> str:
    """Let openssl write a device certificate out."""
    return openssl("x509", "-noout", "-text", "-nameopt", "RFC2253", given=case.device.pem)


def serial_of(der: bytes) -> str:
    """Let openssl name the serial number; it prints a negative one's magnitude after a minus."""
    return openssl("x509", "-noout", "-serial", given=pem(der)).strip().removeprefix("serial=")


def says(*words: str, never: str = "\0") -> Callable[[str], bool]:
    """Look for words in what openssl writes out, and for one that must not be there."""
    return lambda text: all(word in text for word in words) and never not in text


TEXTS = {
    "subject-no-cn": says("Subject: O=lamp\n"),
    "subject-san-only": says(
        "Subject: \n", "X509v3 Subject Alternative Name: critical", "DNS:lamp"
    ),
    "subject-long": says(*(f"OU={number:064}" for number in range(100)), "CN=lamp"),
    "subject-emoji": says("Subject: CN=lamp \\F0\\9F\\92\\A1"),
    "subject-nul": says("Subject: CN=lamp\\00.example"),
    "eku-missing": says("X509v3 Key Usage", never="Extended Key Usage"),
    "eku-any": says("Any Extended Key Usage", never=CLIENT),
    "eku-server-only": says(SERVER, never=CLIENT),
    "leaf-is-ca": says("CA:TRUE", CLIENT),
    "rsa-1024": says("(1024 bit)"),
    "rsa-2048": says("(2048 bit)"),
    "rsa-4096": says("(4096 bit)"),
    "ec-p224": says("secp224r1"),
    "ec-p256": says("prime256v1"),
    "ec-p384": says("secp384r1"),
    "ed25519": says("ED25519 Public-Key"),
}


@EVERY_KIND
def test_openssl_follows_the_chain(kind: OddKind, made: Maker, tmp_path: Path) -> None:
    """OpenSSL finds the way to the CA that answers, and none where none does."""
    case = made[kind.name]
    trusted = case.cas[0] if case.judge is None else case.judge
    files = {"leaf": case.device.pem, "sent": case.device.chain_pem, "trusted": trusted.pem}
    for name, content in files.items():
        (tmp_path / name).write_text(content)
    command = ["openssl", "verify", "-partial_chain", "-no_check_time", "-auth_level", "0"]
    trust = ["-trusted", str(tmp_path / "trusted"), "-untrusted", str(tmp_path / "sent")]
    ended = subprocess.run(
        [*command, *trust, str(tmp_path / "leaf")], capture_output=True, check=False
    )
    leads = case.judge is not None or kind.name in NOT_FOLLOWED
    assert (ended.returncode == 0) is leads, ended.stderr


@EVERY_KIND
def test_key_is_the_certificates(kind: OddKind, made: Maker) -> None:
    """The private key belongs to the certificate, and PEM is as openssl writes it."""
    device = made[kind.name].device
    of_certificate = openssl("x509", "-noout", "-pubkey", given=device.pem)
    assert openssl("pkey", "-pubout", given=device.key_pem) == of_certificate
    assert openssl("x509", given=device.pem) == device.pem
    assert device.chain_pem == device.pem + "".join(map(pem, device.sent))


@EVERY_KIND
@pytest.mark.parametrize("name", ["a" * 64, "9._@-"])
def test_any_name_of_a_folder(kind: OddKind, name: str) -> None:
    """Every kind takes a name of 64 characters, and any that can be a folder's."""
    device = kind.make(CertificateAuthority.create_root("maker"), name).device
    assert openssl("x509", given=device.pem) == device.pem


@EVERY_KIND
def test_cas_can_be_registered(kind: OddKind, made: Maker) -> None:
    """Whatever has to be registered proves possession of its key, and has its own serial number."""
    case = made[kind.name]
    for each in case.cas:
        proof = each.issue_verification("code").view
        assert examine_ca(each.issued.view) == []
        assert examine_proof(each.issued.view, proof, "code") == []
    assert len({each.issued.view.sn for each in case.cas}) == len(case.cas)
    assert set(case.inactive) <= set(case.cas)


@pytest.mark.parametrize("name", TEXTS)
def test_odd_as_it_says(name: str, made: Maker) -> None:
    """OpenSSL reads in the certificate what its kind promises."""
    text = text_of(made[name])
    assert TEXTS[name](text), text


@pytest.mark.parametrize(
    ("name", "length", "pattern"),
    [
        ("serial-high-bit", 8, "F2"),
        ("serial-leading-zero", 8, "0A"),
        ("serial-1-octet", 1, ""),
        ("serial-20-octets", 20, "7F"),
        ("serial-21-octets", 21, "7F"),
        ("serial-zero", 1, "00"),
        ("serial-negative", 8, "-0D"),
    ],
)
def test_serial_number(name: str, length: int, pattern: str, made: Maker) -> None:
    """OpenSSL reads a serial number of the promised kind and length."""
    serial = serial_of(made[name].device.der)
    assert serial.startswith(pattern)
    assert len(serial.removeprefix("-")) == 2 * length


@pytest.mark.parametrize("name", ["serial-twice", "serial-two-cas"])
def test_same_serial_number(name: str, made: Maker) -> None:
    """The device that connects first has the same serial number, and is another certificate."""
    case = made[name]
    assert case.before is not None
    assert serial_of(case.before.der) == serial_of(case.device.der)
    assert case.before.der != case.device.der


def test_sha1(made: Maker) -> None:
    """Both places that name the signature's algorithm say SHA-1."""
    text = text_of(made["sha1-signed"]).lower()
    named = [line for line in text.splitlines() if "signature algorithm" in line]
    assert [("sha1" in line) for line in named] == [True, True]


def test_bmp_string(made: Maker) -> None:
    """The common name is a BMPString (tag 1e): two octets a character, big endian."""
    case = made["subject-bmp-string"]
    assert tlv(0x1E, "lamp \u200f\u05e0\u05d5\u05e8\u05d4".encode("utf-16-be")) in case.device.der


@pytest.mark.parametrize(
    ("name", "sent"),
    [
        ("chain-leaf-only", []),
        ("chain-intermediate", ["lamp intermediate 1"]),
        ("chain-root", ["lamp intermediate 1", "maker"]),
        ("chain-wrong-order", ["maker", "lamp intermediate 1"]),
        ("chain-strangers", ["stranger 1", "lamp intermediate 1", "stranger 1", "stranger 2"]),
        ("chain-missing", []),
        ("chain-deep", ["lamp intermediate 2", "lamp intermediate 1"]),
        ("intermediate-registered", []),
    ],
)
def test_what_is_sent(name: str, sent: list[str], made: Maker) -> None:
    """The client sends what the kind says, in that order."""
    device = made[name].device
    assert [CertificateView.from_der(der).common_name for der in device.sent] == sent


def test_crowded(made: Maker) -> None:
    """The intermediate comes right after the last certificate that is looked at."""
    device = made["chain-crowded"].device
    names = [CertificateView.from_der(der).common_name for der in device.sent]
    assert names[MAX_PRESENTED:] == ["lamp intermediate 1"]


def test_subjects_and_keys_of_the_cas(made: Maker) -> None:
    """Twins share a subject and no key; a renewed CA shares both."""
    twins = [each.issued.view for each in made["ca-same-subject"].cas]
    renewed = [each.issued.view for each in made["ca-renewed"].cas]
    for views, keys in ((twins, 2), (renewed, 1)):
        assert len({view.subject_der for view in views}) == 1
        assert len({view.public_key_der for view in views}) == keys
    (bare,) = made["ca-no-key-usage"].cas
    assert "Key Usage" not in openssl("x509", "-noout", "-text", given=bare.pem)


def test_dates(made: Maker) -> None:
    """One has expired, one is not valid yet, and of one only the intermediate has expired."""
    now = made.ca.issued.view.not_before + 3_600_000
    views = {
        name: CertificateView.from_der(made[name].device.der)
        for name in ("expired", "not-yet-valid", "intermediate-expired")
    }
    (middle,) = made["intermediate-expired"].device.sent
    assert views["expired"].not_after < now
    assert views["not-yet-valid"].not_before > now
    assert views["intermediate-expired"].not_after > now
    assert CertificateView.from_der(middle).not_after < now
