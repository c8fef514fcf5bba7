"""The README's table of actions says what the official SDK calls and what certgate emulates."""

import inspect
import re
from pathlib import Path
from urllib.parse import urlencode

import pytest
from alibabacloud_onsmqtt20200420 import client

from certgate_controlplane.catalogue import OPERATIONS
from controlplane.harness import Driver

README = Path(__file__).parents[2] / "README.md"
SDK_ACTIONS = sorted(set(re.findall(r"action='(\w+)'", inspect.getsource(client))))


def table() -> list[tuple[str, str, str]]:
    """Read the table between its markers: action, yes or no, how verified."""
    between = re.findall(r"<!-- actions -->(.*?)<!-- /actions -->", README.read_text(), re.DOTALL)
    assert len(between) == 1
    rows = re.findall(r"^\| (.+?) \| (.+?) \| (.+?) \|$", between[0], re.MULTILINE)
    return [row for row in rows if row[0] != "action"]


def test_every_action_has_one_row() -> None:
    """The table names each of the SDK's fifty actions once, and no other."""
    assert len(SDK_ACTIONS) == 50
    assert sorted(name for name, _, _ in table()) == SDK_ACTIONS


def test_emulated_is_what_the_catalogue_has() -> None:
    """`yes` stands beside what certgate emulates, `no` beside the rest."""
    assert {name: emulated for name, emulated, _ in table()} == {
        name: "yes" if name in OPERATIONS else "no" for name in SDK_ACTIONS
    }


def test_every_row_says_how_it_is_verified() -> None:
    """The last column is never left empty, and an action that is not emulated claims no more."""
    for name, emulated, how in table():
        assert len(how.strip()) > 3, name
        assert (how == "answers `ApiNotSupport`") is (emulated == "no"), name


@pytest.mark.parametrize("action", [name for name in SDK_ACTIONS if name not in OPERATIONS])
@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_what_is_not_emulated(driver: Driver, action: str, method: str) -> None:
    """An action said not to be emulated is refused by its name, as the last column says."""
    query = urlencode({"Action": action, "Version": "2020-04-20"}).encode()
    reply = await driver.send(method, query)
    assert (reply.status, reply.body["Code"]) == (404, "ApiNotSupport")
    assert action in reply.body["Message"]
