"""What an operator does to a lab: make CAs and devices, and switch them."""

from typing import Literal, Unpack

from certgate_certs.authority import DEVICE_DAYS
from certgate_certs.builder import KeyType
from certgate_controlplane.key_files import KeyPair
from certgate_controlplane.toolkit.handles import Ca, Device
from certgate_controlplane.toolkit.life import Life
from certgate_controlplane.toolkit.options import Options

_Verb = Literal["Active", "Inactivate", "Delete"]


class Operator(Life):
    """Makes CAs and devices, and calls the cloud's operations on them.

    Operations are called from inside the lab: access keys and faults of the API do not touch them.

    Args:
        options: how the lab is set up; see `Options`.

    Attributes:
        names: names of the CAs and devices made here, by serial number.
    """

    def __init__(self, **options: Unpack[Options]) -> None:
        super().__init__(**options)
        self.names: dict[str, str] = {}

    async def new_ca(
        self,
        name: str = "ca",
        *,
        instance: str | None = None,
        registered: bool = True,
        key_type: KeyType = KeyType.EC_P256,
    ) -> Ca:
        """Make a CA, register it, and so make it active.

        Args:
            name: its common name and `CaName`.
            instance: the instance; the lab's first one unless given.
            registered: False leaves its registration to the test.
            key_type: kind of its key.

        Raises:
            StateError: there is a CA of that name, or it cannot be a folder's name.
            ApiError: it cannot be registered.
        """
        files = self.state.new_ca(name, key_type, self.clock.now)
        ca = self._ca(name, files, instance)
        if registered:
            await self.register(ca)
        return ca

    async def register(self, ca: Ca) -> None:
        """Register a CA, as the cloud's guide says: code, proof of possession, registration.

        Args:
            ca: one that is not registered, or was deleted.

        Raises:
            ApiError: it cannot be registered.
        """
        call, instance = self.server.operations.call, ca.instance_id
        answer = await call("GetRegisterCode", MqttInstanceId=instance)
        proof = self.state.verification(ca.name, str(answer["RegisterCode"]))
        await call(
            "RegisterCaCertificate",
            MqttInstanceId=instance,
            CaName=ca.name,
            CaContent=ca.certificate_file.read_text(),
            VerificationContent=proof.read_text(),
        )

    async def new_device(
        self,
        name: str,
        ca: Ca,
        *,
        client_id: str | None = None,
        days: int = DEVICE_DAYS,
        key_type: KeyType = KeyType.EC_P256,
    ) -> Device:
        """Make a device; it registers itself at its first connection.

        Args:
            name: its common name.
            ca: issues its certificate.
            client_id: its client identifier; the name unless given.
            days: validity of its certificate, from now by the lab's clock.
            key_type: kind of its key.

        Raises:
            StateError: the CA has a device of that name, or it cannot be a folder's name.
        """
        files = self.state.new_device(name, ca.name, key_type, days=days, now=self.clock.now)
        return self._device(name, files, ca, client_id)

    async def activate(self, target: Ca | Device) -> None:
        """Let a CA's devices, or a device, connect again.

        Args:
            target: a CA, or a device that has connected before.

        Raises:
            ApiError: it is not registered.
        """
        await self._switch("Active", target)

    async def inactivate(self, target: Ca | Device) -> None:
        """Refuse a CA's devices, or a device, from now on.

        Args:
            target: a CA, or a device that has connected before.

        Raises:
            ApiError: it is not registered.
        """
        await self._switch("Inactivate", target)

    async def delete(self, target: Ca | Device) -> None:
        """Delete a CA with every device certificate it issued, or a device.

        Args:
            target: a CA, or a device that has connected before.

        Raises:
            ApiError: it is not registered.
        """
        await self._switch("Delete", target)

    async def close_connection(self, device: Device) -> bool:
        """Close a device's connection; it may come back.

        Args:
            device: the device.

        Returns:
            Whether it had one.
        """
        return await self.server.desks.close(device.instance_id, device.client_id)

    def _ca(self, name: str, files: KeyPair, instance: str | None) -> Ca:
        ca = Ca(name, files, self.address, instance or self.instance_id)
        self.names[ca.sn] = name
        return ca

    def _device(self, name: str, files: KeyPair, ca: Ca, client_id: str | None) -> Device:
        device = Device(name, files, self.address, ca.instance_id, ca, client_id or name)
        self.names[device.sn] = name
        return device

    async def _switch(self, verb: _Verb, target: Ca | Device) -> None:
        if isinstance(target, Ca):
            names = {"Sn": target.sn}
            action = f"{verb}CaCertificate"
        else:
            names = {"CaSn": target.ca.sn, "DeviceSn": target.sn}
            action = f"{verb}DeviceCertificate"
        await self.server.operations.call(action, MqttInstanceId=target.instance_id, **names)
