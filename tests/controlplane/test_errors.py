"""The error catalogue and its statuses, against the cloud's pages."""

import contextlib
from collections.abc import Callable, Iterator

import pytest

from certgate_controlplane import errors
from certgate_controlplane.catalogue import OPERATIONS
from certgate_controlplane.errors import ApiError
from certgate_controlplane.statuses import StatusProfile, http_status

# Each constructor with code, message, and both statuses where no operation's page says otherwise.
CATALOGUE: list[tuple[Callable[[], ApiError], str, str, int, int]] = [
    (
        errors.parameter_field_check_failed,
        "ParameterFieldCheckFailed",
        "Failed to validate the parameters. The parameters may be missing or invalid.",
        400,
        400,
    ),
    (
        errors.parameter_check_failed,
        "ParameterCheckFailed",
        (
            "An error occurred while validating the parameters. The parameters may be missing or"
            " invalid."
        ),
        400,
        400,
    ),
    (
        errors.find_ca_by_sn_error,
        "FindCaBySnError",
        "Failed to find the CA by the SN. Please check sn is valid.",
        500,
        400,
    ),
    (
        errors.find_device_by_sn_error,
        "FindDeviceBySnError",
        "Failed to find the device certificate by the SN. Please check sn is valid",
        500,
        400,
    ),
    (
        errors.mqtt_instance_not_found,
        "MqttInstanceNotFound",
        "Specified instance is not found",
        500,
        400,
    ),
    (
        errors.mqtt_owner_check_error,
        "MqttOwnerCheckError",
        "Failed to validate the instance permission",
        500,
        403,
    ),
    (
        errors.permission_check_failed,
        "PermissionCheckFailed",
        "Failed to verify API permissions.",
        400,
        403,
    ),
    (
        errors.instance_permission_check_failed,
        "InstancePermissionCheckFailed",
        (
            "An error occurred while validating the permissions of the instance. Please verify the"
            " account that created the instance and its permissions settings."
        ),
        400,
        400,
    ),
    (
        errors.register_code_error,
        "RegisterCodeError",
        "Register code error in verification certificate.",
        500,
        400,
    ),
    (errors.register_code_used, "RegisterCodeUsed", "Register code has been used.", 500, 401),
    (errors.get_ca_num_error, "GetCaNumError", "Failed to get ca num. Try again later.", 500, 401),
    (errors.ca_num_exceed, "CaNumExceed", "CA certificate num exceed.", 500, 401),
    (
        errors.certificate_content_error,
        "CertificateContentError",
        (
            "Certificate content error, please check ca/verification certificate content."
            " BasicConstraints extension should be set to true in CA certificate."
        ),
        500,
        401,
    ),
    (errors.sn_not_unique, "SnNotUnique", "Sn is not unique in global.", 500, 401),
    (
        errors.internal_error,
        "InternalError",
        "An error occurred while processing your request. Try again later.",
        500,
        417,
    ),
    (
        lambda: errors.api_not_support("CreateGroupId"),
        "ApiNotSupport",
        "The specified API is not supported. certgate does not emulate CreateGroupId.",
        404,
        404,
    ),
    (
        errors.invalid_action,
        "InvalidAction.NotFound",
        "Specified api is not found, please check your url and method.",
        404,
        404,
    ),
    (
        errors.invalid_version,
        "InvalidVersion",
        "Specified parameter Version is not valid.",
        400,
        400,
    ),
    (
        errors.unsupported_http_method,
        "UnsupportedHTTPMethod",
        "This http method is not supported.",
        405,
        405,
    ),
]

# Statuses that an operation's page prints for what accounts and policies refuse.
OWNER_AND_PERMISSION = {
    "GetRegisterCode": (400, 403),
    "InactivateCaCertificate": (403, 403),
    "DeleteCaCertificate": (500, 400),
    "GetCaCertificate": (500, 400),
    "ListCaCertificate": (500, 400),
    "GetDeviceCertificate": (500, 400),
}


@pytest.mark.parametrize(
    ("make", "code", "message", "status", "adjusted"), CATALOGUE, ids=[row[1] for row in CATALOGUE]
)
def test_catalogue(
    make: Callable[[], ApiError], code: str, message: str, status: int, adjusted: int
) -> None:
    """Each constructor fixes code and message; statuses follow from the code."""
    error = make()
    assert (error.code, error.message) == (code, message)
    assert error.status(StatusProfile.PER_OPERATION, None) == status
    assert error.status(StatusProfile.ADJUSTED, None) == adjusted


def test_every_constructor_is_in_the_table() -> None:
    """No error is made that the table above does not check."""
    made = [
        name
        for name, thing in vars(errors).items()
        if callable(thing) and getattr(thing, "__annotations__", {}).get("return") is ApiError
    ]
    assert len(made) == len(CATALOGUE)


@pytest.mark.parametrize(("operation", "statuses"), OWNER_AND_PERMISSION.items())
def test_owner_and_permission(operation: str, statuses: tuple[int, int]) -> None:
    """The newer pages print other statuses for a foreign instance than the older ones."""
    owner, permission = errors.mqtt_owner_check_error(), errors.permission_check_failed()
    profile = StatusProfile.PER_OPERATION
    assert (owner.status(profile, operation), permission.status(profile, operation)) == statuses


@pytest.mark.parametrize("operation", OPERATIONS)
def test_adjusted_statuses_do_not_depend_on_the_operation(operation: str) -> None:
    """The adjustment page has one status for each code."""
    for make, _, _, _, adjusted in CATALOGUE:
        assert make().status(StatusProfile.ADJUSTED, operation) == adjusted


def test_unknown_code() -> None:
    """A code without a status is a mistake in certgate, not a guess."""
    with pytest.raises(KeyError):
        http_status("NoSuchCode", None, StatusProfile.PER_OPERATION)


def test_error_passes_through_a_context_manager() -> None:
    """An error can be raised inside any context manager and stays what it is."""

    @contextlib.contextmanager
    def anything() -> Iterator[None]:
        yield

    with pytest.raises(ApiError, match="SnNotUnique") as caught, anything():
        raise errors.sn_not_unique()
    assert caught.value.code == "SnNotUnique"
