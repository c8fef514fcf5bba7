"""The story: two makers, their devices, and what happens when one maker's CA is switched off."""

import time
from dataclasses import dataclass, field
from typing import Any

from certgate_certs.builder import KeyType
from certgate_controlplane.address import Address
from certgate_controlplane.client import ApiClient
from certgate_controlplane.demo.device import Device
from certgate_controlplane.demo.stage import Stage
from certgate_controlplane.state import StateDirectory

_TOPIC = "fleet/news"
_FLEET = 3
_ON, _OFF = "aurora", "borealis"
_SPARE = "spare"
_KEY_TYPES = {_ON: KeyType.EC_P256, _OFF: KeyType.RSA_2048}


@dataclass
class Story:
    """Plays the demonstration against a running lab.

    Attributes:
        stage: where it is shown.
        address: the lab.
        state: where the certificates are made.
    """

    stage: Stage
    address: Address
    state: StateDirectory
    fleet: dict[str, list[Device]] = field(default_factory=dict)
    sns: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._api = ApiClient(str(self.address.api_url))
        self._instance = self.address.instance_ids[0]

    @property
    def names(self) -> dict[str, str]:
        """The makers' names by the serial number of their CA."""
        return {sn: maker for maker, sn in self.sns.items()}

    def play(self) -> None:
        """Play every chapter, in order."""
        try:
            self._register()
            self._connect()
            self._inactivate()
            self._activate()
            self._delete()
        finally:
            for device in self._devices():
                device.disconnect()

    def _register(self) -> None:
        self.stage.chapter("Two makers register their CA certificates")
        for maker in (_OFF, _ON):
            self.state.new_ca(maker, _KEY_TYPES[maker])
            self.sns[maker] = self._register_ca(maker)
            names = [f"{maker}-{number + 1}" for number in range(_FLEET)] + [f"{maker}-{_SPARE}"]
            self.fleet[maker] = [self._new_device(name, maker) for name in names]
        listed = self._call("ListCaCertificate", PageNo="1", PageSize="100")["Data"]
        active = [item["Sn"] for item in listed["CaCertificateVOS"] if item["Status"] == "1"]
        self.stage.claim(
            "both CAs are listed as active, possession proved with their registration codes",
            sorted(active) == sorted(self.sns.values()),
        )

    def _connect(self) -> None:
        self.stage.chapter("Their devices connect for the first time and register themselves")
        for maker in (_OFF, _ON):
            accepted = [d.connect(_TOPIC).accepted for d in self._fleet_of(maker)]
            self.stage.claim(f"{_FLEET} devices of {maker} are admitted", all(accepted))
            self.stage.claim(
                f"{_FLEET} device records stand under {maker}'s CA",
                self._count_devices(maker) == _FLEET,
            )
        self.stage.claim("a message of one device reaches all of them", self._message_goes_round())

    def _inactivate(self) -> None:
        self.stage.chapter(f"InactivateCaCertificate: {_OFF}'s devices are refused from now on")
        answered = self._switch("InactivateCaCertificate")
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
        self._switch("ActiveCaCertificate")
        self.stage.claim(
            "the device that was refused is admitted",
            self._spare_of(_OFF).try_to_connect().accepted,
        )

    def _delete(self) -> None:
        self.stage.chapter(f"DeleteCaCertificate: {_OFF}'s CA and its devices are gone")
        before = self._count_devices(_OFF)
        answered = self._switch("DeleteCaCertificate")
        self.stage.claim(
            f"its {before} device records are gone; the {self._count_devices(_ON)} of {_ON} stay",
            before == _FLEET + 1 and self._listed_cas_of_devices() == {self.sns[_ON]},
        )
        self._show_refusals(answered, "ca_not_registered")
        self.stage.claim(
            f"{_ON} goes on as if nothing had happened",
            self._spare_of(_ON).try_to_connect().accepted,
        )

    def _show_refusals(self, answered: int, reason: str) -> None:
        mark = self._last_decision()
        attempts = [self._spare_of(_OFF), self._fleet_of(_OFF)[0]]
        outcomes = [device.try_to_connect() for device in attempts]
        records = self._decisions(mark)
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

    def _register_ca(self, maker: str) -> str:
        code = self._call("GetRegisterCode")["RegisterCode"]
        proof = self.state.verification(maker, code)
        sn = self._call(
            "RegisterCaCertificate",
            CaName=maker,
            CaContent=self.state.ca(maker).pem,
            VerificationContent=proof.read_text(),
        )["Sn"]
        self.stage.tell(f"RegisterCaCertificate {maker}: Sn {sn}")
        return str(sn)

    def _new_device(self, name: str, maker: str) -> Device:
        pair = self.state.new_device(name, maker, _KEY_TYPES[maker])
        return Device(name, pair, self.address)

    def _switch(self, action: str) -> int:
        """Call an operation on the CA that is switched; give the time of its answer, in ms."""
        started = time.time_ns()
        self._call(action, Sn=self.sns[_OFF])
        answered = time.time_ns()
        self.stage.tell(f"{action} answered after {(answered - started) / 1e6:.1f} ms")
        return answered // 1_000_000

    def _message_goes_round(self) -> bool:
        text = f"message {time.monotonic_ns()}"
        connected = self._connected()
        connected[0].publish(_TOPIC, text)
        return all(device.has_received(text) for device in connected)

    def _connected(self) -> list[Device]:
        return self._fleet_of(_OFF) + self._fleet_of(_ON)

    def _fleet_of(self, maker: str) -> list[Device]:
        return self.fleet[maker][:_FLEET]

    def _spare_of(self, maker: str) -> Device:
        return self.fleet[maker][_FLEET]

    def _devices(self) -> list[Device]:
        return [device for devices in self.fleet.values() for device in devices]

    def _count_devices(self, maker: str) -> int:
        page = {"CaSn": self.sns[maker], "PageNo": "1", "PageSize": "100"}
        return int(self._call("ListDeviceCertificateByCaSn", **page)["Data"]["Total"])

    def _listed_cas_of_devices(self) -> set[str]:
        data = self._call("ListDeviceCertificate", PageNo="1", PageSize="100")["Data"]
        return {item["CaSn"] for item in data["DeviceCertificateVOS"]}

    def _last_decision(self) -> int:
        records = self._decisions(0)
        return int(records[-1]["number"]) if records else 0

    def _decisions(self, since: int) -> list[dict[str, Any]]:
        return list(self._api.read(f"/_certgate/decisions?since={since}")["decisions"])

    def _call(self, action: str, **parameters: str) -> dict[str, Any]:
        return self._api.call(action, MqttInstanceId=self._instance, **parameters)


def _ms(record: dict[str, Any], answered: int) -> str:
    return f"{record['at'] - answered} ms"
