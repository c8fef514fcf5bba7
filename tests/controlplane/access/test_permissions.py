"""What each operation asks of a caller, through the API."""

from dataclasses import replace

import pytest

from certgate_controlplane.access.gates import SignedGate
from certgate_controlplane.access.permissions import REGION, CallerPermit, needed_actions
from certgate_controlplane.access.policies import Policy
from certgate_controlplane.access.throttle import UNLIMITED
from certgate_controlplane.api import create_app
from certgate_controlplane.catalogue import OPERATIONS
from certgate_controlplane.context import Context
from certgate_controlplane.errors import ApiError
from certgate_controlplane.statuses import StatusProfile
from controlplane.access.kit import (
    ACCOUNT,
    FOREIGN_INSTANCE,
    OWNER,
    OWNERS,
    STRANGER,
    Clock,
    policy,
    v3,
)
from controlplane.harness import INSTANCE, Driver, Reply

# The pages' RAM tables: action, and whether mq:MqttInstanceAccess is needed too.
RAM = {
    "GetRegisterCode": ("mq:GetRegisterCode", True),
    "RegisterCaCertificate": ("mq:RegisterCa", True),
    "GetCaCertificate": ("mq:GetCaCertificate", True),
    "ListCaCertificate": ("mq:ListCaCertificate", True),
    "ActiveCaCertificate": ("mq:ActiveCaCertificate", True),
    "InactivateCaCertificate": ("mq:UnregisterCaCertificate", True),
    "DeleteCaCertificate": ("mq:DeleteCaCertificate", True),
    "ListDeviceCertificate": ("mq:ListDeviceCertificate", True),
    "ListDeviceCertificateByCaSn": ("mq:ListDeviceCertificateByCaSn", True),
    "GetDeviceCertificate": ("mq:GetDeviceCertificate", True),
    "ActiveDeviceCertificate": ("mq:ActiveDeviceCertificate", True),
    "InactivateDeviceCertificate": ("mq:UnregisterDeviceCertificate", False),
    "DeleteDeviceCertificate": ("mq:DeleteDeviceCertificate", True),
}
GOOD = {
    "MqttInstanceId": INSTANCE,
    "Sn": "00ab",
    "CaSn": "00ab",
    "DeviceSn": "00ab",
    "PageNo": "1",
    "PageSize": "10",
    "CaName": "ca",
    "CaContent": "x",
    "VerificationContent": "x",
}
# 403 where an operation's page prints it, 400 (general error page) where none does.
PERMISSION = {"GetRegisterCode": 403, "InactivateCaCertificate": 403}
OWNER_STATUS = {"GetRegisterCode": 400, "InactivateCaCertificate": 403}
ACCESS = "mq:MqttInstanceAccess"


async def answer(
    context: Context,
    operation: str,
    *policies: Policy,
    instance_id: str = INSTANCE,
    profile: StatusProfile = StatusProfile.PER_OPERATION,
) -> Reply:
    """Call an operation as a user with these policies."""
    clock = Clock()
    key = replace(OWNER, policies=policies)
    gate = SignedGate({key.access_key_id: key}, OWNERS, UNLIMITED, clock)
    driver = Driver(create_app(context, gate=gate, profile=profile))
    method = "GET" if "GET" in OPERATIONS[operation].methods else "POST"
    parameters = GOOD | {"MqttInstanceId": instance_id}
    return await v3(operation, parameters, key=key, method=method).send(driver)


def is_refused(reply: Reply) -> bool:
    """Tell whether a call failed for want of permission."""
    code = reply.body.get("Code")
    return code in {"PermissionCheckFailed", "InstancePermissionCheckFailed"}


@pytest.mark.parametrize("operation", RAM)
class TestActions:
    """Which RAM actions an operation needs."""

    async def test_suffices(self, instances: Context, operation: str) -> None:
        """The action of its page, and the dependent one, are enough."""
        action, is_dependent = RAM[operation]
        needed = [action, ACCESS] if is_dependent else [action]
        assert not is_refused(await answer(instances, operation, policy(*needed)))
        assert needed_actions(operation) == tuple(needed)

    async def test_without_the_action(self, instances: Context, operation: str) -> None:
        """Without its action an operation is refused, whatever else is allowed."""
        action, _ = RAM[operation]
        everything_else = [policy("*"), policy(action, effect="Deny")]
        reply = await answer(instances, operation, *everything_else)
        assert is_refused(reply)
        assert is_refused(await answer(instances, operation, policy(ACCESS)))

    async def test_without_the_dependent_action(self, instances: Context, operation: str) -> None:
        """Without access to the instance it is refused, where its page lists that action."""
        action, is_dependent = RAM[operation]
        assert is_refused(await answer(instances, operation, policy(action))) is is_dependent

    async def test_on_another_instance(self, instances: Context, operation: str) -> None:
        """What is allowed on one instance is not on another."""
        here = f"acs:mq:{REGION}:{ACCOUNT}:{INSTANCE}"
        assert not is_refused(await answer(instances, operation, policy("mq:*", resource=here)))
        elsewhere = policy("mq:*", resource=f"{here}-2")
        assert is_refused(await answer(instances, operation, elsewhere))

    async def test_error(self, instances: Context, operation: str) -> None:
        """It is refused with the error and the status that its page has for that."""
        reply = await answer(instances, operation)
        code = "PermissionCheckFailed"
        if operation == "RegisterCaCertificate":
            code = "InstancePermissionCheckFailed"
        assert (reply.body["Code"], reply.status) == (code, PERMISSION.get(operation, 400))

    async def test_foreign_instance(self, instances: Context, operation: str) -> None:
        """Another account's instance is refused before permissions are looked at."""
        reply = await answer(instances, operation, instance_id=FOREIGN_INSTANCE)
        expected = OWNER_STATUS.get(operation, 500)
        assert (reply.body["Code"], reply.status) == ("MqttOwnerCheckError", expected)
        adjusted = StatusProfile.ADJUSTED
        reply = await answer(instances, operation, instance_id=FOREIGN_INSTANCE, profile=adjusted)
        assert reply.status == 403

    async def test_no_such_instance(self, instances: Context, operation: str) -> None:
        """An instance that does not exist is said not to, to whoever asks."""
        reply = await answer(instances, operation, instance_id="nowhere")
        assert reply.body["Code"] == "MqttInstanceNotFound"


class TestPermit:
    """The permit by itself."""

    def test_account_may_do_anything_with_its_own(self) -> None:
        """A key without policies is the account."""
        permit = CallerPermit(OWNER, "DeleteCaCertificate", OWNERS)
        permit.check(INSTANCE)
        assert permit.covers(INSTANCE)
        assert not permit.covers(FOREIGN_INSTANCE)
        assert CallerPermit(STRANGER, "DeleteCaCertificate", OWNERS).covers(FOREIGN_INSTANCE)

    def test_covers_what_it_would_let_pass(self) -> None:
        """Without permission an instance of the account is not covered."""
        key = replace(OWNER, policies=(policy("mq:Get*", ACCESS),))
        assert CallerPermit(key, "GetCaCertificate", OWNERS).covers(INSTANCE)
        assert not CallerPermit(key, "DeleteCaCertificate", OWNERS).covers(INSTANCE)

    def test_instance_without_an_owner(self) -> None:
        """An instance that belongs to nobody belongs to no caller."""
        with pytest.raises(ApiError, match="MqttOwnerCheckError"):
            CallerPermit(OWNER, "GetCaCertificate", {}).check(INSTANCE)

    async def test_own_instances(self, instances: Context) -> None:
        """A context lists the instances that its caller may see; all of them where all may."""
        assert instances.own_instances() == sorted(OWNERS)
        permit = CallerPermit(STRANGER, "ListInstances", OWNERS)
        assert instances.permitting(permit).own_instances() == [FOREIGN_INSTANCE]
