"""The lab's clock and its memory of calls over `/_certgate`, in every process of a lab."""

import http.client
import json
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from alibabacloud_onsmqtt20200420 import models

from certgate import Lab as OwnLab
from certgate_certs.authority import CertificateAuthority
from certgate_controlplane.client import ApiClient, CallError
from e2e.support import INSTANCE, Lab, knock, serving, start_serve

DAY = 86_400_000


def ask(url: str, method: str, path: str, body: str = "", **headers: str) -> tuple[int, Any]:
    """Ask the lab's own door."""
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=10)
    try:
        connection.request(method, f"/_certgate/{path}", body, headers)
        response = connection.getresponse()
        return response.status, json.loads(response.read())
    finally:
        connection.close()


@pytest.mark.parametrize("processes", [1, 2])
def test_expiry_follows_at_once(tmp_path: Path, processes: int) -> None:
    """The first connection after the answer is judged by the new time, in whichever process."""
    ca = CertificateAuthority.create_root("maker")
    with serving(tmp_path / "state", processes=processes) as lab:
        url = lab.ready["api_url"]
        lab.register(ca, "maker")
        context = lab.tls(lab.device(ca.issue_device("lamp"), "lamp"))
        for _ in range(10):
            assert knock(context, lab.port, "lamp") == 0
            status, moved = ask(url, "POST", "clock", '{"days": 400}')
            assert (status, moved["offset_ms"]) == (200, 400 * DAY)
            assert abs(moved["now"] - time.time() * 1000 - 400 * DAY) < 60_000
            assert knock(context, lab.port, "lamp") == 5
            assert ask(url, "DELETE", "clock")[1]["offset_ms"] == 0
        expired = [each["reasons"] for each in lab.decisions() if not each["accepted"]]
        assert expired == [["certificate_expired"]] * 10


def test_process_that_starts_later(tmp_path: Path) -> None:
    """A broker that starts after the clock was moved goes by it, as does a second API."""
    ca = CertificateAuthority.create_root("maker")
    first = start_serve(tmp_path / "state", "--only", "api")
    try:
        url = first.ready["api_url"]
        ask(url, "POST", "clock", '{"days": 399, "hours": 23, "minutes": 59, "seconds": 60}')
        second = start_serve(tmp_path / "state")
        try:
            lab = Lab(tmp_path, [second])
            lab.register(ca, "maker")
            context = lab.tls(lab.device(ca.issue_device("lamp"), "lamp"))
            assert knock(context, lab.port, "lamp") == 5
            assert lab.decisions()[-1]["reasons"] == ["certificate_expired"]
            assert ask(lab.ready["api_url"], "GET", "clock")[1]["offset_ms"] == 400 * DAY
            ask(lab.ready["api_url"], "DELETE", "clock")
            deadline = time.monotonic() + 10
            while ask(url, "GET", "clock")[1]["offset_ms"]:
                assert time.monotonic() < deadline, "the other API process follows"
        finally:
            assert second.stop() == 0
    finally:
        assert first.stop() == 0


@pytest.mark.parametrize(
    ("body", "complaint"),
    [
        ("", "a JSON object"),
        ("[]x", "a JSON object"),
        ("3", "a JSON object"),
        ('"days"', "a JSON object"),
        ('{"weeks": 1}', "not by 'weeks'"),
        ('{"days": "1"}', "days is a number"),
        ('{"days": NaN}', "up to a century"),
        ('{"days": 1e999}', "up to a century"),
        ('{"days": ' + "9" * 900 + "}", "up to a century"),
        ("[" * 1000, "a JSON object"),
        (" " * 65_537, "more than 65536 bytes"),
    ],
)
def test_move_that_makes_no_sense(body: str, complaint: str) -> None:
    """What cannot be understood is refused in one sentence, and the clock stays."""
    with OwnLab() as lab:
        status, answer = ask(lab.api_url, "POST", "clock", body)
        assert (status, answer["Code"]) == (400, "BadRequest")
        assert complaint in answer["Message"]
        assert ask(lab.api_url, "GET", "clock")[1]["offset_ms"] == 0


@pytest.mark.parametrize(("method", "body"), [("POST", '{"days": 400}'), ("DELETE", "")])
def test_page_of_another_origin(method: str, body: str) -> None:
    """A web page somewhere else cannot move the clock."""
    with OwnLab() as lab:
        lab.clock.advance(days=1)
        status, _ = ask(lab.api_url, method, "clock", body, Origin="http://evil.example")
        assert status == 403
        assert ask(lab.api_url, "GET", "clock")[1]["offset_ms"] == DAY


def test_signatures_follow(tmp_path: Path) -> None:
    """A call that is signed now is too old for a lab a day ahead."""
    key = {"access_key_id": "dummy", "access_key_secret": "dummy", "account_id": "1" * 16}
    file = tmp_path / "keys.json"
    file.write_text(json.dumps({"access_keys": [key]}))
    with OwnLab(credentials=file, accounts={INSTANCE: "1" * 16}) as lab:
        client = ApiClient(lab.api_url, "dummy", "dummy")
        client.call("ListCaCertificate", MqttInstanceId=INSTANCE, PageNo="1", PageSize="1")
        lab.clock.advance(days=1)
        with pytest.raises(CallError, match=r"InvalidTimeStamp\.Expired"):
            client.call("ListCaCertificate", MqttInstanceId=INSTANCE, PageNo="1", PageSize="1")
        lab.clock.reset()
        client.call("ListCaCertificate", MqttInstanceId=INSTANCE, PageNo="1", PageSize="1")


def test_throttle_follows() -> None:
    """A caller who has used up a second may call again a second later by the lab's clock."""
    with OwnLab(throttle=2) as lab:
        client = ApiClient(lab.api_url)
        codes = []
        for _ in range(20):
            try:
                client.call("GetRegisterCode", MqttInstanceId=INSTANCE)
                codes.append("")
            except CallError as error:
                codes.append(error.code)
                break
        assert codes[-1] == "Throttling.User"
        lab.clock.advance(seconds=5)
        client.call("GetRegisterCode", MqttInstanceId=INSTANCE)


def test_calls() -> None:
    """The lab remembers what it was asked: by the SDK, by its own verbs, and by mistake."""
    with OwnLab() as lab:
        acme = lab.new_ca("acme")
        request = models.InactivateCaCertificateRequest(
            mqtt_instance_id=lab.instance_id, sn=acme.sn
        )
        lab.sdk_client().inactivate_ca_certificate(request)
        with pytest.raises(CallError):
            ApiClient(lab.api_url).call("NoSuchAction")
        with pytest.raises(CallError):
            ApiClient(lab.api_url).call("GetCaCertificate", MqttInstanceId=INSTANCE, Sn="77")
        _, found = ask(lab.api_url, "GET", "calls?since=1")
        told = [(c["number"], c["action"], c["subject"], c["status"]) for c in found["calls"]]
        assert told == [
            (2, "RegisterCaCertificate", "acme", 200),
            (3, "InactivateCaCertificate", acme.sn, 200),
            (4, "", "", 404),
            (5, "GetCaCertificate", "77", found["calls"][-1]["status"]),
        ]
        assert [c["code"] for c in found["calls"][2:]] == [
            "InvalidAction.NotFound",
            "FindCaBySnError",
        ]
        assert {c["instance_id"] for c in found["calls"]} == {INSTANCE, ""}
        assert all(c["milliseconds"] > 0 for c in found["calls"])
        assert ask(lab.api_url, "GET", "calls?since=x")[0] == 400


@pytest.mark.parametrize(
    ("body", "complaint"),
    [(" " * 65_537, "more than 65536 bytes"), ("[" * 60_000, "a JSON object is expected")],
)
def test_fault_that_is_no_fault(body: str, complaint: str) -> None:
    """Nor is what the faults' door is told read without end, or followed into any depth."""
    with OwnLab() as lab:
        status, answer = ask(lab.api_url, "POST", "faults", body)
        assert (status, complaint in answer["Message"]) == (400, True)
