"""The documented errors by code, for calls that are to fail on purpose."""

from collections.abc import Callable, Mapping

from certgate_controlplane import errors
from certgate_controlplane.access import refusals
from certgate_controlplane.errors import ApiError

_SECONDS = 1
_MISSING = "Missing"

_MAKERS: Mapping[str, Callable[[], ApiError]] = {
    "ApiNotSupport": lambda: errors.api_not_support("it for the moment"),
    "CaNumExceed": errors.ca_num_exceed,
    "CertificateContentError": errors.certificate_content_error,
    "FindCaBySnError": errors.find_ca_by_sn_error,
    "FindDeviceBySnError": errors.find_device_by_sn_error,
    "GetCaNumError": errors.get_ca_num_error,
    "IncompleteSignature": refusals.incomplete_signature,
    "InstancePermissionCheckFailed": errors.instance_permission_check_failed,
    "InternalError": errors.internal_error,
    "InvalidAccessKeyId.Inactive": refusals.access_key_inactive,
    "InvalidAccessKeyId.NotFound": refusals.access_key_not_found,
    "InvalidAction.NotFound": errors.invalid_action,
    "InvalidSecurityToken.MismatchWithAccessKey": refusals.security_token_mismatch,
    "InvalidTimeStamp.Expired": refusals.timestamp_expired,
    "InvalidTimeStamp.Format": refusals.timestamp_malformed,
    "InvalidVersion": errors.invalid_version,
    "MqttInstanceNotFound": errors.mqtt_instance_not_found,
    "MqttOwnerCheckError": errors.mqtt_owner_check_error,
    "ParameterCheckFailed": errors.parameter_check_failed,
    "ParameterFieldCheckFailed": errors.parameter_field_check_failed,
    "PermissionCheckFailed": errors.permission_check_failed,
    "RegisterCodeError": errors.register_code_error,
    "RegisterCodeUsed": errors.register_code_used,
    "SignatureDoesNotMatch": lambda: refusals.signature_does_not_match(""),
    "SignatureNonceUsed": refusals.nonce_used,
    "SnNotUnique": errors.sn_not_unique,
    "Throttling.User": lambda: refusals.throttled(_SECONDS),
    "UnsupportedHTTPMethod": errors.unsupported_http_method,
}


def documented_error(code: str) -> ApiError:
    """Make the error of a code, with the words that the cloud has for it.

    Args:
        code: one of `certgate_controlplane.statuses.documented_codes`.
    """
    if code.startswith(_MISSING):
        return refusals.missing(code.removeprefix(_MISSING))
    return _MAKERS[code]()
