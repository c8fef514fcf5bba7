"""The door of the API: who may call, and what becomes of certgate's own trouble."""

import logging
from pathlib import Path
from urllib.parse import urlencode

import pytest

from certgate_certs.registry import Registry
from certgate_controlplane.api import create_app
from certgate_controlplane.call import Call
from certgate_controlplane.catalogue import Operation
from certgate_controlplane.context import Context
from certgate_controlplane.errors import permission_check_failed
from certgate_controlplane.permit import Permit
from controlplane.harness import INSTANCE, Driver, rows

CODE = {"Action": "GetRegisterCode", "Version": "2020-04-20", "MqttInstanceId": INSTANCE}


def encoded(parameters: dict[str, str]) -> bytes:
    """Write parameters as a query."""
    return urlencode(parameters).encode()


class Closed:
    """A gate that nobody passes."""

    async def admit(self, call: Call, operation: Operation) -> Permit:
        raise permission_check_failed()


class TestGate:
    """Who may call."""

    async def test_refused_before_parameters(self, context: Context, registry_file: Path) -> None:
        """A caller who is not admitted learns nothing about parameters, and nothing changes."""
        driver, before = Driver(create_app(context, gate=Closed())), rows(registry_file)
        reply = await driver.send(query=encoded(CODE | {"MqttInstanceId": ""}))
        assert (reply.status, reply.body["Code"]) == (403, "PermissionCheckFailed")
        assert (await driver.send(query=encoded(CODE))).status == 403
        assert rows(registry_file) == before


class TestTrouble:
    """What is nobody's fault but certgate's."""

    async def test_registry_unavailable(
        self,
        driver: Driver,
        registry_file: Path,
        registry: Registry,
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        """A registry that cannot be written is InternalError, with one sentence in the log."""
        async with registry._database.transaction() as connection:  # noqa: SLF001  to break it
            await connection.execute("DROP TABLE registration_code")
        reply = await driver.send(query=encoded(CODE))
        assert (reply.status, reply.body["Code"]) == (500, "InternalError")
        assert str(registry_file) not in reply.raw.decode()
        (record,) = caplog.records
        assert (record.levelno, record.exc_info) == (logging.ERROR, None)
        assert str(registry_file) in record.getMessage()

    async def test_unexpected(
        self, context: Context, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A mistake in certgate is logged with its traceback and told without."""

        async def broken(*_: object) -> str:
            raise RuntimeError("secret of the house")

        monkeypatch.setattr(context.registry.codes, "issue", broken)
        reply = await Driver(create_app(context)).send(query=encoded(CODE))
        assert (reply.status, reply.body["Code"]) == (500, "InternalError")
        assert reply.body["Message"] == (
            "An error occurred while processing your request. Try again later."
        )
        assert b"secret" not in reply.raw
        assert "secret of the house" in caplog.text
