"""What each operation asks of a caller: the instance's account, and RAM actions."""

from collections.abc import Mapping
from dataclasses import dataclass

from certgate_controlplane.access.credentials import AccessKey
from certgate_controlplane.access.policies import is_allowed
from certgate_controlplane.errors import (
    ApiError,
    instance_permission_check_failed,
    mqtt_owner_check_error,
    permission_check_failed,
)

REGION = "cn-hangzhou"
"""The region that the lab's instances are in, as far as a policy can tell."""

_INSTANCE_ACCESS = "mq:MqttInstanceAccess"

# The pages' RAM tables. The two that inactivate have names of their own.
_NAMED: Mapping[str, str] = {
    "RegisterCaCertificate": "mq:RegisterCa",
    "InactivateCaCertificate": "mq:UnregisterCaCertificate",
    "InactivateDeviceCertificate": "mq:UnregisterDeviceCertificate",
}


def needed_actions(operation: str) -> tuple[str, ...]:
    """Name the RAM actions that an operation needs, all of them.

    Args:
        operation: one of the emulated actions.
    """
    action = _NAMED.get(operation, f"mq:{operation}")
    if operation == "InactivateDeviceCertificate":  # Its page lists no dependent action.
        return (action,)
    return (action, _INSTANCE_ACCESS)


@dataclass(frozen=True, slots=True)
class CallerPermit:
    """What a caller, known by its signature, may do in one call.

    Attributes:
        key: the caller's access key.
        operation: the operation called.
        owners: account of each instance.
    """

    key: AccessKey
    operation: str
    owners: Mapping[str, str]

    def check(self, instance_id: str) -> None:
        """Refuse an instance of somebody else, then an operation without permission.

        Args:
            instance_id: an instance that exists.

        Raises:
            ApiError: MqttOwnerCheckError, or PermissionCheckFailed; for RegisterCaCertificate,
                whose page has no such error, InstancePermissionCheckFailed.
        """
        if not self._owns(instance_id):
            raise mqtt_owner_check_error()
        if not self._is_allowed(instance_id):
            raise _no_permission(self.operation)

    def covers(self, instance_id: str) -> bool:
        """Tell whether `check` would let an instance pass.

        Args:
            instance_id: an instance that exists.
        """
        return self._owns(instance_id) and self._is_allowed(instance_id)

    def _owns(self, instance_id: str) -> bool:
        return self.owners.get(instance_id) == self.key.account_id

    def _is_allowed(self, instance_id: str) -> bool:
        policies = self.key.policies
        if policies is None:
            return True
        resource = f"acs:mq:{REGION}:{self.key.account_id}:{instance_id}"
        return all(
            is_allowed(policies, action, resource) for action in needed_actions(self.operation)
        )


def _no_permission(operation: str) -> ApiError:
    if operation == "RegisterCaCertificate":
        return instance_permission_check_failed()
    return permission_check_failed()
