"""A registry behind the API, the model beside it, and the comparison of the two."""

import contextlib
import json
import sqlite3
import tempfile
from collections.abc import AsyncIterator
from dataclasses import dataclass
from functools import cache
from itertools import count
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from certgate_certs.authority import CertificateAuthority
from certgate_certs.builder import ca_extensions
from certgate_certs.issued import IssuedCertificate
from certgate_certs.registry import Registry
from certgate_controlplane.api import create_app
from certgate_controlplane.catalogue import OPERATIONS
from certgate_controlplane.context import Context, Limits
from controlplane.access.kit import OWNERS, Clock, gate
from controlplane.harness import Driver, Reply
from proofs.records import Facts, Known, Proof
from proofs.registry_model import Model

CERTIFICATE_OPERATIONS = sorted(name for name in OPERATIONS if "Certificate" in name)
MOST = 2
_GENERAL = {
    "ApiNotSupport": {404},
    "IncompleteSignature": {400},
    "InstancePermissionCheckFailed": {400},
    "InvalidAccessKeyId.Inactive": {400},
    "InvalidAccessKeyId.NotFound": {404},
    "InvalidAction.NotFound": {404},
    "InvalidSecurityToken.MismatchWithAccessKey": {400},
    "InvalidTimeStamp.Expired": {400},
    "InvalidTimeStamp.Format": {400},
    "InvalidVersion": {400},
    "ParameterCheckFailed": {400},
    "PermissionCheckFailed": {400, 403},
    "SignatureDoesNotMatch": {400},
    "SignatureNonceUsed": {400},
    "Throttling.User": {400},
    "UnsupportedHTTPMethod": {405},
    "Forbidden.ForeignHost": {403},
    "Forbidden.ForeignOrigin": {403},
}
_PAGES = {  # The one 5xx that a page prints is 500; InternalError is on none of them.
    "CaNumExceed": {500},
    "CertificateContentError": {500},
    "FindCaBySnError": {500},
    "FindDeviceBySnError": {500},
    "MqttInstanceNotFound": {500},
    "MqttOwnerCheckError": {400, 403, 500},
    "ParameterFieldCheckFailed": {400, 500},
    "RegisterCodeError": {500},
    "RegisterCodeUsed": {500},
    "SnNotUnique": {500},
}
DOCUMENTED = _GENERAL | _PAGES
"""The statuses that the pages print for each code, the operations' own pages before the others."""
_MEMBERS = {"RequestId", "HostId", "Code", "Message", "Recommend"}


@dataclass(frozen=True)
class Pool:
    """Certificates made once: CAs, the last with the first one's serial number, and devices."""

    cas: tuple[CertificateAuthority, ...]
    devices: tuple[IssuedCertificate, ...]


@cache
def pool() -> Pool:
    """Make the certificates."""
    cas = [CertificateAuthority.create_root(f"CA {number}") for number in range(4)]
    devices = [ca.issue_device(f"sensor {number}") for number, ca in enumerate([*cas, cas[0]])]
    return Pool((*cas, _twin(cas[0])), tuple(devices))


def _twin(of: CertificateAuthority) -> CertificateAuthority:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "Twin")])
    builder = x509.CertificateBuilder(name, name, key.public_key(), of.certificate.serial_number)
    builder = builder.not_valid_before(of.certificate.not_valid_before_utc)
    builder = builder.not_valid_after(of.certificate.not_valid_after_utc)
    for extension, critical in ca_extensions(key.public_key(), None, path_length=None):
        builder = builder.add_extension(extension, critical)
    return CertificateAuthority(IssuedCertificate(builder.sign(key, hashes.SHA256()), key))


@cache
def facts_of(issued: IssuedCertificate) -> Facts:
    """Tell of a certificate what the model knows, read past certgate."""
    certificate = issued.certificate
    number = certificate.serial_number
    (name,) = certificate.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)
    return Facts(
        number.to_bytes(number.bit_length() // 8 + 1, "big").hex(),
        str(name.value),
        issued.pem,
        int(certificate.not_valid_before_utc.timestamp() * 1000),
        int(certificate.not_valid_after_utc.timestamp() * 1000),
    )


class World:
    """A registry, the application over it without and with keys, and the model.

    Args:
        registry: new and empty.
        path: its file.
    """

    def __init__(self, registry: Registry, path: Path) -> None:
        self.registry = registry
        self._plain = sqlite3.connect(path)
        self.nonces = count()
        self.known = Known(cas={ca.pem: facts_of(ca.issued) for ca in pool().cas})
        for ca in pool().cas:
            self.known.proofs[ca.pem] = Proof(ca.pem, facts_of(ca.issued).name)
        self.model = Model(self.known, OWNERS.keys(), MOST)
        context = Context(registry, frozenset(OWNERS), Limits(cas_per_instance=MOST))
        self.open = Driver(create_app(context))
        self.signed = Driver(create_app(context, gate=gate(Clock())))

    def prove(self, ca: CertificateAuthority, code: str) -> str:
        """Make a verification certificate."""
        pem = ca.issue_verification(code).pem
        self.known.proofs[pem] = Proof(ca.pem, code)
        return pem

    def learn(self, code: str) -> None:
        """Tell the model of a code that came with an answer; the registry says for whom it is."""
        sql = "SELECT instance_id FROM registration_code WHERE code = ? AND used = 0"
        ((instance,),) = self._plain.execute(sql, (code,)).fetchall()
        self.model.learn(code, instance)

    def ca_id(self, sn: int) -> int:
        """Look up the number of a CA's registration, 0 where there is none, past certgate."""
        found = self._plain.execute("SELECT id, sn FROM ca_certificate").fetchall()
        return next((number for number, text in found if int(text, 16) == sn), 0)

    def device_id(self, ca_id: int, sn: str) -> int:
        """Look up the number of a device's registration past certgate."""
        sql = "SELECT id FROM device_certificate WHERE ca_id = ? AND sn = ?"
        (row,) = self._plain.execute(sql, (ca_id, sn)).fetchall()
        return int(row[0])

    def assert_as_modelled(self) -> None:
        """Compare every row with the model."""
        cas = [
            (ca.instance, ca.facts.sn, ca.name, ca.status, ca.facts.pem, ca.verification, ca.code)
            for ca in self.model.cas.values()
        ]
        assert cas == self._rows(
            "SELECT instance_id, sn, name, status, content, verification, registration_code"
            " FROM ca_certificate ORDER BY id"
        )
        devices = [
            (each.ca.facts.sn, each.facts.sn, each.facts.name, each.status)
            for each in self.model.devices.values()
        ]
        joined = "device_certificate AS d JOIN ca_certificate AS c ON c.id = d.ca_id"
        assert devices == self._rows(
            f"SELECT c.sn, d.sn, d.name, d.status FROM {joined} ORDER BY d.id"
        )
        assert self._bindings() == self._rows(
            "SELECT i.instance_id, i.client_id, c.sn, d.sn FROM client_identifier AS i"
            f" LEFT JOIN ({joined}) ON d.id = i.device_id ORDER BY i.id"
        )
        codes = sorted((code, where, int(used)) for code, (where, used) in self.model.codes.items())
        assert codes == self._rows("SELECT code, instance_id, used FROM registration_code")

    def tamper(self, sql: str) -> None:
        """Change the registry behind everybody's back."""
        with self._plain:
            self._plain.execute(sql)

    def _bindings(self) -> list[tuple[object, ...]]:
        devices = self.model.devices
        return [
            (*name, devices[key].ca.facts.sn, devices[key].facts.sn)
            for name, key in self.model.clients.items()
        ]

    def _rows(self, sql: str) -> list[tuple[object, ...]]:
        return self._plain.execute(sql).fetchall()

    def close(self) -> None:
        """Let go of the file."""
        self._plain.close()


@contextlib.asynccontextmanager
async def new_world() -> AsyncIterator[World]:
    """Open a world for the length of the block."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "registry.db"
        registry = await Registry.open(path)
        world = World(registry, path)
        try:
            yield world
        finally:
            world.close()
            await registry.close()


def assert_documented(reply: Reply) -> str:
    """Check that an answer is one that the pages have; give its code, "" for success."""
    assert reply.headers["content-type"] == "application/json;charset=utf-8"
    assert b"Traceback" not in reply.raw
    assert b".py" not in reply.raw
    body = json.loads(reply.raw)
    if reply.status == 200:
        assert "RequestId" in body
        assert "Message" not in body or body["Message"] == "operation success."
        return ""
    assert body.keys() == _MEMBERS
    assert all(isinstance(member, str) for member in body.values())
    code = str(body["Code"])
    allowed = {400} if code.startswith("Missing") else DOCUMENTED[code]
    assert reply.status in allowed, (reply.status, code)
    return code
