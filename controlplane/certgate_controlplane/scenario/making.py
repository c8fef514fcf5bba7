"""Make the certificates that a scenario written by hand leaves out.

What was made once is taken up again: whoever loads a scenario a second time finds the devices with
the keys they had.
"""

import secrets
import uuid
from dataclasses import dataclass, replace
from datetime import datetime

from cryptography import x509

from certgate_certs.builder import as_pem
from certgate_controlplane.key_files import KeyPair, StateError
from certgate_controlplane.scenario.checking import certificate_at
from certgate_controlplane.scenario.document import CaEntry, DeviceEntry, Scenario
from certgate_controlplane.scenario.errors import ScenarioError
from certgate_controlplane.scenario.files import file_name
from certgate_controlplane.state import StateDirectory

_MOST = 10_000
_DIGITS = 16


@dataclass(frozen=True, slots=True)
class Maker:
    """Makes certificates in a state directory.

    Attributes:
        state: the state directory.
        now: the lab's time, from which new certificates are valid.
    """

    state: StateDirectory
    now: datetime

    def complete(self, scenario: Scenario) -> Scenario:
        """Give every CA and every device its certificate.

        Args:
            scenario: as its file says it.

        Raises:
            ScenarioError: a certificate is missing and cannot be made.
        """
        missing = sum(device.certificate is None for ca in scenario.cas for device in ca.devices)
        if missing > _MOST:
            raise ScenarioError(f"the scenario wants {missing} devices made, {_MOST} are possible")
        return replace(scenario, cas=tuple(map(self._ca, scenario.cas)))

    def _ca(self, entry: CaEntry) -> CaEntry:
        if entry.certificate is None:
            entry = self._made_ca(entry)
        devices = entry.devices
        if any(device.certificate is None for device in devices):
            self._require_key(entry)
            devices = tuple(self._device(entry, device) for device in devices)
        return replace(entry, devices=devices)

    def _made_ca(self, entry: CaEntry) -> CaEntry:
        name = file_name(entry.name, f"{entry.place}.name")
        try:
            if not self._pair(name).key_file.exists():
                self.state.new_ca(name, now=self.now)
            authority = self.state.ca(name)
        except StateError as error:
            raise ScenarioError.at(entry.place, f"its CA cannot be made: {error}") from error
        code = f"{uuid.uuid4()}{secrets.randbelow(10**_DIGITS):0{_DIGITS}d}"
        proof = authority.issue_verification(code)
        return replace(entry, certificate=authority.pem, verification=proof.pem)

    def _require_key(self, entry: CaEntry) -> None:
        """See that the CA of the state directory is the one that is meant."""
        name = file_name(entry.name, f"{entry.place}.name")
        meant = certificate_at(f"{entry.place}.certificate", entry.certificate)
        try:
            found = self.state.ca(name).issued.view
        except StateError as error:
            raise ScenarioError.at(
                entry.place, f"its devices without a certificate cannot be made: {error}"
            ) from error
        if found.der != meant.der:
            raise ScenarioError.at(
                entry.place,
                "its devices without a certificate cannot be made: the CA of that name in"
                f" {self.state.path} is another one",
            )

    def _device(self, ca: CaEntry, entry: DeviceEntry) -> DeviceEntry:
        if entry.certificate is not None:
            return entry
        name = file_name(entry.name or "", f"{entry.place}.name")
        pair = self._pair(ca.name, "devices", name)
        try:
            if not pair.key_file.exists():
                self.state.new_device(name, ca.name, now=self.now)
            leaf, *above = x509.load_pem_x509_certificates(pair.chain_file.read_bytes())
        except (StateError, OSError, ValueError) as error:
            raise ScenarioError.at(entry.place, f"it cannot be made: {error}") from error
        return replace(entry, certificate=as_pem(leaf), chain=tuple(map(as_pem, above)))

    def _pair(self, *folders: str) -> KeyPair:
        return KeyPair.in_folder(self.state.path.joinpath("pki", *folders))
