"""No code without a row that says what brings it about, and no row without a code.

`test_documented_errors` and `test_live_clients` have the rows of the operations' own errors. Here
are those of accounts and permissions, through the official SDK, and those of the gateway, whose
rows are in `access/gateway_rows`.
"""

import ast
import inspect
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from Tea.exceptions import TeaException

import certgate_controlplane
from certgate_certs.registry import Registry
from certgate_controlplane import errors, statuses
from certgate_controlplane.access import refusals, v1
from certgate_controlplane.access.gates import SignedGate
from certgate_controlplane.access.throttle import UNLIMITED, Throttle
from certgate_controlplane.api import create_app
from certgate_controlplane.context import Context
from certgate_controlplane.errors import ApiError
from certgate_controlplane.statuses import StatusProfile
from controlplane.access.gateway_rows import GATEWAY, STRING_TO_SIGN, Row
from controlplane.access.kit import (
    FOREIGN_INSTANCE,
    KEYS,
    OWNER,
    OWNERS,
    Clock,
    v3,
)
from controlplane.access.test_official_sdk import call, sdk
from controlplane.harness import Driver, Reply, rows, served
from controlplane.test_documented_errors import TABLE
from controlplane.test_live_clients import REFUSALS

NOBODY = replace(OWNER, access_key_id="dummy-without-rights", policies=())
OWNER_MESSAGE = "Failed to validate the instance permission"
PERMISSION_MESSAGE = "Failed to verify API permissions."
# Status of MqttOwnerCheckError and of the want of permission, per operation: the operations' pages
# where they print it, else the adjustment page's column "before" and the general error page.
ACCESS = dict.fromkeys(TABLE, (500, 400)) | {
    "GetRegisterCode": (400, 403),
    "InactivateCaCertificate": (403, 403),
}
# What takes more than one request has a test of its own below.
IN_STEPS = {"InternalError", "SignatureNonceUsed", "Throttling.User"}
# certgate counts in the very transaction that registers, and that either works or is InternalError.
CANNOT_BE_CAUSED = {"GetCaNumError": ("Failed to get ca num. Try again later.", 500, 401)}
# Refused before the API is asked, by certgate itself: with no code of the cloud's, and always 403.
GUARDS = {"Forbidden.ForeignHost", "Forbidden.ForeignOrigin"}

PROFILES = pytest.mark.parametrize("profile", StatusProfile)


def made_by(module: object) -> set[str]:
    """Give the code of every error that a module has a constructor for."""
    codes = set()
    for _, make in inspect.getmembers(module, inspect.isfunction):
        if inspect.signature(make).return_annotation is ApiError and make is not refusals.missing:
            arguments = [
                1 if parameter.annotation is int else "x"
                for parameter in inspect.signature(make).parameters.values()
            ]
            codes.add(make(*arguments).code)
    return codes


def trees() -> Iterator[tuple[str, ast.Module]]:
    """Parse every module of the control plane."""
    top = Path(certgate_controlplane.__path__[0])
    for file in sorted(top.rglob("*.py")):
        yield file.name, ast.parse(file.read_text())


def called(tree: ast.Module, name: str) -> list[ast.expr]:
    """Give the first argument of every call of a function by its name."""
    return [
        node.args[0]
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == name
    ]


def pieces() -> set[str]:
    """Give the code of every piece of a signature that can be missing."""
    named = {
        str(node.value)
        for _, tree in trees()
        for node in called(tree, "missing")
        if isinstance(node, ast.Constant)
    }
    required = {*vars(v1)["_REQUIRED"], "SignedHeaders"}
    return {f"Missing{piece}" for piece in named | required}


def stated() -> set[str]:
    """Give every code that a row brings about."""
    own = {case.code for _, cases in TABLE.values() for case in cases}
    access = {"MqttOwnerCheckError", "PermissionCheckFailed", "InstancePermissionCheckFailed"}
    return own | access | set(REFUSALS) | {row.code for row in GATEWAY} | IN_STEPS


def test_no_code_without_a_row() -> None:
    """The codes that certgate can make, and those that a row brings about, are the same."""
    made = made_by(errors) | made_by(refusals) | pieces() | GUARDS
    assert stated().isdisjoint(CANNOT_BE_CAUSED)
    assert made == stated() | CANNOT_BE_CAUSED.keys()
    assert made - GUARDS == vars(statuses)["_GENERAL"].keys()


def test_errors_are_made_by_constructors_alone() -> None:
    """Nobody but the constructors, and the guard before the API, puts a code into words."""
    makers = {name for name, tree in trees() if called(tree, "ApiError")}
    assert makers == {"errors.py", "refusals.py", "guard.py"}


def test_codes_of_the_guard() -> None:
    """The guard has no other code than the two that are stated."""
    (tree,) = (tree for name, tree in trees() if name == "guard.py")
    assert {ast.literal_eval(node) for node in called(tree, "ApiError")} == GUARDS


@pytest.mark.parametrize("code", CANNOT_BE_CAUSED)
def test_what_cannot_be_caused(code: str) -> None:
    """An error without a cause has its message and statuses all the same."""
    message, status, adjusted = CANNOT_BE_CAUSED[code]
    error = errors.get_ca_num_error()
    assert (error.code, error.message) == (code, message)
    operation = "RegisterCaCertificate"
    assert error.status(StatusProfile.PER_OPERATION, operation) == status
    assert error.status(StatusProfile.ADJUSTED, operation) == adjusted


@pytest.fixture(params=StatusProfile)
async def served_in(
    instances: Context, request: pytest.FixtureRequest
) -> AsyncIterator[tuple[str, bool]]:
    """Serve with keys; gives ``host:port``, and whether the statuses are the adjusted ones."""
    clock = Clock.of_today()
    keys = {key.access_key_id: key for key in (OWNER, NOBODY)}
    gate = SignedGate(keys, OWNERS, UNLIMITED, clock)
    async with served(create_app(instances, gate=gate, profile=request.param)) as address:
        yield address, request.param is StatusProfile.ADJUSTED


@pytest.fixture
def instances(registry: Registry) -> Context:
    """Give instances of two accounts."""
    return Context(registry, frozenset(OWNERS))


@pytest.mark.parametrize("algorithm", ["", "v2"], ids=["V3", "V1"])
@pytest.mark.parametrize("operation", TABLE)
async def test_account_and_permission(
    served_in: tuple[str, bool], registry_file: Path, operation: str, algorithm: str
) -> None:
    """The SDK sees another account's instance, and the want of permission, as its page has it."""
    (address, is_adjusted), (owner, permission) = served_in, ACCESS[operation]
    before = rows(registry_file)
    owner_sdk = sdk(address, OWNER, algorithm)
    refusal = await call(owner_sdk, operation, MqttInstanceId=FOREIGN_INSTANCE)
    assert seen(refusal) == ("MqttOwnerCheckError", 403 if is_adjusted else owner, OWNER_MESSAGE)
    refusal = await call(sdk(address, NOBODY, algorithm), operation)
    expected = ("PermissionCheckFailed", 403 if is_adjusted else permission, PERMISSION_MESSAGE)
    if operation == "RegisterCaCertificate":  # Its page has another error for that.
        code = "InstancePermissionCheckFailed"
        expected = (code, 400, REFUSALS[code])
    assert seen(refusal) == expected
    assert rows(registry_file) == before


def seen(refusal: TeaException) -> tuple[str, int, str]:
    """Give code, status and message as the SDK has them."""
    assert refusal.code == refusal.data["Code"]
    return refusal.code, refusal.data["statusCode"], refusal.data["Message"]


def told(reply: Reply) -> tuple[int, str, str]:
    """Give status, code and message; of a string to sign only that it is there."""
    message = reply.body["Message"]
    if STRING_TO_SIGN in message:
        message, _, text = message.partition(STRING_TO_SIGN)
        message += STRING_TO_SIGN
        assert text
    return reply.status, reply.body["Code"], message


def signed_driver(
    instances: Context, profile: StatusProfile, throttle: Throttle = UNLIMITED
) -> Driver:
    """Call the application behind a gate that knows the keys of the kit."""
    gate = SignedGate(KEYS, OWNERS, throttle, Clock())
    return Driver(create_app(instances, gate=gate, profile=profile))


@PROFILES
@pytest.mark.parametrize("row", GATEWAY, ids=lambda row: row.code)
async def test_gateway(instances: Context, profile: StatusProfile, row: Row) -> None:
    """The gateway's errors have one status in both profiles, and their exact message."""
    reply = await row.request.send(signed_driver(instances, profile))
    assert told(reply) == (row.status, row.code, row.message)


@PROFILES
async def test_nonce_used(instances: Context, profile: StatusProfile) -> None:
    """The same request a second time is refused."""
    driver = signed_driver(instances, profile)
    assert (await v3().send(driver)).status == 200
    message = "Specified signature nonce was used already."
    assert told(await v3().send(driver)) == (400, "SignatureNonceUsed", message)


@PROFILES
async def test_throttled(instances: Context, profile: StatusProfile) -> None:
    """One call more than the rate allows is refused."""
    driver = signed_driver(instances, profile, Throttle(1, Clock()))
    assert (await v3().send(driver)).status == 200
    reply = await v3(nonce="another").send(driver)
    message = "Request was denied due to user flow control."
    assert told(reply) == (400, "Throttling.User", message)


@pytest.mark.parametrize(
    ("profile", "status"), [(StatusProfile.PER_OPERATION, 500), (StatusProfile.ADJUSTED, 417)]
)
async def test_internal_error(
    registry: Registry, instances: Context, profile: StatusProfile, status: int
) -> None:
    """A registry that cannot be used is an error of certgate's own."""
    await registry.close()
    reply = await v3().send(signed_driver(instances, profile))
    message = "An error occurred while processing your request. Try again later."
    assert told(reply) == (status, "InternalError", message)
