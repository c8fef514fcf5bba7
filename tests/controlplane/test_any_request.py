"""Whatever is sent, the answer is a documented one."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from certgate_certs.authority import CertificateAuthority
from certgate_controlplane.catalogue import OPERATIONS
from controlplane.harness import INSTANCE, Driver, Reply, rows

PROOF = Path(__file__).parents[1] / "proofs" / "api_requests.py"

# One registry serves all examples on purpose: no example may spoil it for the next.
shared = settings(
    deadline=None,
    max_examples=150,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)

NAMES = (
    "Action",
    "Version",
    "MqttInstanceId",
    "Sn",
    "CaSn",
    "DeviceSn",
    "PageNo",
    "PageSize",
    "CaName",
    "CaContent",
    "VerificationContent",
)
# 500 is what the operations' pages print for these; InternalError is not among them.
DOCUMENTED = {
    "ParameterFieldCheckFailed": {400, 500},
    "ParameterCheckFailed": {400},
    "FindCaBySnError": {500},
    "FindDeviceBySnError": {500},
    "MqttInstanceNotFound": {500},
    "RegisterCodeError": {500},
    "CertificateContentError": {500},
    "ApiNotSupport": {404},
    "InvalidAction.NotFound": {404},
    "InvalidVersion": {400},
    "UnsupportedHTTPMethod": {405},
}
HEADER_TEXT = st.text(st.characters(max_codepoint=255), max_size=30)


def assert_documented(reply: Reply) -> None:
    """Check that an answer is one that the pages have."""
    assert reply.headers["content-type"] == "application/json;charset=utf-8"
    if reply.status != 200:
        assert reply.status in DOCUMENTED[reply.body["Code"]]
        assert all(isinstance(member, str) for member in reply.body.values())
    assert b"Traceback" not in reply.raw


@shared
@given(query=st.binary(max_size=200), body=st.binary(max_size=200))
async def test_any_bytes(driver: Driver, query: bytes, body: bytes) -> None:
    """Any query and any form are answered."""
    headers = [("host", "localhost"), ("content-type", "application/x-www-form-urlencoded")]
    assert_documented(await driver.send("POST", query, headers, [body]))


@shared
@given(
    action=st.sampled_from(sorted(OPERATIONS)),
    changes=st.dictionaries(st.sampled_from(NAMES), st.text() | st.binary(), max_size=4),
    method=st.sampled_from(["GET", "POST"]),
)
async def test_any_parameters(
    driver: Driver, action: str, changes: dict[str, Any], method: str
) -> None:
    """Any value of any parameter is answered, by every action."""
    good = {
        "Action": action,
        "Version": "2020-04-20",
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
    query = urlencode(good | changes, errors="surrogatepass").encode()
    assert_documented(await driver.send(method, query))


@shared
@given(action=HEADER_TEXT, version=HEADER_TEXT, origin=HEADER_TEXT, name=HEADER_TEXT)
async def test_any_headers(
    driver: Driver, action: str, version: str, origin: str, name: str
) -> None:
    """Any header is answered; those that only a foreign page sends are refused."""
    known = [("host", "localhost"), ("x-acs-version", "2020-04-20"), ("content-type", name)]
    named = [("host", "localhost"), ("x-acs-version", version), ("x-acs-action", action)]
    assert_documented(await driver.send("POST", headers=[*known, ("x-acs-action", action)]))
    assert_documented(await driver.send("GET", headers=named))
    assert (await driver.send(headers=[*known, ("origin", origin)])).status == 403
    assert (await driver.send(headers=[("host", f"{name}.example")])).status == 403


@shared
@given(data=st.data())
async def test_any_pem(
    driver: Driver, ca: CertificateAuthority, registry_file: Path, data: st.DataObject
) -> None:
    """A certificate with any bytes in any place registers nothing."""
    at = data.draw(st.integers(0, len(ca.pem)))
    end = data.draw(st.integers(at, len(ca.pem)))
    spoilt = ca.pem.encode()[:at] + data.draw(st.binary(max_size=50)) + ca.pem.encode()[end:]
    before = rows(registry_file)
    for certificates in ((spoilt, ca.pem), (ca.pem, spoilt), (spoilt, spoilt)):
        query = {
            "Action": "RegisterCaCertificate",
            "Version": "2020-04-20",
            "MqttInstanceId": INSTANCE,
            "CaName": "ca",
            "CaContent": certificates[0],
            "VerificationContent": certificates[1],
        }
        assert_documented(await driver.send("POST", urlencode(query).encode()))
    assert rows(registry_file) == before


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE", "TRACE", "CONNECT", "X"])
async def test_any_method(driver: Driver, method: str) -> None:
    """Any method is answered."""
    assert_documented(await driver.send(method))


@pytest.mark.parametrize("path", ["//", "", "/x", "/x/", "/../", "/\u00e9"])
@pytest.mark.parametrize("query", [b"", b"Action=GetRegisterCode", b"\xff"])
async def test_any_path(driver: Driver, path: str, query: bytes) -> None:
    """Any other path is refused, not redirected, whatever bytes the query has."""
    reply = await driver.send("GET", query, path=path)
    assert (reply.status, reply.body["Code"]) == (404, "InvalidAction.NotFound")
    assert_documented(reply)


@pytest.mark.proof
def test_many_requests() -> None:
    """A thousand generated requests find nothing wrong; the command sends 200,000 by itself."""
    ended = subprocess.run(
        [sys.executable, str(PROOF), "--requests", "1000"],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert (ended.returncode, ended.stderr) == (0, ""), ended.stdout + ended.stderr
    assert re.search(r"^1000 requests, 0 faults,", ended.stdout, re.MULTILINE)
