"""An incident: a CA's key is stolen, and its devices have to go, with the cloud's operations."""

import json
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from alibabacloud_onsmqtt20200420 import models

from certgate_certs.authority import CertificateAuthority
from e2e.support import INSTANCE, DeviceFiles, Lab, Paho, knock, serving

NOT_AUTHORIZED = 5
NAMES = ["lamp-1", "lamp-2", "lamp-3"]


class Incident:
    """A lab with the stolen CA, another one, and live clients of both.

    Args:
        lab: the running lab.
    """

    def __init__(self, lab: Lab) -> None:
        self.lab = lab
        self.stolen, self.sound = (CertificateAuthority.create_root(name) for name in ("x", "y"))
        self.sn = lab.register(self.stolen, "stolen")
        self.sound_sn = lab.register(self.sound, "sound")
        self.devices = {name: self.device(self.stolen, name) for name in NAMES}
        self.clients = {name: lab.paho(self.devices[name], name) for name in NAMES}
        self.bystander = lab.paho(self.device(self.sound, "bystander"), "bystander")
        assert all(client.accepted for client in self.everybody())

    def device(self, ca: CertificateAuthority, name: str) -> DeviceFiles:
        """Issue a device certificate."""
        return self.lab.device(ca.issue_device(name), name)

    def everybody(self) -> list[Paho]:
        """Give every client."""
        return [*self.clients.values(), self.bystander]

    def tries(self, name: str) -> int | None:
        """Let a device connect anew; give the CONNACK return code."""
        return knock(self.lab.tls(self.devices[name]), self.lab.port, name)

    def close(self, client_id: str) -> Any:
        """Call CloseConnection."""
        request = models.CloseConnectionRequest(client_id=client_id, instance_id=INSTANCE)
        return self.lab.sdk.close_connection(request).body

    def is_online(self, client_id: str) -> bool:
        """Call QuerySessionByClientId."""
        request = models.QuerySessionByClientIdRequest(client_id=client_id, instance_id=INSTANCE)
        return bool(self.lab.sdk.query_session_by_client_id(request).body.online_status)

    def online(self) -> list[str]:
        """Call BatchQuerySessionByClientIds for everybody; give those that are online."""
        request = models.BatchQuerySessionByClientIdsRequest([*NAMES, "bystander"], INSTANCE)
        found = self.lab.sdk.batch_query_session_by_client_ids(request).body.online_status_list
        return [item.client_id for item in found if item.online_status]

    def device_sns(self) -> set[str]:
        """Call ListDeviceCertificate."""
        request = models.ListDeviceCertificateRequest(INSTANCE, "1", "100")
        found = self.lab.sdk.list_device_certificate(request).body.data.device_certificate_vos
        return {item.ca_sn for item in found or []}

    def sessions(self) -> list[str]:
        """Ask the lab's own door who is connected."""
        with urllib.request.urlopen(f"{self.lab.ready['api_url']}/_certgate/sessions") as answer:
            return [item["client_id"] for item in json.load(answer)["sessions"]]

    def decisions(self) -> list[tuple[str, bool, tuple[str, ...]]]:
        """Ask the lab's own door for the decisions."""
        return [
            (record["client_id"], record["accepted"], tuple(record["reasons"]))
            for record in self.lab.decisions()
        ]


@pytest.fixture(params=[1, 2], ids=["one process", "two processes"])
def incident(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Incident]:
    """Run a lab in one process, and its two sides in two, everybody connected."""
    with serving(tmp_path / "state", processes=request.param) as lab:
        prepared = Incident(lab)
        yield prepared
        for client in prepared.everybody():
            client.leave()


def test_runbook(incident: Incident) -> None:
    """Inactivate, close, look, delete: the stolen CA's devices are gone for good, and only they."""
    incident.lab.inactivate(incident.sn)
    newcomer = incident.device(incident.stolen, "newcomer")
    assert knock(incident.lab.tls(newcomer), incident.lab.port, "newcomer") == NOT_AUTHORIZED
    assert incident.online() == [*NAMES, "bystander"]
    for name, client in incident.clients.items():
        answer = incident.close(name)
        assert (answer.code, answer.success) == (200, True)
        assert not incident.is_online(name)
        assert client.dropped.wait(10)
        assert incident.tries(name) == NOT_AUTHORIZED
    assert incident.online() == incident.sessions() == ["bystander"]
    assert incident.device_sns() == {incident.sn, incident.sound_sn}
    incident.lab.delete(incident.sn)
    assert incident.device_sns() == {incident.sound_sn}
    assert [incident.tries(name) for name in NAMES] == [NOT_AUTHORIZED] * len(NAMES)
    assert not incident.bystander.dropped.is_set()
    assert incident.decisions() == [
        *((name, True, ()) for name in [*NAMES, "bystander"]),
        ("newcomer", False, ("ca_inactive",)),
        *((name, False, ("ca_inactive",)) for name in NAMES),
        *((name, False, ("ca_not_registered",)) for name in NAMES),
    ]


def test_no_decision_is_missing(incident: Incident) -> None:
    """Whatever was decided before the question is in the answer, each time anew."""
    incident.lab.inactivate(incident.sn)
    before = len(incident.decisions())
    for count in range(1, 21):
        assert incident.tries("lamp-1") == NOT_AUTHORIZED
        assert len(incident.decisions()) == before + count


def test_no_session_is_missing(incident: Incident) -> None:
    """Who is connected is told at once, oldest first, and who has gone is not told any more."""
    assert incident.sessions() == [*NAMES, "bystander"]
    incident.close("lamp-2")
    assert incident.sessions() == ["lamp-1", "lamp-3", "bystander"]
    back = incident.lab.paho(incident.devices["lamp-2"], "lamp-2")
    assert incident.sessions() == ["lamp-1", "lamp-3", "bystander", "lamp-2"]
    back.leave()


def test_close_is_not_enough(incident: Incident) -> None:
    """A device whose CA is active comes back at once after CloseConnection."""
    incident.close("lamp-1")
    assert incident.tries("lamp-1") == 0


def test_message_from_the_operator(incident: Incident) -> None:
    """SendMessage of the API's process reaches subscribers and one unsubscribed client."""
    incident.bystander.subscribe("lamps/all")
    for topic, payload in (("lamps/all", "go"), ("lamps/p2p/lamp-1", "stay")):
        request = models.SendMessageRequest(INSTANCE, topic, payload)
        assert incident.lab.sdk.send_message(request).body.msg_id
    incident.bystander.expect("go")
    incident.clients["lamp-1"].expect("stay")
    assert incident.clients["lamp-2"].payloads == []
