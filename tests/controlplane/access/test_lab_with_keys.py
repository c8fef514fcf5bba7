"""A lab with access keys: its options, its mistakes, and what it answers."""

import asyncio
import importlib
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from certgate_certs.authority import CertificateAuthority
from certgate_controlplane.access.credentials import CredentialsError
from certgate_controlplane.cli import app
from certgate_controlplane.cli.options import split_instances
from certgate_controlplane.client import ApiClient, CallError
from certgate_controlplane.lab import LabServer
from certgate_controlplane.settings import DEFAULT_ACCOUNT, LabError, Settings, Side
from certgate_controlplane.statuses import StatusProfile

MINE, THEIRS = "post-cn-mine", "post-cn-theirs"
SECRET = "dummy-secret"


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    """Write a file with a key of the default account."""
    file = tmp_path / "keys.json"
    key = {"access_key_id": "dummy", "access_key_secret": SECRET, "account_id": DEFAULT_ACCOUNT}
    file.write_text(json.dumps({"access_keys": [key]}))
    file.chmod(0o600)
    return file


def settings(tmp_path: Path, **changes: Any) -> Settings:
    """Give the settings of an API on a free port."""
    given: dict[str, Any] = {"api_port": 0, "side": Side.API, "instance_ids": (MINE, THEIRS)}
    return Settings(state_dir=tmp_path / "state", **(given | changes))


@pytest.fixture
async def url(tmp_path: Path, keys: Path) -> AsyncIterator[str]:
    """Run a lab with keys, and an instance of somebody else."""
    accounts = {THEIRS: "2"}
    async with LabServer(settings(tmp_path, credentials=keys, accounts=accounts)) as lab:
        assert lab.address.api_url is not None
        yield lab.address.api_url


async def refused(client: ApiClient, instance_id: str = MINE) -> str | None:
    """Ask for a registration code; give the error code, None where one is handed out."""
    try:
        await asyncio.to_thread(client.call, "GetRegisterCode", MqttInstanceId=instance_id)
    except CallError as error:
        return error.code
    return None


async def test_keys_are_asked_for(url: str) -> None:
    """Only the file's keys are let in, each to its account's instances."""
    assert await refused(ApiClient(url, "dummy", SECRET)) is None
    assert await refused(ApiClient(url, "dummy", "wrong")) == "SignatureDoesNotMatch"
    assert await refused(ApiClient(url, "nobody", SECRET)) == "InvalidAccessKeyId.NotFound"
    assert await refused(ApiClient(url, "dummy", SECRET), THEIRS) == "MqttOwnerCheckError"


async def test_client_takes_its_key_from_the_environment(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The command line's client finds its key in two variables, and does not show the secret."""
    monkeypatch.setenv("CERTGATE_ACCESS_KEY_ID", "dummy")
    monkeypatch.setenv("CERTGATE_ACCESS_KEY_SECRET", SECRET)
    assert await refused(ApiClient(url)) is None
    assert SECRET not in repr(ApiClient(url))


async def test_throttle(tmp_path: Path) -> None:
    """A lab without keys holds all callers to the rate; nought lets any number in."""
    for rate, expected in ((1, {None, "Throttling.User"}), (0, {None})):
        async with LabServer(settings(tmp_path, throttle=rate)) as lab:
            client = ApiClient(str(lab.address.api_url))
            assert {await refused(client) for _ in range(20)} == expected


async def test_status_profile_and_number_of_cas(tmp_path: Path) -> None:
    """Statuses and limits are those of the settings."""
    changes = {"status_profile": StatusProfile.ADJUSTED, "max_cas": 0}
    async with LabServer(settings(tmp_path, **changes)) as lab:
        client = ApiClient(str(lab.address.api_url))
        code = await asyncio.to_thread(client.call, "GetRegisterCode", MqttInstanceId=MINE)
        ca = CertificateAuthority.create_root("ca")
        with pytest.raises(CallError) as caught:
            await asyncio.to_thread(
                client.call,
                "RegisterCaCertificate",
                MqttInstanceId=MINE,
                CaName="ca",
                CaContent=ca.pem,
                VerificationContent=ca.issue_verification(code["RegisterCode"]).pem,
            )
    assert (caught.value.code, caught.value.status) == ("CaNumExceed", 401)


class TestElsewhereThanLoopback:
    """Listening where strangers are."""

    async def test_takes_keys_or_the_flag(self, tmp_path: Path) -> None:
        """Without keys it takes the flag, and says so."""
        with pytest.raises(LabError, match="--credentials, or add --allow-remote"):
            await LabServer(settings(tmp_path, host="0.0.0.0")).start()

    @pytest.mark.parametrize("is_allowed", [True, False])
    async def test_own_door_is_shut(self, tmp_path: Path, keys: Path, is_allowed: bool) -> None:
        """With keys alone the lab's own door, which asks for none, is not there."""
        changes = {"host": "0.0.0.0", "credentials": keys, "allow_remote": is_allowed}
        async with LabServer(settings(tmp_path, **changes)) as lab:
            client = ApiClient(str(lab.address.api_url), "dummy", SECRET)
            assert await refused(client) is None
            if is_allowed:
                assert await asyncio.to_thread(client.read, "/_certgate/health")
            else:
                with pytest.raises(CallError, match=r"InvalidAction\.NotFound"):
                    await asyncio.to_thread(client.read, "/_certgate/health")


class TestMistakes:
    """What a lab does not start with."""

    async def test_no_file(self, tmp_path: Path) -> None:
        """A file that is not there is named."""
        with pytest.raises(CredentialsError, match=r"nowhere\.json cannot be read"):
            await LabServer(settings(tmp_path, credentials=tmp_path / "nowhere.json")).start()

    @pytest.mark.parametrize("account", ["", "me", "1" * 33, "1\n"])
    async def test_account(self, tmp_path: Path, account: str) -> None:
        """An account that cannot be one is named."""
        with pytest.raises(LabError, match="cannot be an account id"):
            await LabServer(settings(tmp_path, accounts={MINE: account})).start()

    def test_two_accounts(self) -> None:
        """An instance belongs to one account."""
        with pytest.raises(typer.BadParameter, match="'a' has two accounts"):
            split_instances(["a@1", "b", "a@2"])


class TestOptions:
    """From the command line to the settings."""

    def test_instances(self) -> None:
        """An instance may name its account; the order stays."""
        assert split_instances(None) == (("post-cn-local",), {})
        assert split_instances(["b@7", "a", "b@7"]) == (("b", "a", "b"), {"b": "7"})
        given = Settings(instance_ids=("b", "a"), accounts={"b": "7"})
        assert given.owners == {"b": "7", "a": "1234567890123456"}

    @pytest.mark.parametrize("by_variable", [False, True])
    def test_serve(
        self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, by_variable: bool
    ) -> None:
        """Each option, or its variable, reaches the settings."""
        made: list[Settings] = []

        async def run(given: Settings, _: Path | None) -> None:
            made.append(given)

        # By its name: the package has a function called like the module.
        module = importlib.import_module("certgate_controlplane.cli.serve")
        monkeypatch.setattr(module, "_run", run)
        options = {
            "credentials": str(tmp_path / "keys.json"),
            "throttle": "7",
            "status-profile": "adjusted",
            "max-cas": "3",
            "instance": "a@9",
        }
        variables = {f"CERTGATE_{name.upper().replace('-', '_')}": v for name, v in options.items()}
        words = [word for name, v in options.items() for word in (f"--{name}", v)]
        result = CliRunner(env=variables if by_variable else {}).invoke(
            app, ["serve", *([] if by_variable else words)]
        )
        assert result.exit_code == 0
        assert made[0].credentials == tmp_path / "keys.json"
        assert (made[0].throttle, made[0].max_cas) == (7, 3)
        assert made[0].status_profile is StatusProfile.ADJUSTED
        assert made[0].owners == {"a": "9"}

    @pytest.mark.parametrize(
        "words", [["--throttle", "-1"], ["--max-cas", "-1"], ["--status-profile", "other"]]
    )
    def test_wrong_option(self, words: list[str]) -> None:
        """A value that cannot be one is refused."""
        result = CliRunner().invoke(app, ["serve", *words])
        assert result.exit_code == 2
        assert words[0] in result.output
