"""The catalogue of actions, against the official SDK."""

import inspect
import re

import pytest
from alibabacloud_onsmqtt20200420 import client

from certgate_controlplane.catalogue import NOT_EMULATED, OPERATIONS, VERSION, find_operation
from certgate_controlplane.errors import ApiError

CALLS = set(
    re.findall(
        r"action='(\w+)',\s+version='([\d-]+)',\s+protocol='\w+',\s+pathname='/',\s+method='(\w+)'",
        inspect.getsource(client),
    )
)


def test_the_sdk_was_understood() -> None:
    """The product has fifty actions."""
    assert len(CALLS) == 50


def test_actions_are_the_products() -> None:
    """Emulated or not, certgate knows the actions that the official SDK calls, and no other."""
    assert {action for action, _, _ in CALLS} == OPERATIONS.keys() | NOT_EMULATED


def test_an_action_is_emulated_or_not() -> None:
    """Eighteen actions are emulated and none of them is said not to be."""
    assert len(OPERATIONS) == 18
    assert OPERATIONS.keys().isdisjoint(NOT_EMULATED)


def test_version_is_the_sdks() -> None:
    """The SDK calls one version only."""
    assert {version for _, version, _ in CALLS} == {VERSION}


def test_methods() -> None:
    """What the SDK reads is read with GET only; the rest with both, or as the metadata have it."""
    posted = {"CloseConnection", "SendMessage"}
    for action, _, method in CALLS:
        if action in OPERATIONS:
            both = {"POST"} if action in posted else {"GET", "POST"}
            assert OPERATIONS[action].methods == ({"GET"} if method == "GET" else both)


def test_find_operation() -> None:
    """An emulated action is found by its exact name."""
    assert find_operation("GetRegisterCode").name == "GetRegisterCode"


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("CreateGroupId", "ApiNotSupport"),
        ("getregistercode", "InvalidAction.NotFound"),
        ("RunInstances", "InvalidAction.NotFound"),
        ("", "InvalidAction.NotFound"),
        (None, "InvalidAction.NotFound"),
    ],
)
def test_not_found(name: str | None, code: str) -> None:
    """What the product has and certgate has not is told apart from what nobody has."""
    with pytest.raises(ApiError, match=code):
        find_operation(name)
