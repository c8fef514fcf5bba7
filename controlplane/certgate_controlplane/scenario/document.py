"""A scenario as its file says it, with the place of everything for whoever finds fault with it."""

from collections.abc import Sequence
from dataclasses import dataclass

from certgate_certs.chain import MAX_PRESENTED
from certgate_certs.rows import Status
from certgate_controlplane.scenario.part import Part, parse

FORMAT = 1
"""The number of the file format; the member ``certgate`` of a scenario."""

LONGEST_IDENTIFIER = 65_535
"""Bytes of the longest string in an MQTT packet (MQTT 3.1.1, 1.5.3)."""

_LONGEST_NAME = 256
_LONGEST_CODE = 64  # What a common name can hold (X.520, ub-common-name).
_CENTURY_MS = 100 * 366 * 86_400_000
_HIGHEST_FORMAT = 999_999_999
_STATUSES = {status.name.lower(): status for status in reversed(Status)}


@dataclass(frozen=True, slots=True)
class DeviceEntry:
    """A device.

    Attributes:
        place: where it stands in the file.
        name: its name; None where the file leaves it to the certificate.
        status: active unless the file says otherwise.
        certificate: PEM; None where one is to be made.
        chain: PEM of each certificate between it and its CA.
        client_ids: the client identifiers it owns.
    """

    place: str
    name: str | None
    status: Status
    certificate: str | None
    chain: tuple[str, ...]
    client_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class CaEntry:
    """A CA.

    Attributes:
        place: where it stands in the file.
        instance_id: its instance, the lab's first one where the file names none.
        name: its name.
        status: active unless the file says otherwise.
        certificate: PEM; None where one is to be made.
        verification: PEM of what proves possession of its key; None where there is no certificate.
        devices: its devices.
    """

    place: str
    instance_id: str
    name: str
    status: Status
    certificate: str | None
    verification: str | None
    devices: tuple[DeviceEntry, ...]


@dataclass(frozen=True, slots=True)
class CodeEntry:
    """A registration code that none of the CAs bears.

    Attributes:
        place: where it stands in the file.
        code: the code.
        instance_id: the instance it was handed out for.
        used: a CA that is gone used it up.
    """

    place: str
    code: str
    instance_id: str
    used: bool


@dataclass(frozen=True, slots=True)
class Scenario:
    """What a file says.

    Attributes:
        cas: the CAs in the order of their registration.
        codes: further registration codes.
        clock_offset_ms: how far the clock is ahead, milliseconds; None where it stays as it is.
    """

    cas: tuple[CaEntry, ...]
    codes: tuple[CodeEntry, ...]
    clock_offset_ms: int | None


def read(document: str | bytes, instance_ids: Sequence[str]) -> Scenario:
    """Read a scenario; what its certificates are worth is another question.

    Args:
        document: JSON.
        instance_ids: the lab's instances; the first one is meant where the file names none.

    Raises:
        ScenarioError: it is no scenario.
    """
    known = ("certgate", "clock_offset_ms", "cas", "registration_codes")
    members = parse(document).members(known, required=["certgate"])
    version = members["certgate"]
    if version.number(_HIGHEST_FORMAT) != FORMAT:
        raise version.wrong(f"{FORMAT} is the only format that this certgate knows")
    offset, instances = members.get("clock_offset_ms"), tuple(instance_ids)
    return Scenario(
        tuple(_ca(part, instances) for part in _items(members, "cas")),
        tuple(_code(part, instances) for part in _items(members, "registration_codes")),
        None if offset is None else offset.number(_CENTURY_MS),
    )


def _ca(part: Part, instances: tuple[str, ...]) -> CaEntry:
    known = ("instance", "name", "status", "certificate", "verification", "devices")
    members = part.members(known, required=["name"])
    for one, other in (("certificate", "verification"), ("verification", "certificate")):
        if one in members and other not in members:
            raise part.wrong(f'the member "{one}" needs the member "{other}"')
    return CaEntry(
        part.place,
        _instance(members, instances),
        members["name"].text(_LONGEST_NAME),
        _status(members),
        _pem(members, "certificate"),
        _pem(members, "verification"),
        tuple(_device(item) for item in _items(members, "devices")),
    )


def _device(part: Part) -> DeviceEntry:
    members = part.members(("name", "status", "certificate", "chain", "client_identifiers"))
    if not {"name", "certificate"} & set(members):
        raise part.wrong('the member "name" is missing, and the certificate that could tell it')
    chain = _items(members, "chain")
    if chain and "certificate" not in members:
        raise part.wrong('the member "chain" needs the member "certificate"')
    if len(chain) > MAX_PRESENTED:
        raise members["chain"].wrong(f"{len(chain)} certificates, {MAX_PRESENTED} are looked at")
    return DeviceEntry(
        part.place,
        _name(members),
        _status(members),
        _pem(members, "certificate"),
        tuple(item.pem() for item in chain),
        tuple(
            item.text(LONGEST_IDENTIFIER, blank=True)
            for item in _items(members, "client_identifiers")
        ),
    )


def _code(part: Part, instances: tuple[str, ...]) -> CodeEntry:
    members = part.members(("instance", "code", "used"), required=["code"])
    used = "used" in members and members["used"].flag()
    code = members["code"].text(_LONGEST_CODE)
    return CodeEntry(part.place, code, _instance(members, instances), used)


def _items(members: dict[str, Part], name: str) -> list[Part]:
    return list(members[name].items()) if name in members else []


def _instance(members: dict[str, Part], instances: tuple[str, ...]) -> str:
    part = members.get("instance")
    if part is None:
        return instances[0]
    if part.value not in instances:
        raise part.wrong(f"the lab has no such instance, only {', '.join(instances)}")
    return str(part.value)


def _name(members: dict[str, Part]) -> str | None:
    part = members.get("name")
    if part is None or ("certificate" in members and isinstance(part.value, str)):
        return None if part is None else part.value
    return part.text(_LONGEST_NAME)


def _status(members: dict[str, Part]) -> Status:
    if "status" not in members:
        return Status.ACTIVE
    return _STATUSES[members["status"].choice(*_STATUSES)]


def _pem(members: dict[str, Part], name: str) -> str | None:
    return members[name].pem() if name in members else None
