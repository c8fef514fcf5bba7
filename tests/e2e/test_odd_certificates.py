"""Every kind of odd certificate over the wire: what becomes of it is what is written down."""

import ssl
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from certgate_certs.authority import CertificateAuthority
from certgate_certs.odd import KINDS, OddCase, OddDevice, OddKind
from certgate_certs.odd.der import pem
from e2e.support import Lab, Paho, knock, start_serve, wait_until

VERSIONS = {"TLSv1.2": ssl.TLSVersion.TLSv1_2, "TLSv1.3": ssl.TLSVersion.TLSv1_3}
ACCEPTED, NOT_AUTHORIZED = 0, 5
NO_CONNACK = {"handshake_failed", "no_client_certificate"}


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """Run a lab that takes as many CAs as there are kinds and more."""
    folder = tmp_path_factory.mktemp("odd")
    process = start_serve(folder / "state", "--max-cas", "1000")
    yield Lab(folder, [process])
    assert process.stop() == 0


class Stage:
    """One case, its CAs registered in a running lab.

    Args:
        lab: the lab.
        kind: the kind that a case is made of.
        label: tells this case from others of its kind.
    """

    def __init__(self, lab: Lab, kind: OddKind, label: str) -> None:
        ca = CertificateAuthority.create_root(f"{kind.name} {label} CA")
        self.lab, self.name = lab, f"{kind.name}-{label}"
        self.case: OddCase = kind.make(ca, self.name)
        names = {id(each): f"{self.name} {number}" for number, each in enumerate(self.case.cas)}
        self.sns = {id(each): lab.register(each, names[id(each)]) for each in self.case.cas}

    def write(self, device: OddDevice) -> tuple[Path, Path]:
        """Write what the device sends, and its key."""
        chain, key = self.lab.folder / f"{self.name}.pem", self.lab.folder / f"{self.name}.key"
        chain.write_text(device.chain_pem)
        key.write_text(device.key_pem)
        return chain, key

    def context(self, device: OddDevice, version: str | None = None) -> ssl.SSLContext:
        """Make a client that loads even what is weak, for one protocol version or any."""
        context = ssl.create_default_context(cafile=self.lab.ready["server_ca_file"])
        context.set_ciphers("DEFAULT@SECLEVEL=0")
        if version is not None:
            context.minimum_version = context.maximum_version = VERSIONS[version]
        context.load_cert_chain(*self.write(device))
        return context

    def prepare(self, version: str | None = None) -> None:
        """Do what has to be done before the device connects."""
        if self.case.before is not None:
            before = self.context(self.case.before, version)
            assert knock(before, self.lab.port, f"{self.name}-before") == ACCEPTED
        for ca in self.case.inactive:
            self.lab.inactivate(self.sns[id(ca)])

    def expected(self, kind: OddKind, version: str) -> dict[str, Any]:
        """Say what the decision record has to hold."""
        reasons = list(kind.reasons_with(version))
        judge = self.case.judge
        return {
            "accepted": not reasons,
            "reasons": reasons,
            "ca_sn": "" if judge is None else judge.issued.view.sn,
        }


def first_and_last(client_id: str) -> bytes:
    """Write CONNECT with a clean session, then DISCONNECT (MQTT 3.1.1, 3.1 and 3.14)."""
    name = client_id.encode()
    body = b"\0\x04MQTT\x04\x02\0\x3c" + len(name).to_bytes(2, "big") + name
    return bytes([0x10, len(body)]) + body + b"\xe0\0"


def latest(lab: Lab, seen: int) -> dict[str, Any]:
    """Wait for the one decision that is made after so many were."""
    wait_until(lambda: len(lab.decisions()) > seen, "the decision record")
    (record,) = lab.decisions()[seen:]
    return record


def told(record: dict[str, Any]) -> dict[str, Any]:
    """Give what the record says of the outcome."""
    return {key: record[key] for key in ("accepted", "reasons", "ca_sn")}


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_outcome(lab: Lab, kind: OddKind, version: str) -> None:
    """A device is admitted or refused as documented, and its record has the documented reasons."""
    stage = Stage(lab, kind, version)
    stage.prepare(version)
    seen = len(lab.decisions())
    code = knock(stage.context(stage.case.device, version), lab.port, stage.name)
    record = latest(lab, seen)
    assert told(record) == stage.expected(kind, version)
    reasons = set(kind.reasons_with(version))
    refusal = None if reasons & NO_CONNACK else NOT_AUTHORIZED
    assert code == (refusal if reasons else ACCEPTED)
    if code is not None:
        assert record["tls_version"] == version
        assert record["client_id"] == stage.name


@pytest.mark.parametrize(
    "name",
    ["serial-zero", "serial-twice", "subject-emoji", "ed25519", "rsa-4096", "chain-wrong-order"],
)
def test_outcome_with_paho(lab: Lab, name: str) -> None:
    """A client that people use meets the same outcome, and who is admitted gets its messages."""
    kind = KINDS[name]
    stage = Stage(lab, kind, "paho")
    stage.prepare()
    client = Paho(stage.context(stage.case.device), lab.port, stage.name, clean=True)
    if client.accepted:
        client.subscribe(f"odd/{name}")
        client.publish(f"odd/{name}", "hello")
        client.expect("hello")
    client.leave()
    assert client.accepted == (not kind.reasons)


@pytest.mark.parametrize(
    "name", ["chain-intermediate", "chain-root", "chain-wrong-order", "chain-strangers"]
)
def test_chain_with_openssl(lab: Lab, name: str) -> None:
    """`openssl s_client` sends the chain as it stands in the file, and the device is admitted."""
    stage = Stage(lab, KINDS[name], "openssl")
    leaf, key = stage.write(OddDevice(stage.case.device.der, stage.case.device.private_key))
    (sent := leaf.with_suffix(".sent")).write_text("".join(map(pem, stage.case.device.sent)))
    seen = len(lab.decisions())
    where = ["-connect", f"127.0.0.1:{lab.port}", "-CAfile", lab.ready["server_ca_file"]]
    who = ["-cert", str(leaf), "-cert_chain", str(sent), "-key", str(key)]
    ended = subprocess.run(
        ["openssl", "s_client", "-quiet", *where, *who],
        input=first_and_last(stage.name),
        capture_output=True,
        timeout=30,
        check=False,
    )
    assert ended.stdout == b"\x20\x02\0\0", ended.stderr
    assert told(latest(lab, seen)) == stage.expected(KINDS[name], "TLSv1.3")


def test_known_below_an_intermediate(lab: Lab) -> None:
    """A device that once sent its intermediate need not send it again."""
    stage = Stage(lab, KINDS["chain-intermediate"], "again")
    device = stage.case.device
    assert knock(stage.context(device), lab.port, stage.name) == ACCEPTED
    alone = OddDevice(device.der, device.private_key)
    assert knock(stage.context(alone), lab.port, stage.name) == ACCEPTED


def test_renewal_leaves_the_device_its_identifier(lab: Lab) -> None:
    """A device that connected under the older CA certificate keeps its client identifier."""
    stage = Stage(lab, KINDS["ca-renewed"], "identifier")
    seen = len(lab.decisions())
    context = stage.context(stage.case.device)
    assert knock(context, lab.port, stage.name) == ACCEPTED
    stage.prepare()
    assert knock(context, lab.port, stage.name) == ACCEPTED
    numbers = [record["ca_sn"] for record in lab.decisions()[seen:]]
    older, newer = (ca.issued.view.sn for ca in stage.case.cas)
    assert numbers == [older, newer]
