"""Each fault of the API does over the wire, to the official SDK, what its name says."""

import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from Tea.exceptions import TeaException

from certgate_certs.authority import CertificateAuthority
from e2e.faulty import Rig, faulty
from e2e.support import INSTANCE


@pytest.fixture
async def rig(tmp_path: Path) -> AsyncIterator[Rig]:
    """Run a lab."""
    async with faulty(tmp_path) as running:
        yield running


@pytest.fixture
async def ca(rig: Rig) -> CertificateAuthority:
    """Give a registered CA."""
    return await rig.new_ca()


async def status(rig: Rig, ca: CertificateAuthority) -> str:
    """Ask for a CA's status."""
    answer = await rig.sdk.call("GetCaCertificate", **which(ca))
    return str(answer["Data"]["Status"])


async def refused(rig: Rig, operation: str, **parameters: str) -> tuple[str, int] | None:
    """Call an operation; give code and status of its refusal, if it is refused."""
    try:
        await rig.sdk.call(operation, **parameters)
    except TeaException as error:
        return error.code, error.data["statusCode"]
    return None


def which(ca: CertificateAuthority) -> dict[str, str]:
    """Name a CA as its operations do."""
    return {"MqttInstanceId": INSTANCE, "Sn": ca.issued.view.sn}


class TestApiError:
    """``api-error``."""

    async def test_the_next_two(self, rig: Rig, ca: CertificateAuthority) -> None:
        """Two calls of the operation get the error and do nothing; others are answered."""
        await rig.lab.faults.set(
            "api-error", operation="InactivateCaCertificate", code="Throttling.User", next=2
        )
        for _ in range(2):
            refusal = await rig.sdk.refusal("InactivateCaCertificate", **which(ca))
            assert (refusal.code, refusal.data["statusCode"]) == ("Throttling.User", 400)
            assert await status(rig, ca) == "1"
        await rig.sdk.call("InactivateCaCertificate", **which(ca))
        assert await status(rig, ca) == "0"
        assert await rig.struck() == {"api-error": (3, 2)}

    async def test_percent(self, rig: Rig, ca: CertificateAuthority) -> None:
        """Some calls get the error, as the seed says, with the status of the operation's page."""
        code = "FindCaBySnError"
        operation = "GetCaCertificate"
        await rig.lab.faults.set("api-error", operation=operation, code=code, percent=40, seed=1)
        seen = [await refused(rig, operation, **which(ca)) for _ in range(10)]
        assert {*seen} == {None, (code, 500)}
        assert await rig.struck() == {"api-error": (10, seen.count((code, 500)))}

    async def test_toolkit_is_spared(self, rig: Rig, ca: CertificateAuthority) -> None:
        """What the lab itself calls from inside is not struck."""
        code = "InternalError"
        await rig.lab.faults.set("api-error", operation="InactivateCaCertificate", code=code)
        await rig.lab.operations.call("InactivateCaCertificate", **which(ca))
        assert await status(rig, ca) == "0"
        assert await rig.struck() == {"api-error": (0, 0)}


class TestApiDelay:
    """``api-delay``."""

    async def test_late_and_done(self, rig: Rig, ca: CertificateAuthority) -> None:
        """The answer is late, once, whatever is called; it is the right one."""
        await rig.lab.faults.set("api-delay", milliseconds=300, next=1)
        took = []
        for _ in range(2):
            began = time.monotonic()
            assert await status(rig, ca) == "1"
            took.append(time.monotonic() - began)
        assert took[0] >= 0.3 > took[1]

    async def test_one_operation(self, rig: Rig, ca: CertificateAuthority) -> None:
        """Only calls of the operation wait."""
        await rig.lab.faults.set("api-delay", operation="ListInstances", milliseconds=5000)
        began = time.monotonic()
        assert await status(rig, ca) == "1"
        assert time.monotonic() - began < 4
        assert await rig.struck() == {"api-delay": (0, 0)}


class TestApiDrop:
    """``api-drop``."""

    async def test_done_and_not_answered(self, rig: Rig, ca: CertificateAuthority) -> None:
        """The SDK sees a connection that ends without a byte; the CA is inactive all the same."""
        await rig.lab.faults.set("api-drop", operation="InactivateCaCertificate", next=1)
        with pytest.raises(Exception, match="Remote end closed connection without response"):
            await rig.sdk.call("InactivateCaCertificate", **which(ca))
        assert await status(rig, ca) == "0"
        assert rig.lab.calls.since(0)[-2][1].status == 0
        await rig.sdk.call("InactivateCaCertificate", **which(ca))

    async def test_refusals_are_dropped_too(self, rig: Rig) -> None:
        """A call that would have been refused gets no answer either."""
        await rig.lab.faults.set("api-drop")
        with pytest.raises(Exception, match="Remote end closed connection without response"):
            await rig.sdk.call("GetCaCertificate", MqttInstanceId=INSTANCE, Sn="01")
