"""The errors that the API documents: one constructor each, fixing code and message.

Messages are those of the operations' own pages. Where the general error page has other words for
the same code (PermissionCheckFailed), the operations' pages win.
"""

from dataclasses import dataclass

from certgate_controlplane.statuses import StatusProfile, http_status


# Not frozen: contextlib sets the `__traceback__` of an exception that passes through it.
@dataclass(eq=False)
class ApiError(Exception):
    """What a call is refused with.

    Attributes:
        code: the documented error code; what the SDKs branch on.
        message: the documented text.
        retry_after: seconds after which to call again, at least 1; None where waiting is no help.
    """

    code: str
    message: str
    retry_after: int | None = None

    def status(self, profile: StatusProfile, operation: str | None) -> int:
        """Look up the HTTP status.

        Args:
            profile: which of the cloud's pages to go by.
            operation: the operation that was called, or None where the call named none.
        """
        return http_status(self.code, operation, profile)


def parameter_field_check_failed() -> ApiError:
    """Refuse a parameter that is missing, empty or bad (every operation's page)."""
    return ApiError(
        "ParameterFieldCheckFailed",
        "Failed to validate the parameters. The parameters may be missing or invalid.",
    )


def parameter_check_failed() -> ApiError:
    """Refuse a request whose parameters cannot be read at all (general error page)."""
    return ApiError(
        "ParameterCheckFailed",
        "An error occurred while validating the parameters."
        " The parameters may be missing or invalid.",
    )


def find_ca_by_sn_error() -> ApiError:
    """Say that the instance has no such CA certificate (DeleteCaCertificate and others)."""
    return ApiError("FindCaBySnError", "Failed to find the CA by the SN. Please check sn is valid.")


def find_device_by_sn_error() -> ApiError:
    """Say that the instance has no such device certificate; its pages print no final period."""
    return ApiError(
        "FindDeviceBySnError",
        "Failed to find the device certificate by the SN. Please check sn is valid",
    )


def mqtt_instance_not_found() -> ApiError:
    """Say that there is no such instance (every operation's page)."""
    return ApiError("MqttInstanceNotFound", "Specified instance is not found")


def mqtt_owner_check_error() -> ApiError:
    """Refuse a caller who does not own the instance (every operation's page)."""
    return ApiError("MqttOwnerCheckError", "Failed to validate the instance permission")


def permission_check_failed() -> ApiError:
    """Refuse a caller without permission for the operation (InactivateCaCertificate)."""
    return ApiError("PermissionCheckFailed", "Failed to verify API permissions.")


def instance_permission_check_failed() -> ApiError:
    """Refuse a caller without permission for the instance (RegisterCaCertificate)."""
    return ApiError(
        "InstancePermissionCheckFailed",
        "An error occurred while validating the permissions of the instance. Please verify the"
        " account that created the instance and its permissions settings.",
    )


def register_code_error() -> ApiError:
    """Refuse a verification certificate whose code was never handed out for the instance."""
    return ApiError("RegisterCodeError", "Register code error in verification certificate.")


def register_code_used() -> ApiError:
    """Refuse a verification certificate whose code is used up."""
    return ApiError("RegisterCodeUsed", "Register code has been used.")


def get_ca_num_error() -> ApiError:
    """Say that the CA certificates could not be counted; certgate always can."""
    return ApiError("GetCaNumError", "Failed to get ca num. Try again later.")


def ca_num_exceed() -> ApiError:
    """Refuse a CA certificate because the instance has as many as it may have."""
    return ApiError("CaNumExceed", "CA certificate num exceed.")


def certificate_content_error() -> ApiError:
    """Refuse a CA or verification certificate that is unusable or does not prove possession."""
    return ApiError(
        "CertificateContentError",
        "Certificate content error, please check ca/verification certificate content."
        " BasicConstraints extension should be set to true in CA certificate.",
    )


def sn_not_unique() -> ApiError:
    """Refuse a CA certificate whose serial number is registered already."""
    return ApiError("SnNotUnique", "Sn is not unique in global.")


def internal_error() -> ApiError:
    """Say that the fault is certgate's (general error page, not the gateway's wording)."""
    return ApiError(
        "InternalError", "An error occurred while processing your request. Try again later."
    )


def api_not_support(action: str) -> ApiError:
    """Refuse an action that the product has and certgate does not emulate.

    Args:
        action: one of the product's actions.
    """
    return ApiError(
        "ApiNotSupport", f"The specified API is not supported. certgate does not emulate {action}."
    )


def invalid_action() -> ApiError:
    """Refuse an action or a path that the product does not have (gateway)."""
    return ApiError(
        "InvalidAction.NotFound", "Specified api is not found, please check your url and method."
    )


def invalid_version() -> ApiError:
    """Refuse a call of another version of the API (gateway)."""
    return ApiError("InvalidVersion", "Specified parameter Version is not valid.")


def unsupported_http_method() -> ApiError:
    """Refuse an HTTP method that the operation does not take (gateway)."""
    return ApiError("UnsupportedHTTPMethod", "This http method is not supported.")
