"""Nobody gets, ends or damages the session of a device whose certificate they do not hold."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from certgate_certs.authority import CertificateAuthority
from e2e.support import Lab, Paho, knock, serving

VICTIM = "GID_lamps@@@victim"
TOPIC = "lamps/victim"


class Scene:
    """A lab with one registered CA, a victim, another device, and somebody without anything."""

    def __init__(self, lab: Lab) -> None:
        self.lab = lab
        self.ca = CertificateAuthority.create_root("lamp maker")
        self.sn = lab.register(self.ca, "lamp maker")
        self.victim = lab.device(self.ca.issue_device("victim"), "victim")
        self.other = lab.device(self.ca.issue_device("other"), "other")
        self.sender = lab.paho(lab.device(self.ca.issue_device("sender"), "sender"), "sender")

    def victim_online(self) -> Paho:
        """Connect the victim with a session that is kept, subscribed to its topic."""
        client = self.lab.paho(self.victim, VICTIM, clean=False)
        assert client.accepted
        client.subscribe(TOPIC)
        return client

    def attack(self, kind: str, *, clean: bool) -> int | None:
        """Try to connect as the victim with no certificate, or with another device's."""
        device = None if kind == "no certificate" else self.other
        return knock(self.lab.tls(device), self.lab.port, VICTIM, clean=clean)

    def assert_served(self, client: Paho, text: str) -> None:
        """Assert that the victim is connected and receives what is published for it."""
        self.sender.publish(TOPIC, text)
        client.expect(text)
        assert not client.dropped.is_set()


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    """Run a lab with the cast in place."""
    with serving(tmp_path / "state", processes=1) as lab:
        prepared = Scene(lab)
        yield prepared
        prepared.sender.leave()


KINDS = pytest.mark.parametrize("kind", ["no certificate", "another certificate"])


@KINDS
@pytest.mark.parametrize("clean", [False, True], ids=["resume", "clean"])
def test_online_victim_keeps_everything(scene: Scene, kind: str, clean: bool) -> None:
    """S1, S2 and S3: the attempt is refused; the victim stays, subscribed and served."""
    client = scene.victim_online()
    for number in range(5):
        assert scene.attack(kind, clean=clean) in {None, 5}
        scene.assert_served(client, f"message {number}")
    client.leave()


@KINDS
@pytest.mark.parametrize("clean", [False, True], ids=["resume", "clean"])
def test_offline_victim_keeps_queue_and_subscription(scene: Scene, kind: str, clean: bool) -> None:
    """S4: the attempt is refused; the victim resumes its session and gets what was queued."""
    scene.victim_online().leave()
    scene.sender.publish(TOPIC, "queued before")
    for _ in range(5):
        assert scene.attack(kind, clean=clean) in {None, 5}
    scene.sender.publish(TOPIC, "queued after")
    back = scene.lab.paho(scene.victim, VICTIM, clean=False)
    assert back.accepted
    assert back.session_present
    back.expect("queued before")
    back.expect("queued after")
    scene.assert_served(back, "live again")
    back.leave()


def test_attacker_never_hears_a_queued_message(scene: Scene) -> None:
    """S2: another device that asks for the victim's session gets no byte of it."""
    scene.victim_online().leave()
    scene.sender.publish(TOPIC, "for the victim only")
    attacker = scene.lab.paho(scene.other, VICTIM, clean=False)
    assert attacker.said == "Not authorized"
    assert not attacker.session_present
    assert attacker.payloads == []
    attacker.leave()
    record = scene.lab.decisions()[-1]
    assert (record["subject"], record["reasons"]) == (
        "CN=other",
        ["client_identifier_bound_elsewhere"],
    )


def test_rotation_is_judged_by_the_new_certificate(scene: Scene) -> None:
    """S5: a device with a new certificate resumes its session; the old one is out of the game."""
    scene.victim_online().leave()
    scene.sender.publish(TOPIC, "queued over the rotation")
    renewed = scene.lab.device(scene.ca.issue_device("victim"), "renewed")
    client = scene.lab.paho(renewed, VICTIM, clean=False)
    assert client.accepted
    assert client.session_present
    client.expect("queued over the rotation")
    record = scene.lab.decisions()[-1]
    assert record["device_sn"] == renewed.issued.view.sn
    assert knock(scene.lab.tls(scene.victim), scene.lab.port, VICTIM, clean=False) == 5
    scene.assert_served(client, "after the old certificate tried")
    client.leave()


def test_rotation_to_another_ca_is_refused_when_that_ca_is_inactive(scene: Scene) -> None:
    """S5: a new certificate of an inactive CA does not profit from the session of the old one."""
    client = scene.victim_online()
    other_ca = CertificateAuthority.create_root("second maker")
    sn = scene.lab.register(other_ca, "second maker")
    scene.lab.inactivate(sn)
    new = scene.lab.device(other_ca.issue_device("victim"), "new")
    assert knock(scene.lab.tls(new), scene.lab.port, VICTIM, clean=False) == 5
    assert "ca_inactive" in scene.lab.decisions()[-1]["reasons"]
    scene.assert_served(client, "still here")
    client.leave()


def test_device_takes_over_its_own_session(scene: Scene) -> None:
    """A second connection of the same device ends the first one and resumes its session."""
    first = scene.victim_online()
    second = scene.lab.paho(scene.victim, VICTIM, clean=False)
    assert second.accepted
    assert second.session_present
    assert first.dropped.wait(5)
    scene.assert_served(second, "to the second connection")
    assert "to the second connection" not in first.payloads
    first.leave()
    second.leave()
