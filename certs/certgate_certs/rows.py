"""What the registry holds, as values."""

from dataclasses import dataclass
from enum import IntEnum, StrEnum


class Status(IntEnum):
    """State of a registered certificate; the numbers are the API's (``"0"``, ``"1"``)."""

    INACTIVE = 0
    ACTIVE = 1


@dataclass(frozen=True, slots=True)
class Issuer:
    """What a decision has to know of a registered CA certificate.

    Attributes:
        id: number of the registration.
        sn: serial number, `Sn` form.
        status: active or inactive.
        not_before: milliseconds since the epoch.
        not_after: milliseconds since the epoch.
    """

    id: int
    sn: str
    status: Status
    not_before: int
    not_after: int


@dataclass(frozen=True, slots=True)
class CaCertificate:
    """A registered CA certificate.

    Attributes:
        id: number of this registration; never used again after a deletion.
        instance_id: the instance it is registered with.
        sn: serial number in the API's `Sn` form.
        name: the `CaName` given at registration.
        status: active from registration on, until it is inactivated.
        der: the certificate.
        content: the PEM text as registered.
        verification: the verification certificate's PEM text as registered.
        registration_code: the code the verification certificate bears.
        not_before: milliseconds since the epoch.
        not_after: milliseconds since the epoch.
    """

    id: int
    instance_id: str
    sn: str
    name: str
    status: Status
    der: bytes
    content: str
    verification: str
    registration_code: str
    not_before: int
    not_after: int

    @property
    def issuer(self) -> Issuer:
        """What a decision has to know of it."""
        return Issuer(self.id, self.sn, self.status, self.not_before, self.not_after)


@dataclass(frozen=True, slots=True)
class DeviceCertificate:
    """A registered device certificate.

    Attributes:
        id: number of this registration; never used again after a deletion.
        ca_id: the registration of the CA that issued it.
        ca_sn: serial number of that CA certificate, `Sn` form.
        sn: serial number, `Sn` form.
        name: the subject's common name, or "".
        status: active from the first connection on, until it is inactivated.
        der: the certificate.
        not_before: milliseconds since the epoch.
        not_after: milliseconds since the epoch.
        subject: the subject as RFC 4514 text.
        subject_der: the subject, DER.
        chain: DER of the certificates between the device and its CA, one after the other; empty
            where the CA issued it directly.
    """

    id: int
    ca_id: int
    ca_sn: str
    sn: str
    name: str
    status: Status
    der: bytes
    not_before: int
    not_after: int
    subject: str
    subject_der: bytes
    chain: bytes


@dataclass(frozen=True, slots=True)
class Binding:
    """Which device certificate a client identifier belongs to.

    Attributes:
        id: number of the ownership; it stays when a newer certificate of the same device takes the
            identifier over, and is another one after the owner's record was deleted.
        device_id: the owner's registration.
        ca_id: the registration of the owner's CA.
        subject_der: the owner's subject.
        not_before: start of the owner's validity, milliseconds since the epoch.
    """

    id: int
    device_id: int
    ca_id: int
    subject_der: bytes
    not_before: int


@dataclass(frozen=True, slots=True)
class DecisionRecord:
    """One connection attempt and what became of it.

    Attributes:
        at: when it was decided, milliseconds since the epoch, the lab's clock.
        instance_id: the instance asked for.
        client_id: the MQTT client identifier, or "" where no CONNECT was read.
        remote_address: the peer, ``address:port``.
        tls_version: such as ``TLSv1.3``, or "" where no handshake was finished.
        resumed: the TLS session was resumed.
        subject: the device certificate's subject, or "".
        ca_sn: serial number of the registered CA it was judged by, or "".
        device_sn: the device certificate's serial number, or "".
        accepted: whether the client was admitted.
        reasons: why not, every finding; empty where accepted.
        detail: words of the TLS library where they say more than the reason, or "".
    """

    at: int
    instance_id: str
    client_id: str
    remote_address: str
    tls_version: str
    resumed: bool
    subject: str
    ca_sn: str
    device_sn: str
    accepted: bool
    reasons: tuple[str, ...]
    detail: str = ""


class Cause(StrEnum):
    """Why a connection lost its right to be open."""

    CA_INACTIVE = "ca_inactive"
    CA_DELETED = "ca_deleted"
    DEVICE_INACTIVE = "device_inactive"
    DEVICE_DELETED = "device_deleted"


@dataclass(frozen=True, slots=True)
class Closing:
    """A live connection that was closed because its right was withdrawn.

    Attributes:
        at: when, milliseconds since the epoch, the lab's clock.
        instance_id: the instance it was connected to.
        client_id: its client identifier.
        ca_sn: serial number of its CA, `Sn` form.
        device_sn: its own, `Sn` form.
        cause: what was withdrawn.
    """

    at: int
    instance_id: str
    client_id: str
    ca_sn: str
    device_sn: str
    cause: Cause


class Registration(StrEnum):
    """What came of registering a CA certificate."""

    DONE = "registered"
    CODE_UNKNOWN = "the registration code was not handed out for this instance"
    CODE_USED = "the registration code was used before"
    TOO_MANY = "the instance has as many CA certificates as it may have"
    SN_TAKEN = "a CA certificate with this serial number is registered already"
