"""Any order of the certificate operations leaves the registry as a small model says."""

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from controlplane.harness import Reply
from proofs.records import Known
from proofs.registry_model import Model
from proofs.steps import take_step
from proofs.world import assert_documented, new_world

HAPPY = ["GetRegisterCode", "RegisterCaCertificate", "connect"]


@pytest.mark.proof
# How fast examples are made says how busy the machine is, and nothing about the registry.
@settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data(), length=st.integers(1, 30))
async def test_any_order(data: st.DataObject, length: int) -> None:
    """Every answer is the one the model foretells, and after it every row is."""

    def pick(several: Any) -> Any:
        return data.draw(st.sampled_from(several))

    async with new_world() as world:
        for _ in range(length):
            await take_step(world, pick)


async def test_way_through() -> None:
    """With the first of every choice a CA is registered, a device connects, and both are shown."""
    wanted = iter([*HAPPY, "GetDeviceCertificate", "ListDeviceCertificateByCaSn"])

    def pick(several: Any) -> Any:
        return next(wanted) if "connect" in several else several[0]

    async with new_world() as world:
        for _ in range(3):
            _, reply = await take_step(world, pick)
        assert len(world.model.devices) == 1
        for _ in range(2):
            _, reply = await take_step(world, pick)
            assert reply is not None
            assert reply.status == 200


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE ca_certificate SET status = 0",
        "DELETE FROM device_certificate",
        "UPDATE device_certificate SET status = 0",
        "UPDATE registration_code SET used = 0",
        "UPDATE client_identifier SET client_id = 'another'",
    ],
)
async def test_disagreement_is_found(change: str) -> None:
    """A row that is otherwise than the model has it is noticed."""
    wanted = iter(HAPPY)

    def pick(several: Any) -> Any:
        if None in several:
            return several[1]
        return next(wanted) if "connect" in several else several[0]

    async with new_world() as world:
        for _ in HAPPY:
            await take_step(world, pick)
        world.assert_as_modelled()
        world.tamper(change)
        with pytest.raises(AssertionError):
            world.assert_as_modelled()


def test_model_knows_the_limits() -> None:
    """The model by itself refuses what is not there, and numbers that are none."""
    model = Model(Known(), {"one"}, most=1)
    ask: dict[str, str] = {"MqttInstanceId": "one", "Sn": "00ab", "PageNo": "1", "PageSize": "1"}
    assert model.call("GetCaCertificate", ask, {"one"}) == "FindCaBySnError"
    assert model.call("GetCaCertificate", ask, set()) == "MqttOwnerCheckError"
    assert model.call("ListCaCertificate", ask | {"PageNo": "0"}, {"one"}) == (
        "ParameterFieldCheckFailed"
    )


@pytest.mark.parametrize(
    ("status", "text"),
    [
        (500, '{"RequestId":"","HostId":"","Code":"InternalError","Message":"","Recommend":""}'),
        (502, '{"RequestId":"","HostId":"","Code":"FindCaBySnError","Message":"","Recommend":""}'),
        (500, '{"RequestId":"","HostId":"","Code":"FindCaBySnError","Message":"","Recommend":1}'),
        (500, '{"Code":"FindCaBySnError"}'),
        (200, '{"RequestId":"Traceback (most recent call last)"}'),
        (200, "not JSON"),
        (307, ""),
    ],
)
def test_undocumented_answer_is_found(status: int, text: str) -> None:
    """An answer that no page has is noticed."""
    headers = {"content-type": "application/json;charset=utf-8"}
    with pytest.raises((AssertionError, KeyError, ValueError)):
        assert_documented(Reply(status, headers, text.encode()))
