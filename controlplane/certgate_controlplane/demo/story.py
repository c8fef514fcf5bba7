"""The story: two makers, their devices, and what happens when one maker's CA is switched off."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from certgate_certs.builder import KeyType
from certgate_controlplane.demo.cloud import Answered, Cloud
from certgate_controlplane.demo.device import Device
from certgate_controlplane.demo.stage import Stage
from certgate_controlplane.fleet import Behaviour, Counts
from certgate_controlplane.toolkit.bridges import BlockingFleet
from certgate_controlplane.toolkit.handles import Ca
from certgate_controlplane.toolkit.lab import Lab

_TOPIC = "fleet/news"
_FEW = 3
_MANY = 40
_ON, _OFF = "aurora", "borealis"
_SPARE = "spare"
_KEY_TYPES = {_ON: KeyType.EC_P256, _OFF: KeyType.RSA_2048}
_RESTLESS = Behaviour(start_seconds=0.3, drop_seconds=0.5, back_off_min=0.1, back_off_max=0.4)
_PATIENCE = 20.0


@dataclass
class Story:
    """Plays the demonstration in a running lab.

    Attributes:
        stage: where it is shown.
        lab: where it happens.
    """

    stage: Stage
    lab: Lab
    cas: dict[str, Ca] = field(default_factory=dict)
    devices: dict[str, list[Device]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._cloud = Cloud(self.lab)

    def play(self) -> None:
        """Play every chapter, in order."""
        try:
            self._register()
            self._connect()
            self._inactivate()
            self._activate()
            self._delete()
        finally:
            for device in self._everybody():
                device.disconnect()
        self._watch_a_fleet()

    def _register(self) -> None:
        self.stage.chapter("Two makers register their CA certificates")
        for maker in (_OFF, _ON):
            ca = self.lab.new_ca(maker, registered=False, key_type=_KEY_TYPES[maker])
            self.stage.tell(f"RegisterCaCertificate {maker}: Sn {self._cloud.register(ca)}")
            self.cas[maker] = ca
            names = [f"{maker}-{number + 1}" for number in range(_FEW)] + [f"{maker}-{_SPARE}"]
            self.devices[maker] = [self._new_device(name, ca) for name in names]
        self.stage.claim(
            "both CAs are listed as active, possession proved with their registration codes",
            self._cloud.active_cas() == {ca.sn for ca in self.cas.values()},
        )

    def _connect(self) -> None:
        self.stage.chapter("Their devices connect for the first time and register themselves")
        for maker in (_OFF, _ON):
            accepted = [device.connect(_TOPIC).accepted for device in self._few_of(maker)]
            self.stage.claim(f"{_FEW} devices of {maker} are admitted", all(accepted))
            self.stage.claim(
                f"{_FEW} device records stand under {maker}'s CA",
                self._cloud.count_devices(self.cas[maker]) == _FEW,
            )
        self.stage.claim("a message of one device reaches all of them", self._message_goes_round())

    def _inactivate(self) -> None:
        self.stage.chapter(f"InactivateCaCertificate: {_OFF}'s devices are refused from now on")
        answered = self._switch("InactivateCaCertificate", _OFF)
        self._show_refusals(answered, "ca_inactive")
        self.stage.claim(
            f"a new connection of {_ON} is admitted all the same",
            self._spare_of(_ON).try_to_connect().accepted,
        )
        self.stage.claim(
            "the sessions that were open stay open",
            all(device.is_connected for device in self._connected()),
        )
        self.stage.claim("and still exchange messages", self._message_goes_round())

    def _activate(self) -> None:
        self.stage.chapter(f"ActiveCaCertificate: {_OFF} is back")
        self._switch("ActiveCaCertificate", _OFF)
        self.stage.claim(
            "the device that was refused is admitted",
            self._spare_of(_OFF).try_to_connect().accepted,
        )

    def _delete(self) -> None:
        self.stage.chapter(f"DeleteCaCertificate: {_OFF}'s CA and its devices are gone")
        before = self._cloud.count_devices(self.cas[_OFF])
        answered = self._switch("DeleteCaCertificate", _OFF)
        left = self._cloud.count_devices(self.cas[_ON])
        self.stage.claim(
            f"its {before} device records are gone; the {left} of {_ON} stay",
            before == _FEW + 1 and self._cloud.cas_of_devices() == {self.cas[_ON].sn},
        )
        self._show_refusals(answered, "ca_not_registered")
        self.stage.claim(
            f"{_ON} goes on as if nothing had happened",
            self._spare_of(_ON).try_to_connect().accepted,
        )

    def _watch_a_fleet(self) -> None:
        self.stage.chapter(f"{_MANY} more devices of {_ON}, each of which reconnects now and then")
        fleet = self.lab.fleet(self.cas[_ON], devices=_MANY, behaviour=_RESTLESS)
        with fleet:
            self._await(fleet, f"{_MANY} devices come in", lambda seen: seen.admitted >= _MANY)
            self._switch("InactivateCaCertificate", _ON)
            self._await(
                fleet,
                "whoever comes back is kept out, and soon all of them are",
                lambda seen: seen.kept_out == {"ca_inactive": _MANY},
            )
            self._switch("ActiveCaCertificate", _ON)
            self._await(fleet, "they find their way back", lambda seen: not seen.kept_out)
        self._show_counts(fleet.counts())

    def _await(self, fleet: BlockingFleet, claim: str, condition: Callable[[Counts], bool]) -> None:
        try:
            fleet.wait_until(condition, _PATIENCE)
        except TimeoutError:
            self.stage.claim(claim, observed=False)
        else:
            self.stage.claim(claim, observed=True)

    def _show_counts(self, seen: Counts) -> None:
        refused = ", ".join(f"{count} {reason}" for reason, count in seen.refused.items())
        shown = (
            f"{seen.admitted}, {seen.admitted_resumed} of them by ticket",
            refused,
            f"{seen.latency.median:.1f} ms, slowest {seen.latency.maximum:.0f} ms",
        )
        self.stage.table(("admitted", "refused", "TCP to CONNACK, median"), [shown])

    def _show_refusals(self, answered: Answered, reason: str) -> None:
        mark = self._cloud.last_decision()
        attempts = [self._spare_of(_OFF), self._few_of(_OFF)[0]]
        outcomes = [device.try_to_connect() for device in attempts]
        records = self._cloud.decisions(mark)
        self.stage.table(
            ("device", "client saw", "reason", "after the API's answer"),
            [
                (device.name, outcome.said, ", ".join(record["reasons"]), _ms(record, answered))
                for device, outcome, record in zip(attempts, outcomes, records, strict=False)
            ],
        )
        refused = [record for record in records if reason in record["reasons"]]
        self.stage.claim(
            f"every new connection of {_OFF} is refused: {reason}",
            len(refused) == len(attempts) and not any(o.accepted for o in outcomes),
        )

    def _new_device(self, name: str, ca: Ca) -> Device:
        return Device(self.lab.new_device(name, ca, key_type=_KEY_TYPES[ca.name]))

    def _switch(self, action: str, maker: str) -> Answered:
        answered = self._cloud.switch(action, self.cas[maker])
        self.stage.tell(f"{action} answered after {answered.took:.1f} ms")
        return answered

    def _message_goes_round(self) -> bool:
        text = f"message {time.monotonic_ns()}"
        connected = self._connected()
        connected[0].publish(_TOPIC, text)
        return all(device.has_received(text) for device in connected)

    def _connected(self) -> list[Device]:
        return self._few_of(_OFF) + self._few_of(_ON)

    def _few_of(self, maker: str) -> list[Device]:
        return self.devices[maker][:_FEW]

    def _spare_of(self, maker: str) -> Device:
        return self.devices[maker][_FEW]

    def _everybody(self) -> list[Device]:
        return [device for devices in self.devices.values() for device in devices]


def _ms(record: dict[str, Any], answered: Answered) -> str:
    return f"{record['at'] - answered.at} ms"
