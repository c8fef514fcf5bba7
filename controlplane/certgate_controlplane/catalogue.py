"""Which actions the product has, which ones certgate emulates, and how they may be called."""

from collections.abc import Mapping
from dataclasses import dataclass

from certgate_controlplane.actions import ca_certificates as cas
from certgate_controlplane.actions import device_certificates as devices
from certgate_controlplane.actions import live_clients as clients
from certgate_controlplane.actions import registration
from certgate_controlplane.context import Handler
from certgate_controlplane.errors import api_not_support, invalid_action

VERSION = "2020-04-20"
"""The version of the API."""

_READING = frozenset({"GET"})
_POSTED = frozenset({"POST"})
_CHANGING = frozenset({"GET", "POST"})  # The product's metadata allow both; its SDKs send POST.


@dataclass(frozen=True, slots=True)
class Operation:
    """An emulated action.

    Attributes:
        name: the action.
        methods: HTTP methods it may be called with (the product's API metadata).
        run: what it does.
    """

    name: str
    methods: frozenset[str]
    run: Handler


OPERATIONS: Mapping[str, Operation] = {
    operation.name: operation
    for operation in (
        Operation("GetRegisterCode", _READING, registration.get_register_code),
        Operation("RegisterCaCertificate", _CHANGING, registration.register_ca_certificate),
        Operation("GetCaCertificate", _READING, cas.get_ca_certificate),
        Operation("ListCaCertificate", _READING, cas.list_ca_certificate),
        Operation("ActiveCaCertificate", _CHANGING, cas.active_ca_certificate),
        Operation("InactivateCaCertificate", _CHANGING, cas.inactivate_ca_certificate),
        Operation("DeleteCaCertificate", _CHANGING, cas.delete_ca_certificate),
        Operation("ListDeviceCertificate", _READING, devices.list_device_certificate),
        Operation(
            "ListDeviceCertificateByCaSn", _READING, devices.list_device_certificate_by_ca_sn
        ),
        Operation("GetDeviceCertificate", _READING, devices.get_device_certificate),
        Operation("ActiveDeviceCertificate", _CHANGING, devices.active_device_certificate),
        Operation("InactivateDeviceCertificate", _CHANGING, devices.inactivate_device_certificate),
        Operation("DeleteDeviceCertificate", _CHANGING, devices.delete_device_certificate),
        Operation("CloseConnection", _POSTED, clients.close_connection),
        Operation("QuerySessionByClientId", _CHANGING, clients.query_session_by_client_id),
        Operation(
            "BatchQuerySessionByClientIds", _CHANGING, clients.batch_query_session_by_client_ids
        ),
        Operation("SendMessage", _POSTED, clients.send_message),
        Operation("ListInstances", _CHANGING, clients.list_instances),
    )
}
"""The emulated actions by name."""

NOT_EMULATED = frozenset(
    {
        "AddCustomAuthConnectBlack",
        "AddCustomAuthIdentity",
        "AddCustomAuthPermission",
        "ApplyToken",
        "CreateGroupId",
        "DeleteCustomAuthConnectBlack",
        "DeleteCustomAuthIdentity",
        "DeleteCustomAuthPermission",
        "DeleteGroupId",
        "DisasterDowngrade",
        "DisasterRecovery",
        "GetDeviceCredential",
        "ListDeviceCredentialClientId",
        "ListGroupId",
        "ListTagResources",
        "QueryCustomAuthConnectBlack",
        "QueryCustomAuthIdentity",
        "QueryCustomAuthPermission",
        "QueryMqttTraceDevice",
        "QueryMqttTraceMessageOfClient",
        "QueryMqttTraceMessagePublish",
        "QueryMqttTraceMessageSubscribe",
        "QueryToken",
        "RefreshDeviceCredential",
        "RegisterDeviceCredential",
        "RevokeToken",
        "SetSniConfig",
        "TagResources",
        "UnRegisterDeviceCredential",
        "UntagResources",
        "UpdateCustomAuthIdentity",
        "UpdateCustomAuthPermission",
    }
)
"""The product's other actions (official SDK 1.7.1)."""


def find_operation(action: str | None) -> Operation:
    """Look an action up; names are told apart by case.

    Args:
        action: the name in the request, or None where it has none, or several.

    Raises:
        ApiError: ApiNotSupport where the product has it, else InvalidAction.NotFound.
    """
    if action in NOT_EMULATED:
        raise api_not_support(action)
    operation = OPERATIONS.get(action or "")
    if operation is None:
        raise invalid_action()
    return operation
