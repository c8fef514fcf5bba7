"""What has to hold when a killed process is back."""

import contextlib
import sqlite3
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from e2e.support import DeviceFiles, Lab, knock
from proofs.asking import GONE, INACTIVE, REFUSED, Status, devices_total, own_door, statuses
from proofs.crash_stories import CaStory, DeviceStory
from proofs.crash_visitors import Claim

_HALF_DONE = {
    "CA certificates whose code is not used up": (
        "SELECT c.sn FROM ca_certificate AS c LEFT JOIN registration_code AS r"
        " ON r.code = c.registration_code WHERE r.used IS NOT 1"
    ),
    "device certificates without a CA that are not noted as to be removed": (
        "SELECT d.sn FROM device_certificate AS d LEFT JOIN ca_certificate AS c ON c.id = d.ca_id"
        " WHERE c.id IS NULL AND d.ca_id NOT IN (SELECT id FROM deleted_ca)"
    ),
    "device certificates without the client identifier they were registered with": (
        "SELECT d.sn FROM device_certificate AS d LEFT JOIN client_identifier AS i"
        " ON i.device_id = d.id WHERE i.id IS NULL"
    ),
    "client identifiers without a device": (
        "SELECT i.client_id FROM client_identifier AS i LEFT JOIN device_certificate AS d"
        " ON d.id = i.device_id WHERE d.id IS NULL"
    ),
    "rows that refer to nothing": "PRAGMA foreign_key_check",
    "breaks in the file": "SELECT * FROM pragma_integrity_check WHERE integrity_check != 'ok'",
}


@dataclass(frozen=True)
class Withdrawn:
    """A device that has to be refused.

    Attributes:
        device: the device.
        reasons: what the decision may say.
        at: when the withdrawal was answered, monotonic seconds.
    """

    device: DeviceFiles
    reasons: frozenset[str]
    at: float


def withdrawn(cas: Iterable[CaStory], devices: Iterable[DeviceStory]) -> Iterator[Withdrawn]:
    """Name devices that have to be refused, whatever became of the calls that were cut off."""
    reasons: dict[Status, str] = {GONE: "ca_not_registered", INACTIVE: "ca_inactive"}
    for story in cas:
        states = {story.answered, story.possible}
        if states <= reasons.keys():
            yield Withdrawn(story.devices[0], frozenset(reasons[s] for s in states), story.at)
    for each in devices:
        # Not a deleted one: it may come back, and registers itself anew.
        if each.answered == each.possible == INACTIVE:
            yield Withdrawn(each.device, frozenset({"device_inactive"}), each.at)


class Aftermath:
    """Looks at a lab and its registry; whatever is wrong is a sentence.

    Args:
        state: the state directory.
    """

    def __init__(self, state: Path) -> None:
        self._file = state / "registry.db"
        self._records: tuple[int, ...] = (0, 0)

    def refuse(self, lab: Lab, whom: Withdrawn) -> Iterator[str]:
        """Let a device knock that has to be refused.

        Args:
            lab: the lab.
            whom: the device.
        """
        before = self._value("SELECT coalesce(max(id), 0) FROM decision")
        code = knock(lab.tls(whom.device), lab.port, whom.device.name)
        if code != REFUSED:
            yield f"{whom.device.name} is answered {code} first of all, though {set(whom.reasons)}"
            return
        said = [
            reason
            for record in own_door(lab, f"decisions?since={before}")[1]["decisions"]
            if record["client_id"] == whom.device.name
            for reason in record["reasons"]
        ]
        if not whom.reasons.intersection(said):
            yield f"{whom.device.name} is refused for {said} and not for {set(whom.reasons)}"

    def whole(self) -> Iterator[str]:
        """Look for what is half done, and for damage to the file."""
        for what, sql in _HALF_DONE.items():
            found = self._rows(sql)
            if found:
                yield f"{what}: {found}"

    def kept(self, claims: Iterable[Claim]) -> Iterator[str]:
        """Look for devices that were admitted, of CAs that nobody has touched since.

        Args:
            claims: who was admitted.
        """
        registered = {sn for (sn,) in self._rows("SELECT sn FROM device_certificate")}
        for claim in claims:
            if claim.stands() and claim.sn not in registered:
                yield f"device {claim.sn} was admitted and is not registered"

    def recorded(self) -> Iterator[str]:
        """Look for decision records that could be read once and are gone."""
        before, newest = self._records
        found = self._value(f"SELECT count(*) FROM decision WHERE id <= {newest}")
        if found != before:
            yield f"of {before} decision records {found} are left"
        self._records = self._rows("SELECT count(*), coalesce(max(id), 0) FROM decision")[0]

    def listed(self, lab: Lab) -> Iterator[str]:
        """Compare the totals that the API tells with each other and with the rows.

        Args:
            lab: the lab.
        """
        cas = [sn for (sn,) in self._rows("SELECT sn FROM ca_certificate ORDER BY id")]
        if sorted(cas) != sorted(statuses(lab)):
            yield f"ListCaCertificate has {sorted(statuses(lab))}, the registry {sorted(cas)}"
        whole = devices_total(lab)
        parts = sum(devices_total(lab, sn) for sn in cas)
        rows = self._value("SELECT count(*) FROM device_certificate")
        if not whole == parts == rows:
            yield f"{whole} devices are listed, {parts} by their CAs, {rows} are registered"

    def unrecorded(self, connacks: dict[str, int]) -> int:
        """Count admissions that left no decision record.

        Args:
            connacks: how often each client identifier was admitted.
        """
        sql = "SELECT client_id, count(*) FROM decision WHERE accepted = 1 GROUP BY client_id"
        rows = dict(self._rows(sql))
        return sum(max(0, count - rows.get(name, 0)) for name, count in connacks.items())

    def _rows(self, sql: str) -> list[tuple[Any, ...]]:
        with contextlib.closing(sqlite3.connect(f"file:{self._file}?mode=ro", uri=True)) as file:
            return file.execute(sql).fetchall()

    def _value(self, sql: str) -> int:
        return int(self._rows(sql)[0][0])
