"""What the model of the registry holds, and what it knows of the certificates there are."""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Facts:
    """What is known of a certificate: its `Sn`, common name, text and validity, milliseconds."""

    sn: str
    name: str
    pem: str
    begin: int
    end: int


@dataclass(frozen=True)
class Proof:
    """Who made a verification certificate, and which code it bears."""

    ca_pem: str
    code: str


@dataclass
class Known:
    """The certificates there are, by their text."""

    cas: dict[str, Facts] = field(default_factory=dict)
    proofs: dict[str, Proof] = field(default_factory=dict)


@dataclass
class Ca:
    """A registered CA certificate."""

    instance: str
    name: str
    facts: Facts
    verification: str
    code: str
    status: int = 1

    def record(self) -> dict[str, str]:
        """Write it as GetCaCertificate shows it."""
        return {
            "Sn": self.facts.sn,
            "CaName": self.name,
            "CaContent": self.facts.pem,
            "VerificationContent": self.verification,
            "RegistrationCode": self.code,
            "Status": str(self.status),
            "ValidBegin": str(self.facts.begin),
            "ValidEnd": str(self.facts.end),
        }


@dataclass
class Device:
    """A registered device certificate."""

    ca: Ca
    facts: Facts
    status: int = 1

    def record(self) -> dict[str, str]:
        """Write it as GetDeviceCertificate shows it."""
        return {
            "CaSn": self.ca.facts.sn,
            "DeviceSn": self.facts.sn,
            "DeviceName": self.facts.name,
            "DeviceContent": self.facts.pem,
            "Status": str(self.status),
            "ValidBegin": str(self.facts.begin),
            "ValidEnd": str(self.facts.end),
        }
