"""See that a scenario brings in nothing that the lab's doors would refuse."""

from collections import Counter
from dataclasses import dataclass, field

from certgate_broker.decision import Leaf
from certgate_certs.chain import follow_chain
from certgate_certs.possession import examine_ca, examine_proof
from certgate_certs.registry import Contents, HeldCa, HeldCode, HeldDevice
from certgate_certs.serial_number import look_up_key
from certgate_certs.view import CertificateError, CertificateView
from certgate_controlplane.scenario.document import CaEntry, CodeEntry, DeviceEntry, Scenario
from certgate_controlplane.scenario.errors import ScenarioError


def check(scenario: Scenario, most_cas: int) -> Contents:
    """Make what a registry can hold of a scenario.

    CA certificates are held to what RegisterCaCertificate demands, with the difference that their
    registration codes count as handed out; device certificates to what a first connection demands,
    dates excepted, which are judged at each connection.

    Args:
        scenario: with every certificate in it.
        most_cas: CA certificates that an instance may have.

    Raises:
        ScenarioError: something in it would be refused.
    """
    seen = _Seen(most_cas)
    cas = tuple(_ca(entry, seen) for entry in scenario.cas)
    codes = sorted((_code(entry, seen) for entry in scenario.codes), key=lambda code: code.code)
    return Contents(cas, tuple(codes), scenario.clock_offset_ms)


def certificate_at(place: str, pem: str | None) -> CertificateView:
    """Read a certificate.

    Args:
        place: where it stands in the scenario.
        pem: PEM.

    Raises:
        ScenarioError: it is not exactly one certificate that can be read.
    """
    try:
        return CertificateView.from_pem(pem or "")
    except CertificateError as error:
        raise ScenarioError.at(place, str(error)) from error


@dataclass
class _Seen:
    """What may be there only once, or only so many times."""

    most_cas: int
    cas: Counter[str] = field(default_factory=Counter)
    places: dict[tuple[str, ...], str] = field(default_factory=dict)

    def once(self, place: str, what: str, *key: str) -> None:
        """Refuse a thing that was there before."""
        earlier = self.places.setdefault((what, *key), place)
        if earlier != place:
            raise ScenarioError.at(place, f"{what} is that of {earlier}")

    def count(self, entry: CaEntry) -> None:
        """Refuse a CA that is one too many for its instance."""
        self.cas[entry.instance_id] += 1
        if self.cas[entry.instance_id] > self.most_cas:
            raise ScenarioError.at(
                entry.place, f"an instance may have {self.most_cas} CA certificates"
            )


def _ca(entry: CaEntry, seen: _Seen) -> HeldCa:
    view = certificate_at(f"{entry.place}.certificate", entry.certificate)
    proof = certificate_at(f"{entry.place}.verification", entry.verification)
    for finding in (*examine_ca(view), *examine_proof(view, proof, proof.common_name)):
        raise ScenarioError.at(entry.place, finding)
    if not proof.common_name.strip():
        raise ScenarioError.at(entry.place, "the verification certificate bears no code")
    seen.count(entry)
    seen.once(entry.place, "the serial number", look_up_key(view.sn))
    seen.once(entry.place, "the registration code", proof.common_name)
    return HeldCa(
        entry.instance_id,
        entry.name,
        entry.status,
        entry.certificate or "",
        entry.verification or "",
        proof.common_name,
        tuple(_device(device, entry, view, seen) for device in entry.devices),
    )


def _device(entry: DeviceEntry, ca: CaEntry, issuer: CertificateView, seen: _Seen) -> HeldDevice:
    view = certificate_at(f"{entry.place}.certificate", entry.certificate)
    _refuse_unusable(view, entry)
    above = [
        certificate_at(f"{entry.place}.chain[{number}]", pem).der
        for number, pem in enumerate(entry.chain)
    ]
    paths = follow_chain(view, above, [issuer]).paths
    if not paths:
        raise ScenarioError.at(entry.place, "its certificate does not lead to this CA")
    seen.once(entry.place, "the serial number", ca.place, look_up_key(view.sn))
    for number, client_id in enumerate(entry.client_ids):
        place = f"{entry.place}.client_identifiers[{number}]"
        seen.once(place, "the client identifier", ca.instance_id, client_id)
    between = b"".join(paths[0].between)
    return HeldDevice(view.der, entry.status, between, tuple(sorted(entry.client_ids)))


def _refuse_unusable(view: CertificateView, entry: DeviceEntry) -> None:
    if entry.name is not None and entry.name != view.common_name:
        raise ScenarioError.at(
            f"{entry.place}.name",
            f"it is not the certificate's common name, {view.common_name[:64]!a}",
        )
    if not Leaf.from_view(view).usable:
        defects = "; ".join(view.defects) or "it is no certificate for a TLS client"
        raise ScenarioError.at(f"{entry.place}.certificate", defects)


def _code(entry: CodeEntry, seen: _Seen) -> HeldCode:
    seen.once(entry.place, "the registration code", entry.code)
    return HeldCode(entry.code, entry.instance_id, entry.used)
