"""A small model of the registry: dicts, and the rules of the operations' pages.

It shares no code with certgate: serial numbers are compared as integers, and certificates are known
by their text.
"""

import re
from collections.abc import Collection, Mapping

from proofs.records import Ca, Device, Facts, Known

Outcome = str | dict[str, object]
"""What a call comes to: an error code, or the members of the answer."""

_SN = re.compile(r":*[0-9a-fA-F][0-9a-fA-F:]*")
_NUMBER = re.compile(r"[0-9]{1,9}")


class Refused(Exception):  # noqa: N818  ends a rule, never leaves the model
    """A call that is refused with this code."""


class Model:
    """What is registered; dicts keep the order of registration.

    Args:
        known: the certificates there are.
        instances: the instances there are.
        most: CA certificates that an instance may have.
    """

    def __init__(self, known: Known, instances: Collection[str], most: int) -> None:
        self._known, self._instances, self._most = known, instances, most
        self.cas: dict[int, Ca] = {}
        self.devices: dict[tuple[int, int], Device] = {}
        self.clients: dict[tuple[str, str], tuple[int, int]] = {}
        self.codes: dict[str, tuple[str, bool]] = {}

    def call(self, action: str, given: Mapping[str, str], mine: Collection[str]) -> Outcome:
        """Follow a call; a registration code that it hands out has to be told to `learn`.

        Args:
            action: one of the certificate operations.
            given: its parameters.
            mine: the instances that the caller owns.
        """
        try:
            return _RULES[action](self, given, mine)
        except Refused as refused:
            return str(refused)

    def learn(self, code: str, instance: str) -> None:
        """Note a registration code that was handed out; it must be new."""
        assert code not in self.codes
        self.codes[code] = (instance, False)

    def enrol(self, ca: int, facts: Facts, client_id: str | None) -> bool:
        """Follow a first connection; tell whether it registers the device and its identifier."""
        key = (ca, int(facts.sn, 16))
        above = self.cas.get(ca)
        if above is None or not above.status or key in self.devices:
            return False
        return self._bind(above.instance, client_id, key, Device(above, facts))

    def use(self, key: tuple[int, int], client_id: str | None) -> bool:
        """Follow a later connection; tell whether it may go on."""
        device = self.devices.get(key)
        if device is None or not (device.status and device.ca.status):
            return False
        return self._bind(device.ca.instance, client_id, key, device)

    def _bind(
        self, instance: str, client_id: str | None, key: tuple[int, int], device: Device
    ) -> bool:
        if client_id is not None:
            if (instance, client_id) in self.clients:
                return False
            self.clients[instance, client_id] = key
        self.devices[key] = device
        return True

    def _register_code(self, given: Mapping[str, str], mine: Collection[str]) -> Outcome:
        self._instance(given, mine)
        return {"RegisterCode": None}

    def _register(self, given: Mapping[str, str], mine: Collection[str]) -> Outcome:
        texts = ("CaName", "CaContent", "VerificationContent")
        name, content, verification = (_text(given, text) for text in texts)
        instance = self._instance(given, mine)
        facts, proof = self._known.cas.get(content), self._known.proofs.get(verification)
        if facts is None or proof is None or proof.ca_pem != content:
            raise Refused("CertificateContentError")
        self._check_code(proof.code, instance)
        if sum(ca.instance == instance for ca in self.cas.values()) >= self._most:
            raise Refused("CaNumExceed")
        if int(facts.sn, 16) in self.cas:
            raise Refused("SnNotUnique")
        self.cas[int(facts.sn, 16)] = Ca(instance, name, facts, verification, proof.code)
        self.codes[proof.code] = (instance, True)
        return {"Sn": facts.sn}

    def _check_code(self, code: str, instance: str) -> None:
        there, used = self.codes.get(code, (None, False))
        if there != instance:
            raise Refused("RegisterCodeError")
        if used:
            raise Refused("RegisterCodeUsed")

    def _get_ca(self, given: Mapping[str, str], mine: Collection[str]) -> Outcome:
        return {"Data": self._ca(given, mine).record()}

    def _list_cas(self, given: Mapping[str, str], mine: Collection[str]) -> Outcome:
        number, size = _page(given)
        instance = self._instance(given, mine)
        found = [ca.record() for ca in self.cas.values() if ca.instance == instance]
        return _listed(number, size, "CaCertificateVOS", found)

    def _activate_ca(self, given: Mapping[str, str], mine: Collection[str]) -> Outcome:
        ca = self._ca(given, mine)
        ca.status = 1
        return {"Sn": ca.facts.sn}

    def _inactivate_ca(self, given: Mapping[str, str], mine: Collection[str]) -> Outcome:
        ca = self._ca(given, mine)
        ca.status = 0
        return {"Sn": ca.facts.sn}

    def _delete_ca(self, given: Mapping[str, str], mine: Collection[str]) -> Outcome:
        gone = self._ca(given, mine)
        number = int(gone.facts.sn, 16)
        del self.cas[number]
        self.devices = {key: each for key, each in self.devices.items() if key[0] != number}
        self.clients = {name: key for name, key in self.clients.items() if key[0] != number}
        return {"Sn": gone.facts.sn}

    def _list_devices(self, given: Mapping[str, str], mine: Collection[str]) -> Outcome:
        number, size = _page(given)
        instance = self._instance(given, mine)
        found = [each.record() for each in self.devices.values() if each.ca.instance == instance]
        return _listed(number, size, "DeviceCertificateVOS", found)

    def _list_devices_of_ca(self, given: Mapping[str, str], mine: Collection[str]) -> Outcome:
        wanted, (number, size) = _sn(given, "CaSn"), _page(given)
        instance = self._instance(given, mine)
        ca = self.cas.get(wanted)
        if ca is None or ca.instance != instance:
            raise Refused("FindDeviceBySnError")
        found = [each.record() for key, each in self.devices.items() if key[0] == wanted]
        return _listed(number, size, "DeviceCertificateVOS", found)

    def _get_device(self, given: Mapping[str, str], mine: Collection[str]) -> Outcome:
        return {"Data": self.devices[self._device(given, mine)].record()}

    def _activate_device(self, given: Mapping[str, str], mine: Collection[str]) -> Outcome:
        device = self.devices[self._device(given, mine)]
        device.status = 1
        return {"DeviceSn": device.facts.sn}

    def _inactivate_device(self, given: Mapping[str, str], mine: Collection[str]) -> Outcome:
        device = self.devices[self._device(given, mine)]
        device.status = 0
        return {"DeviceSn": device.facts.sn}

    def _delete_device(self, given: Mapping[str, str], mine: Collection[str]) -> Outcome:
        gone = self._device(given, mine)
        self.clients = {name: key for name, key in self.clients.items() if key != gone}
        return {"DeviceSn": self.devices.pop(gone).facts.sn}

    def _instance(self, given: Mapping[str, str], mine: Collection[str]) -> str:
        instance = _text(given, "MqttInstanceId")
        if instance not in self._instances:
            raise Refused("MqttInstanceNotFound")
        if instance not in mine:
            raise Refused("MqttOwnerCheckError")
        return instance

    def _ca(self, given: Mapping[str, str], mine: Collection[str]) -> Ca:
        wanted = _sn(given, "Sn")
        instance = self._instance(given, mine)
        ca = self.cas.get(wanted)
        if ca is None or ca.instance != instance:
            raise Refused("FindCaBySnError")
        return ca

    def _device(self, given: Mapping[str, str], mine: Collection[str]) -> tuple[int, int]:
        key = (_sn(given, "CaSn"), _sn(given, "DeviceSn"))
        instance = self._instance(given, mine)
        device = self.devices.get(key)
        if device is None or device.ca.instance != instance:
            raise Refused("FindDeviceBySnError")
        return key


_RULES = {
    "GetRegisterCode": Model._register_code,  # noqa: SLF001  the class's own table
    "RegisterCaCertificate": Model._register,  # noqa: SLF001
    "GetCaCertificate": Model._get_ca,  # noqa: SLF001
    "ListCaCertificate": Model._list_cas,  # noqa: SLF001
    "ActiveCaCertificate": Model._activate_ca,  # noqa: SLF001
    "InactivateCaCertificate": Model._inactivate_ca,  # noqa: SLF001
    "DeleteCaCertificate": Model._delete_ca,  # noqa: SLF001
    "ListDeviceCertificate": Model._list_devices,  # noqa: SLF001
    "ListDeviceCertificateByCaSn": Model._list_devices_of_ca,  # noqa: SLF001
    "GetDeviceCertificate": Model._get_device,  # noqa: SLF001
    "ActiveDeviceCertificate": Model._activate_device,  # noqa: SLF001
    "InactivateDeviceCertificate": Model._inactivate_device,  # noqa: SLF001
    "DeleteDeviceCertificate": Model._delete_device,  # noqa: SLF001
}


def _text(given: Mapping[str, str], name: str) -> str:
    value = given.get(name, "")
    if not value.strip():
        raise Refused("ParameterFieldCheckFailed")
    return value


def _sn(given: Mapping[str, str], name: str) -> int:
    value = given.get(name, "")
    if len(value.encode()) > 128 or not _SN.fullmatch(value):
        raise Refused("ParameterFieldCheckFailed")
    return int(value.replace(":", ""), 16)


def _page(given: Mapping[str, str]) -> tuple[int, int]:
    numbers = [given.get(name, "") for name in ("PageNo", "PageSize")]
    if not all(_NUMBER.fullmatch(number) for number in numbers):
        raise Refused("ParameterFieldCheckFailed")
    number, size = map(int, numbers)
    if number < 1 or not 1 <= size <= 100:
        raise Refused("ParameterFieldCheckFailed")
    return number, size


def _listed(number: int, size: int, key: str, found: list[dict[str, str]]) -> Outcome:
    shown = found[(number - 1) * size : number * size]
    return {"Data": {"Total": len(found), "PageNo": number, "PageSize": size, key: shown}}
