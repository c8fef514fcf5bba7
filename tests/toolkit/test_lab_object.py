"""The toolkit: a lab as an object, judged with clients that are not ours."""

import asyncio
import gc
import ssl
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import aiomqtt
import pytest
from alibabacloud_onsmqtt20200420 import models

import certgate
from certgate import ApiError, AsyncLab, Lab, LabError
from e2e.support import knock, wait_until


@pytest.fixture
def lab() -> Iterator[Lab]:
    """A lab with its defaults."""
    with Lab() as running:
        yield running


def open_files() -> int:
    """Count the files and sockets that are open."""
    gc.collect()
    return len(list(Path("/proc/self/fd").iterdir()))


def temporary() -> set[str]:
    """Name the temporary state directories there are."""
    return {path.name for path in Path(tempfile.gettempdir()).glob("certgate-*")}


class TestLife:
    """From its start to its end."""

    def test_leaves_nothing(self) -> None:
        """A lab that was used and has ended leaves no thread, file, socket or folder."""
        with Lab() as lab:
            lab.assert_admitted(lab.new_device("lamp", lab.new_ca()))
        before = (threading.active_count(), open_files(), temporary())
        with Lab() as lab:
            lab.assert_admitted(lab.new_device("lamp", lab.new_ca()))
            assert temporary() > before[2]
        wait_until(lambda: threading.active_count() <= before[0], "the end of the threads")
        assert (open_files(), temporary()) == before[1:]

    def test_given_state_directory_stays(self, tmp_path: Path) -> None:
        """What was registered in a state directory of one's own is there the next time."""
        with Lab(state_dir=tmp_path / "state") as lab:
            lamp = lab.new_device("lamp", lab.new_ca("acme"))
        with Lab(state_dir=tmp_path / "state") as lab:
            assert (lab.port, knock(lamp.ssl_context(), lab.port, "lamp")) == (lab.port, 0)

    def test_not_running(self) -> None:
        """A lab that was not started, or has ended, says so in one sentence."""
        lab = Lab()
        for use in (lab.new_ca, lab.decisions, lambda: lab.address):
            with pytest.raises(LabError, match="does not run"):
                use()
        with lab:
            pass
        with pytest.raises(LabError, match="does not run"):
            lab.new_ca()

    def test_does_not_start(self) -> None:
        """A lab that cannot start says why and leaves no thread."""
        before = threading.active_count()
        with Lab() as first, pytest.raises(LabError, match="cannot be listened on"):
            Lab(mqtts_port=first.port).start()
        wait_until(lambda: threading.active_count() <= before, "the end of the threads")

    async def test_not_twice(self) -> None:
        """A running lab is not started again."""
        async with AsyncLab() as lab:
            with pytest.raises(LabError, match="runs already"):
                await lab.start()

    @pytest.mark.parametrize(
        ("options", "complaint"),
        [
            ({"colour": "red"}, "no option 'colour'"),
            ({"refusal": "politely"}, "refusal is one of connack-5, connack-4, close, alert"),
            ({"limits": {"patience": 1}}, "no such limit.*patience"),
            ({"status_profile": "mine"}, "status_profile is one of"),
            ({"instance_ids": ("a b",)}, "'a b' cannot be an instance id"),
        ],
    )
    def test_option_that_cannot_be(self, options: dict[str, Any], complaint: str) -> None:
        """An option that is not known, or cannot have that value, is named."""
        with pytest.raises(LabError, match=complaint):
            Lab(**options).start()

    def test_options_arrive(self) -> None:
        """Options do what they do for `certgate serve`."""
        with Lab(refusal="connack-4", limits={"sessions": 0}, max_cas=1) as lab:
            lamp = lab.new_device("lamp", lab.new_ca("first"))
            lab.assert_refused(lamp, "too_many_connections")
            with pytest.raises(ApiError, match="CaNumExceed"):
                lab.new_ca("second")
            other = lab.new_device("other", lab.new_ca("unknown", registered=False))
            assert knock(other.ssl_context(), lab.port, "other") == 3


class TestVerbs:
    """What an operator does."""

    def test_ca_and_its_devices(self, lab: Lab) -> None:
        """Inactivation refuses a CA's devices, activation admits them, deletion forgets them."""
        acme, other = lab.new_ca("acme"), lab.new_ca("other")
        lamp, bystander = lab.new_device("lamp", acme), lab.new_device("lamp", other)
        bystander_id = lab.new_device("bystander", other)
        lab.assert_admitted(lamp)
        lab.inactivate(acme)
        lab.assert_refused(lamp, "ca_inactive")
        lab.assert_admitted(bystander_id)
        lab.activate(acme)
        lab.assert_admitted(lamp)
        lab.delete(acme)
        lab.assert_refused(lamp, certgate.Reason.CA_NOT_REGISTERED)
        lab.register(acme)
        lab.assert_admitted(lamp)
        lab.assert_refused(bystander, "client_identifier_bound_elsewhere")

    def test_device(self, lab: Lab) -> None:
        """A device is switched alone; one that has never connected is not registered."""
        ca = lab.new_ca()
        lamp, other = lab.new_device("lamp", ca), lab.new_device("other", ca)
        with pytest.raises(ApiError, match="FindDeviceBySnError"):
            lab.inactivate(lamp)
        lab.assert_admitted(lamp)
        lab.inactivate(lamp)
        lab.assert_refused(lamp, "device_inactive")
        lab.assert_admitted(other)
        lab.delete(lamp)
        lab.assert_admitted(lamp)

    def test_sdk_sees_the_same(self, lab: Lab) -> None:
        """The official SDK and the verbs work on one lab."""
        acme = lab.new_ca("acme")
        cloud = lab.sdk_client()
        request = models.ListCaCertificateRequest(
            mqtt_instance_id=lab.instance_id, page_no="1", page_size="10"
        )
        (listed,) = cloud.list_ca_certificate(request).body.data.ca_certificate_vos
        assert (listed.ca_name, listed.sn, listed.status) == ("acme", acme.sn, "1")
        cloud.inactivate_ca_certificate(
            models.InactivateCaCertificateRequest(mqtt_instance_id=lab.instance_id, sn=acme.sn)
        )
        lab.assert_refused(lab.new_device("lamp", acme), "ca_inactive")

    def test_close_connection(self, lab: Lab) -> None:
        """A connection is closed for good, and the device may come back."""
        lamp = lab.new_device("lamp", lab.new_ca())
        connection = lab.connect(lamp)
        assert connection.is_open
        assert lab.close_connection(lamp) is True
        lab.assert_closed_within(connection, ms=5000)
        assert lab.close_connection(lamp) is False
        lab.assert_admitted(lamp)
        connection.close()

    def test_second_instance(self) -> None:
        """A device of another instance reaches it under the lab's address."""
        with Lab(instance_ids=("post-cn-a", "post-cn-b")) as lab:
            lamp = lab.new_device("lamp", lab.new_ca(instance="post-cn-b"))
            assert lab.assert_admitted(lamp).instance_id == "post-cn-b"
            client = lamp.paho_client()
            client.connect(lab.host, lab.port)
            client.loop_start()
            wait_until(client.is_connected, "CONNACK")
            client.disconnect()
            client.loop_stop()

    def test_keys_are_private(self, lab: Lab) -> None:
        """A device's key is its owner's to read, and belongs to its certificate."""
        lamp = lab.new_device("lamp", lab.new_ca())
        assert lamp.key_file.stat().st_mode & 0o777 == 0o600
        ssl.create_default_context().load_cert_chain(lamp.certificate_file, lamp.key_file)


class TestClients:
    """Client libraries that are not ours."""

    async def test_aiomqtt(self) -> None:
        """A device's context is all that aiomqtt needs; a message goes from device to device."""
        async with AsyncLab() as lab:
            ca = await lab.new_ca()
            one, two = [await lab.new_device(name, ca) for name in ("one", "two")]
            first, second = [
                aiomqtt.Client(
                    lab.host, lab.port, identifier=each.client_id, tls_context=each.ssl_context()
                )
                for each in (one, two)
            ]
            async with first, second:
                await first.subscribe("greetings", qos=1)
                await second.publish("greetings", b"hello", qos=1)
                async with asyncio.timeout(10):
                    message = await anext(aiter(first.messages))
            assert message.payload == b"hello"

    def test_paho(self, lab: Lab) -> None:
        """A device's paho client needs nothing but an address."""
        lamp = lab.new_device("lamp", lab.new_ca(), client_id="GID_lamps@@@lamp")
        client = lamp.paho_client()
        client.connect(lab.host, lab.port)
        client.loop_start()
        decision = lab.wait_for_decision(lamp, accepted=True)
        assert (decision.client_id, decision.device_sn) == ("GID_lamps@@@lamp", lamp.sn)
        lab.close_connection(lamp)
        client.disconnect()
        client.loop_stop()
        lab.assert_closed_within(client, ms=5000)


class TestAssertions:
    """What fails, and how it is told."""

    def test_admitted_after_all(self, lab: Lab) -> None:
        """A refusal that did not come is told with the device's story."""
        ca = lab.new_ca("acme")
        lamp = lab.new_device("lamp", ca)
        lab.inactivate(ca)
        lab.assert_refused(lamp)
        lab.activate(ca)
        with pytest.raises(AssertionError) as failure:
            lab.assert_refused(lamp, "ca_inactive")
        first, *story = str(failure.value).splitlines()
        assert first == "device lamp should be refused for ca_inactive, but it was admitted."
        told = [
            ("The story of device lamp", lamp.sn),
            ("RegisterCaCertificate acme", "done"),
            ("InactivateCaCertificate", ca.sn),
            ("refused, ca_inactive", "The CA certificate is inactive."),
            ("ActiveCaCertificate", ca.sn),
            ("admitted", "lamp"),
        ]
        assert len(story) == len(told)
        for line, words in zip(story, told, strict=True):
            assert all(word in line for word in words), line

    def test_other_reason(self, lab: Lab) -> None:
        """A refusal for another reason than the one wanted is a failure."""
        lamp = lab.new_device("lamp", lab.new_ca(registered=False))
        with pytest.raises(AssertionError, match=r"for ca_inactive, but .*Not authorized"):
            lab.assert_refused(lamp, "ca_inactive")

    def test_reason_that_is_none(self, lab: Lab) -> None:
        """A reason that does not exist is a mistake in the test."""
        lamp = lab.new_device("lamp", lab.new_ca())
        for judge in (lab.assert_refused, lambda *a: lab.assert_refused_within(a[0], 10, a[1])):
            with pytest.raises(ValueError, match="ca_inaktive"):
                judge(lamp, "ca_inaktive")

    def test_refused_after_all(self, lab: Lab) -> None:
        """An admission that did not come is told with the reason why not."""
        lamp = lab.new_device("lamp", lab.new_ca(registered=False))
        for judge in (lab.assert_admitted, lab.connect):
            with pytest.raises(AssertionError, match=r"Not authorized(.|\n)*ca_not_registered"):
                judge(lamp)

    def test_refused_in_handshake(self) -> None:
        """A device that TLS itself refuses counts as refused, with its reason."""
        with Lab(refusal="alert") as lab:
            lamp = lab.new_device("lamp", lab.new_ca(registered=False))
            decision = lab.assert_refused(lamp, "ca_not_registered")
            assert (decision.accepted, decision.client_id) == (False, "")

    def test_refused_within(self, lab: Lab) -> None:
        """The first refusal is waited for, and one that does not come fails."""
        ca = lab.new_ca()
        lamp = lab.new_device("lamp", ca)
        with pytest.raises(AssertionError, match="within 20 ms for ca_inactive, but it was adm"):
            lab.assert_refused_within(lamp, 20, "ca_inactive")
        switch = threading.Timer(0.05, lab.inactivate, [ca])
        switch.start()
        assert 0 < lab.assert_refused_within(lamp, 10_000, "ca_inactive") <= 10_000
        switch.join()
        assert lab.decisions(lamp, accepted=True), "it was admitted until then"

    def test_closed_within(self) -> None:
        """With live sessions closed, an inactivation ends the connection; else it stays."""
        with Lab(live_sessions="close") as lab:
            ca = lab.new_ca()
            connection = lab.connect(lab.new_device("lamp", ca))
            with pytest.raises(AssertionError, match=r"of device lamp is still open after 30 ms"):
                lab.assert_closed_within(connection, 30)
            lab.inactivate(ca)
            lab.assert_closed_within(connection, 5000)
            connection.close()

    def test_wait_in_vain(self, lab: Lab) -> None:
        """A decision that does not come is told with the device's story, or without one."""
        lamp = lab.new_device("lamp", lab.new_ca())
        with pytest.raises(AssertionError, match=r"lamp was not admitted(.|\n)*decided nothing"):
            lab.wait_for_decision(lamp, accepted=True, timeout=0.02)
        with pytest.raises(AssertionError, match="nobody refused within"):
            lab.wait_for_decision(accepted=False, timeout=0.02)

    def test_decisions(self, lab: Lab) -> None:
        """Records are told apart by device and verdict, and begin after a number."""
        ca = lab.new_ca()
        one, two = lab.new_device("one", ca), lab.new_device("two", ca)
        for device in (one, two, one):
            lab.assert_admitted(device)
        lab.inactivate(ca)
        lab.assert_refused(one)
        assert [each.number for each in lab.decisions()] == [1, 2, 3, 4]
        assert [each.number for each in lab.decisions(one)] == [1, 3, 4]
        assert [each.number for each in lab.decisions(one, accepted=True)] == [1, 3]
        assert [each.number for each in lab.decisions(accepted=False)] == [4]
        assert [each.number for each in lab.decisions(since=2)] == [3, 4]
        assert lab.wait_for_decision(since=3).reasons == ("ca_inactive",)


class TestClock:
    """Time as a test moves it."""

    def test_400_days(self, lab: Lab) -> None:
        """After 400 days a certificate has expired; back again it is good."""
        ca = lab.new_ca()
        lamp = lab.new_device("lamp", ca)
        lab.assert_admitted(lamp)
        before = lab.clock.now
        lab.clock.advance(days=400)
        assert 399 < (lab.clock.now - before).total_seconds() / 86_400 < 401
        lab.assert_refused(lamp, "certificate_expired")
        lab.assert_admitted(lab.new_device("renewed", ca))
        lab.clock.advance(days=-400)
        lab.assert_admitted(lamp)

    def test_not_yet_valid(self, lab: Lab) -> None:
        """Before its first day a certificate is not valid, until the clock is set right."""
        lamp = lab.new_device("lamp", lab.new_ca())
        lab.clock.advance(days=-3, hours=-1)
        lab.assert_refused(lamp, "certificate_not_yet_valid")
        lab.clock.reset()
        lab.assert_admitted(lamp)

    def test_short_lived(self, lab: Lab) -> None:
        """A device certificate is as long valid as was asked for."""
        lamp = lab.new_device("lamp", lab.new_ca(), days=2)
        lab.clock.advance(days=1, hours=23)
        lab.assert_admitted(lamp)
        lab.clock.advance(hours=2)
        lab.assert_refused(lamp, "certificate_expired")

    def test_survives_a_restart(self, tmp_path: Path) -> None:
        """The clock of a state directory stays where it was put."""
        with Lab(state_dir=tmp_path) as lab:
            lab.clock.advance(days=1000)
            there = lab.clock.now
        with Lab(state_dir=tmp_path) as lab:
            assert lab.clock.now >= there

    @pytest.mark.parametrize(
        ("move", "complaint"),
        [
            ({"weeks": 1}, "not by 'weeks'"),
            ({"days": "1"}, "days is a number"),
            ({"days": True}, "days is a number"),
            ({"days": float("nan")}, "up to a century"),
            ({"days": 1e300}, "up to a century"),
            ({"days": 40_000}, "up to a century"),
        ],
    )
    def test_cannot_be_moved_so(self, lab: Lab, move: dict[str, Any], complaint: str) -> None:
        """A move that makes no sense is refused in one sentence, and nothing moves."""
        with pytest.raises(certgate.ClockError, match=complaint):
            lab.clock.advance(**move)
        lab.assert_admitted(lab.new_device("lamp", lab.new_ca()))

    def test_cannot_be_moved_far_in_steps(self, lab: Lab) -> None:
        """Nor do many small moves lead further than a century."""
        lab.clock.advance(days=36_000)
        with pytest.raises(certgate.ClockError, match="up to a century"):
            lab.clock.advance(days=36_000)


class TestFace:
    """The names that users import."""

    def test_every_name_is_there(self) -> None:
        """Each public name can be imported, and nothing else."""
        for name in certgate.__all__:
            assert getattr(certgate, name).__name__ == name
        assert dir(certgate) == sorted(certgate.__all__)
        with pytest.raises(AttributeError, match="certgate has no 'Registry'"):
            certgate.Registry  # noqa: B018  asking for it is the test
