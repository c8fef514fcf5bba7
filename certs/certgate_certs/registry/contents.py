"""What a scenario holds: certificates, client identifiers, registration codes and the clock."""

from dataclasses import dataclass

from certgate_certs.rows import Status


@dataclass(frozen=True, slots=True)
class HeldDevice:
    """A registered device certificate with what belongs to it.

    Attributes:
        der: the certificate.
        status: active or inactive.
        chain: DER of the certificates between it and its CA, one after the other.
        client_ids: the client identifiers it owns.
    """

    der: bytes
    status: Status = Status.ACTIVE
    chain: bytes = b""
    client_ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class HeldCa:
    """A registered CA certificate with the devices registered under it.

    Attributes:
        instance_id: the instance it is registered with.
        name: the name it was registered by.
        status: active or inactive.
        content: its PEM text as registered.
        verification: the verification certificate's PEM text as registered.
        registration_code: the code the verification certificate bears.
        devices: in the order of their registration.
    """

    instance_id: str
    name: str
    status: Status
    content: str
    verification: str
    registration_code: str
    devices: tuple[HeldDevice, ...] = ()


@dataclass(frozen=True, slots=True)
class HeldCode:
    """A registration code that no registered CA certificate bears.

    Attributes:
        code: the code.
        instance_id: the instance it was handed out for.
        used: a CA certificate that is gone used it up.
    """

    code: str
    instance_id: str
    used: bool = False


@dataclass(frozen=True, slots=True)
class Contents:
    """What a scenario holds; a registry with nothing in it is `Contents()`.

    Attributes:
        cas: the CA certificates in the order of their registration.
        codes: the registration codes beside theirs, in alphabetical order.
        clock_offset_ms: how far the lab's clock is ahead, milliseconds; None says nothing of it.
    """

    cas: tuple[HeldCa, ...] = ()
    codes: tuple[HeldCode, ...] = ()
    clock_offset_ms: int | None = None
