"""The HTTP status that goes with each error code.

The cloud's pages disagree. Each operation's own page prints a table; the page "MQTT OpenAPI status
code adjustment" announces other statuses, without a date, and says that only the HTTP status
changes. certgate answers as the operations' pages print it; the adjusted statuses are a switch.
"""

from collections.abc import Mapping
from enum import StrEnum


class StatusProfile(StrEnum):
    """Which of the cloud's pages the HTTP statuses are taken from."""

    PER_OPERATION = "per-operation"
    ADJUSTED = "adjusted"


# Codes that no operation's page prints, or not for this operation: the column "before" of the
# adjustment page, the general error page (InternalError, ApiNotSupport, ParameterCheckFailed,
# InstancePermissionCheckFailed, PermissionCheckFailed), and the common gateway's codes.
_GENERAL: Mapping[str, int] = {
    "ApiNotSupport": 404,
    "CaNumExceed": 500,
    "CertificateContentError": 500,
    "FindCaBySnError": 500,
    "FindDeviceBySnError": 500,
    "GetCaNumError": 500,
    "InstancePermissionCheckFailed": 400,
    "IncompleteSignature": 400,
    "InternalError": 500,
    "InvalidAccessKeyId.Inactive": 400,
    "InvalidAccessKeyId.NotFound": 404,
    "InvalidAction.NotFound": 404,
    "InvalidSecurityToken.MismatchWithAccessKey": 400,
    "InvalidTimeStamp.Expired": 400,
    "InvalidTimeStamp.Format": 400,
    "InvalidVersion": 400,
    "MissingAccessKeyId": 400,
    "MissingAction": 400,
    "MissingSecurityToken": 400,
    "MissingSignature": 400,
    "MissingSignatureMethod": 400,
    "MissingSignatureNonce": 400,
    "MissingSignatureVersion": 400,
    "MissingSignedHeaders": 400,
    "MissingTimestamp": 400,
    "MissingVersion": 400,
    "MqttInstanceNotFound": 500,
    "MqttOwnerCheckError": 500,
    "ParameterCheckFailed": 400,
    "ParameterFieldCheckFailed": 400,
    "PermissionCheckFailed": 400,
    "RegisterCodeError": 500,
    "RegisterCodeUsed": 500,
    "SignatureDoesNotMatch": 400,
    "SignatureNonceUsed": 400,
    "SnNotUnique": 500,
    "Throttling.User": 400,
    "UnsupportedHTTPMethod": 405,
}

# The adjustment page. Its visible part ends before FindDeviceBySnError, which is taken to follow
# FindCaBySnError; PermissionCheckFailed is as on the operation pages that are newer than it.
_ADJUSTED: Mapping[str, int] = {
    "CaNumExceed": 401,
    "CertificateContentError": 401,
    "FindCaBySnError": 400,
    "FindDeviceBySnError": 400,
    "GetCaNumError": 401,
    "InternalError": 417,
    "MqttInstanceNotFound": 400,
    "MqttOwnerCheckError": 403,
    "ParameterFieldCheckFailed": 400,
    "PermissionCheckFailed": 403,
    "RegisterCodeError": 400,
    "RegisterCodeUsed": 401,
    "SnNotUnique": 401,
}

_CA_PAGE = {
    "ParameterFieldCheckFailed": 400,
    "FindCaBySnError": 500,
    "MqttOwnerCheckError": 500,
    "MqttInstanceNotFound": 500,
}
_LIST_PAGE = {
    "ParameterFieldCheckFailed": 500,
    "MqttOwnerCheckError": 500,
    "MqttInstanceNotFound": 500,
}
_DEVICE_PAGE = {
    "ParameterFieldCheckFailed": 400,
    "FindDeviceBySnError": 500,
    "MqttInstanceNotFound": 500,
    "MqttOwnerCheckError": 500,
}

# One table an operation, as its own page prints it; the newest rendition where there are several.
_PRINTED: Mapping[str, Mapping[str, int]] = {
    "GetRegisterCode": {  # zh, 2025-12-21
        "MqttOwnerCheckError": 400,
        "PermissionCheckFailed": 403,
        "ParameterFieldCheckFailed": 500,
        "MqttInstanceNotFound": 500,
    },
    "RegisterCaCertificate": {  # EN, 2025-02; the end of its table from the adjustment page
        "ParameterFieldCheckFailed": 400,
        "InstancePermissionCheckFailed": 400,
        "RegisterCodeError": 500,
        "RegisterCodeUsed": 500,
        "GetCaNumError": 500,
        "CaNumExceed": 500,
        "CertificateContentError": 500,
        "SnNotUnique": 500,
    },
    "GetCaCertificate": _CA_PAGE,
    "ListCaCertificate": _LIST_PAGE,
    "ActiveCaCertificate": _CA_PAGE,
    "InactivateCaCertificate": {  # EN, 2025-12-19
        "ParameterFieldCheckFailed": 500,
        "FindCaBySnError": 500,
        "MqttInstanceNotFound": 500,
        "PermissionCheckFailed": 403,
        "MqttOwnerCheckError": 403,
    },
    "DeleteCaCertificate": _CA_PAGE,  # EN, 2025-07-31
    "ListDeviceCertificate": _LIST_PAGE,  # not visible; taken to be ListCaCertificate's
    "ListDeviceCertificateByCaSn": _DEVICE_PAGE,
    "GetDeviceCertificate": _DEVICE_PAGE,
    "ActiveDeviceCertificate": _DEVICE_PAGE,
    "InactivateDeviceCertificate": _DEVICE_PAGE,
    "DeleteDeviceCertificate": _DEVICE_PAGE,
}


_ON_ANY_PAGE = frozenset(code for page in _PRINTED.values() for code in page)
_GENERAL_PAGE = frozenset({"InstancePermissionCheckFailed", "PermissionCheckFailed"})


def documented_codes(operation: str) -> frozenset[str]:
    """Give the error codes that an operation may answer with.

    Args:
        operation: its name.

    Returns:
        Those on its own page, those of the general error page, and those of the gateway.
    """
    everywhere = (_GENERAL.keys() - _ON_ANY_PAGE) | _GENERAL_PAGE
    return frozenset(_PRINTED.get(operation, {})) | everywhere


def http_status(code: str, operation: str | None, profile: StatusProfile) -> int:
    """Look up the HTTP status of an error.

    Args:
        code: the error code.
        operation: the operation that was called, or None where the call named none.
        profile: which pages to go by.

    Raises:
        KeyError: certgate has no such error code.
    """
    if profile is StatusProfile.ADJUSTED and code in _ADJUSTED:
        return _ADJUSTED[code]
    return _PRINTED.get(operation or "", {}).get(code, _GENERAL[code])
