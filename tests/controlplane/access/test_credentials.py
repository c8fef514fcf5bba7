"""The file with the access keys."""

import json
import logging
from pathlib import Path
from typing import Any

import pytest

from certgate_controlplane.access.credentials import (
    CredentialsError,
    load_credentials,
    read_credentials,
)

SECRET = "dummy-never-to-be-shown"
ALLOW = {"Version": "1", "Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}}


def entry(**changes: Any) -> dict[str, Any]:
    """Write an access key, changed; None takes a member away."""
    written = {
        "access_key_id": "dummy-id",
        "access_key_secret": SECRET,
        "account_id": "1000000000000001",
    } | changes
    return {name: value for name, value in written.items() if value is not None}


def text(*entries: object) -> str:
    """Write a file's text."""
    return json.dumps({"access_keys": list(entries)})


def refusal(content: str) -> str:
    """Read a file that is to be refused; give the sentence."""
    with pytest.raises(CredentialsError) as caught:
        read_credentials(content, "keys.json")
    said = str(caught.value)
    assert said.startswith("keys.json")
    assert SECRET not in said
    assert "\n" not in said
    assert caught.value.__context__ is None or caught.value.__suppress_context__
    return said


class TestReading:
    """What is in it."""

    def test_least(self) -> None:
        """An id, a secret and an account make a key: active, lasting, the account itself."""
        key = read_credentials(text(entry()), "keys.json")["dummy-id"]
        assert (key.access_key_id, key.access_key_secret) == ("dummy-id", SECRET)
        assert (key.account_id, key.is_active) == ("1000000000000001", True)
        assert (key.security_tokens, key.policies) == (frozenset(), None)

    def test_everything(self) -> None:
        """Tokens, status and policies are read."""
        written = entry(security_tokens=["a", "b+/="], status="Inactive", policies=[ALLOW])
        key = read_credentials(text(written), "keys.json")["dummy-id"]
        assert key.security_tokens == {"a", "b+/="}
        assert not key.is_active
        assert key.policies is not None
        assert key.policies[0].statements[0].allows

    def test_no_policy_attached(self) -> None:
        """An empty list is a user to whom no policy is attached, not the account."""
        key = read_credentials(text(entry(policies=[])), "keys.json")["dummy-id"]
        assert key.policies == ()

    def test_several(self) -> None:
        """Keys are found by their ids; status may be spelled out."""
        keys = read_credentials(text(entry(), entry(access_key_id="b", status="Active")), "f")
        assert set(keys) == {"dummy-id", "b"}
        assert keys["b"].is_active

    def test_secrets_are_not_shown(self) -> None:
        """Neither secret nor tokens are in a key's representation."""
        keys = read_credentials(text(entry(security_tokens=[f"{SECRET}-2"])), "keys.json")
        assert SECRET not in repr(keys)
        assert "dummy-id" in repr(keys)


class TestRefusal:
    """One sentence that names file and key and what is wrong."""

    @pytest.mark.parametrize(
        ("content", "says"),
        [
            ("", "not JSON"),
            (f'{{"access_keys": [{{"access_key_secret": "{SECRET}" x', "line 1, column"),
            ("[" * 100_000, "nested too deeply"),
            (f'{{"access_keys": [], "access_keys": ["{SECRET}"]}}', "twice"),
            ("[]", "one member"),
            ("{}", "one member"),
            ('{"access_keys": [], "more": 1}', "one member"),
            ('{"access_keys": []}', "not a list of access keys"),
            ('{"access_keys": {}}', "not a list of access keys"),
        ],
    )
    def test_file(self, content: str, says: str) -> None:
        """What is no file of keys at all says so."""
        assert says in refusal(content)

    @pytest.mark.parametrize(
        ("bad", "says"),
        [
            (SECRET, "number 1: it is no object"),
            (entry(access_key_id=None), "number 1: it has no access_key_id"),
            (entry(access_key_id=f"{SECRET} x"), "number 1: its access_key_id"),
            (entry(access_key_id=7), "number 1: its access_key_id"),
            (entry(access_key_secret=None), "dummy-id: it has no access_key_secret"),
            (entry(access_key_secret=""), "dummy-id: its access_key_secret"),
            (entry(access_key_secret=f"{SECRET}\n"), "dummy-id: its access_key_secret"),
            (entry(access_key_secret=f"{SECRET}\ud800"), "dummy-id: its access_key_secret"),
            (entry(access_key_secret=[SECRET]), "dummy-id: its access_key_secret"),
            (entry(account_id=None), "dummy-id: it has no account_id"),
            (entry(account_id="me"), "dummy-id: its account_id"),
            (entry(account_id=1000000000000001), "dummy-id: its account_id"),
            (entry(security_tokens=[]), "dummy-id: its security_tokens"),
            (entry(security_tokens=SECRET), "dummy-id: its security_tokens"),
            (entry(security_tokens=[SECRET, ""]), "dummy-id: its security_tokens"),
            (entry(status="inactive"), "dummy-id: its status is neither"),
            (entry(status=[]), "dummy-id: its status is neither"),
            (entry(policies={}), "dummy-id: its policies is not a list"),
            (entry(policies=[ALLOW, {}]), "dummy-id: one of its policies is refused"),
            (entry(policies=[ALLOW | {"Condition": 1}]), "'Condition'"),
            (entry(name="x"), "dummy-id: it has 'name', which certgate does not know"),
        ],
    )
    def test_key(self, bad: object, says: str) -> None:
        """A key that cannot be one is named, by its place where its id cannot be trusted."""
        assert f"access key {says}" in (said := refusal(text(bad))) or says in said

    def test_twice(self) -> None:
        """Two keys of one id are refused."""
        assert "access key dummy-id is there twice" in refusal(text(entry(), entry()))


class TestLoading:
    """The file itself."""

    def test_private_file(self, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
        """A file for its owner alone is read without a word."""
        file = tmp_path / "keys.json"
        file.write_text(text(entry()))
        file.chmod(0o600)
        assert set(load_credentials(file)) == {"dummy-id"}
        assert caplog.records == []

    @pytest.mark.parametrize("mode", [0o640, 0o604, 0o660])
    def test_file_for_others(
        self, tmp_path: Path, caplog: pytest.LogCaptureFixture, mode: int
    ) -> None:
        """A file that others may read is read all the same, with a warning."""
        file = tmp_path / "keys.json"
        file.write_text(text(entry()))
        file.chmod(mode)
        with caplog.at_level(logging.WARNING):
            assert set(load_credentials(file)) == {"dummy-id"}
        assert [str(file) in record.getMessage() for record in caplog.records] == [True]
        assert SECRET not in caplog.text

    def test_no_file(self, tmp_path: Path) -> None:
        """A file that is not there is named."""
        with pytest.raises(CredentialsError, match=r"nowhere\.json cannot be read: No such file"):
            load_credentials(tmp_path / "nowhere.json")

    def test_not_text(self, tmp_path: Path) -> None:
        """A file that is not UTF-8 is named."""
        file = tmp_path / "keys.json"
        file.write_bytes(b"\xff\xfe")
        with pytest.raises(CredentialsError, match=r"keys\.json is not UTF-8"):
            load_credentials(file)
