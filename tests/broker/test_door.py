"""The door over real TCP and TLS: whom it lets in, and what each record says."""

import asyncio
import socket
import ssl
import statistics
import time
from collections.abc import Sequence

import pytest
from OpenSSL import SSL
from paho.mqtt.enums import MQTTProtocolVersion

from broker.conftest import (
    ACCEPTED,
    FIRST,
    HOST,
    PATIENCE,
    House,
    OpenHouse,
    connect_packet,
    eventually,
)
from certgate_broker import decision_log
from certgate_broker.desk import Desks
from certgate_broker.door import Door, DoorSettings
from certgate_certs.authority import CertificateAuthority
from certgate_certs.builder import KeyType
from certgate_certs.registry import DecisionRecord, Registry, RegistryUnavailable, Status

VERSIONS = pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
NAMES = {ssl.TLSVersion.TLSv1_2: "TLSv1.2", ssl.TLSVersion.TLSv1_3: "TLSv1.3"}


class TestHonest:
    """Devices that do everything right."""

    @VERSIONS
    @pytest.mark.parametrize("kind", list(KeyType))
    async def test_versions_and_keys(
        self, house: House, ca: CertificateAuthority, version: ssl.TLSVersion, kind: KeyType
    ) -> None:
        """TLS 1.2 and 1.3, RSA and EC: accepted, registered and recorded."""
        issued = ca.issue_device("meter-1", kind)
        context = house.context(issued, version)
        assert await house.ask(context, connect_packet("m")) == ACCEPTED
        (record,) = await house.records()
        assert (record.accepted, record.reasons, record.resumed) == (True, (), False)
        assert (record.instance_id, record.client_id) == (FIRST, "m")
        assert (record.tls_version, record.subject) == (NAMES[version], "CN=meter-1")
        assert (record.ca_sn, record.device_sn) == (ca.issued.view.sn, issued.view.sn)
        assert record.remote_address.startswith("127.0.0.1:")
        assert await house.registry.devices.find(FIRST, record.ca_sn, record.device_sn)

    @VERSIONS
    async def test_nobody_waits_for_an_acknowledgement(
        self, house: House, ca: CertificateAuthority, version: ssl.TLSVersion
    ) -> None:
        """A client with Nagle's algorithm on is admitted about as fast as one without.

        It sends its CONNECT only when what it sent before is acknowledged, and the acknowledgement
        of a server that has nothing to say takes 40 ms.
        """
        context = house.context(ca.issue_device("meter-1"), version)
        took: dict[bool, list[float]] = {True: [], False: []}

        def once(*, no_delay: bool) -> None:
            with socket.create_connection((HOST, house.port), timeout=PATIENCE) as plain:
                plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, no_delay)
                begin = time.perf_counter()
                with context.wrap_socket(plain, server_hostname="localhost") as tls:
                    tls.sendall(connect_packet("m"))
                    assert tls.recv(4) == ACCEPTED
                took[no_delay].append(time.perf_counter() - begin)

        for _ in range(9):
            for no_delay in took:
                await asyncio.to_thread(once, no_delay=no_delay)
        assert statistics.median(took[False]) < 4 * statistics.median(took[True])

    async def test_record_is_there_after_a_flush(
        self, house: House, ca: CertificateAuthority
    ) -> None:
        """Records are written behind the connections; whoever waits for them misses none."""
        context = house.context(ca.issue_device("meter-1"))
        assert await house.ask(context, connect_packet("m")) == ACCEPTED
        await Desks(house.registry, house.door.desk).flush()
        found = await house.registry.decisions.since(0, 10)
        assert [record.accepted for _, record in found] == [True]

    async def test_messages(self, house: House, ca: CertificateAuthority) -> None:
        """A device that is let in can subscribe and publish."""
        device = house.device(ca.issue_device("meter-1"), "m")
        assert await device.connect() == ("Success", False)
        await device.subscribe("a/b")
        await device.publish("a/b", b"hello")
        assert await device.message() == b"hello"
        assert [item.identity.client_id for item in house.door.sessions.all()] == ["m"]
        await device.leave()
        await eventually(lambda: len(house.door.sessions) == 0)

    async def test_stop_ends_sessions(self, house: House, ca: CertificateAuthority) -> None:
        """When the door closes its clients are cut off."""
        device = house.device(ca.issue_device("meter-1"), "m")
        await device.connect()
        await house.door.stop()
        await device.cut_off()
        await device.leave()
        assert len(house.door.sessions) == 0

    async def test_take_over(self, house: House, ca: CertificateAuthority) -> None:
        """A device that connects again ends its earlier connection (3.1.4)."""
        issued = ca.issue_device("meter-1")
        first, second = house.device(issued, "m"), house.device(issued, "m")
        await first.connect()
        assert await second.connect() == ("Success", False)
        await first.cut_off()
        assert len(house.door.sessions) == 1
        await first.leave()
        await second.leave()

    async def test_keep_alive(self, house: House, ca: CertificateAuthority) -> None:
        """A client that is silent for longer than it promised is cut off."""
        context = house.context(ca.issue_device("meter-1"))
        assert await house.ask(context, connect_packet("m", keep_alive=1), count=5) == ACCEPTED
        await eventually(lambda: len(house.door.sessions) == 0)

    async def test_oversize_packet(self, house: House, ca: CertificateAuthority) -> None:
        """A packet that is too large ends the connection, whatever follows it."""
        context = house.context(ca.issue_device("meter-1"))
        publish = b"\x30\xff\xff\xff\x7f\x00\x01a" + b"\xc0\x00" * 10
        answer = await house.ask(context, connect_packet("m") + publish, count=6)
        assert answer == ACCEPTED


class TestRefused:
    """Devices that are told why not."""

    async def test_inactive_ca(self, house: House, ca: CertificateAuthority) -> None:
        """After the CA was inactivated its devices are not authorized, and the record says why."""
        device = house.device(ca.issue_device("meter-1"), "m")
        assert (await device.connect())[0] == "Success"
        await device.leave()
        await house.registry.cas.set_status(FIRST, ca.issued.view.sn, Status.INACTIVE)
        assert (await device.connect())[0] == "Not authorized"
        await device.leave()
        assert (await house.records())[-1].reasons == ("ca_inactive",)

    async def test_unknown_ca(self, house: House) -> None:
        """A stranger is named in the record."""
        issued = CertificateAuthority.create_root("Stranger").issue_device("meter-9")
        answer = await house.ask(house.context(issued), connect_packet("m"))
        assert answer == b"\x20\x02\x00\x05"
        (record,) = await house.records()
        assert (record.reasons, record.subject) == (("ca_not_registered",), "CN=meter-9")
        assert (record.ca_sn, record.device_sn) == ("", issued.view.sn)

    @pytest.mark.parametrize("version", [MQTTProtocolVersion.MQTTv31, MQTTProtocolVersion.MQTTv5])
    async def test_other_versions(
        self, house: House, ca: CertificateAuthority, version: MQTTProtocolVersion
    ) -> None:
        """A client of another MQTT version gets the return code for it, and is named."""
        device = house.device(ca.issue_device("meter-1"), "m", protocol=version)
        assert (await device.connect())[0] in {
            "Unsupported protocol version",
            "Unspecified error",
        }
        await device.leave()
        record = (await house.records())[0]
        assert record.reasons == ("protocol_version_unsupported",)
        assert record.subject == "CN=meter-1"

    async def test_registry_gone(self, house: House, ca: CertificateAuthority) -> None:
        """Without a registry everybody is told to come back later."""
        context = house.context(ca.issue_device("meter-1"))
        house.registry.standing.close()
        assert await house.ask(context, connect_packet("m")) == b"\x20\x02\x00\x03"
        assert (await house.records())[-1].reasons == ("registry_unavailable",)

    async def test_records_cannot_be_written(
        self, house: House, ca: CertificateAuthority, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Nobody is admitted while records cannot be written, everybody again afterwards."""
        context = house.context(ca.issue_device("meter-1"))

        async def fail(_: object) -> None:
            raise RegistryUnavailable("disk full")

        with monkeypatch.context() as patch:
            patch.setattr(house.registry.decisions, "append", fail)
            await house.ask(context, b"GET")  # Its record is the first that cannot be written.
            await eventually(lambda: not house.door.log.healthy)
            for _ in range(2):
                assert await house.ask(context, connect_packet("m")) == b"\x20\x02\x00\x03"
            assert len(house.door.sessions) == 0
        await eventually(lambda: house.door.log.healthy)
        assert await house.ask(context, connect_packet("m")) == ACCEPTED

    async def test_own_record_cannot_be_written(
        self, house: House, ca: CertificateAuthority, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Not even the first is admitted unrecorded; what is recorded of him is the refusal."""
        contexts = [house.context(ca.issue_device(f"meter-{number}")) for number in range(4)]

        async def fail(_: object) -> None:
            raise RegistryUnavailable("disk full")

        with monkeypatch.context() as patch:
            patch.setattr(house.registry.decisions, "append", fail)
            asked = (house.ask(each, connect_packet(f"{n}")) for n, each in enumerate(contexts))
            assert await asyncio.gather(*asked) == [b"\x20\x02\x00\x03"] * 4
            assert len(house.door.sessions) == 0
        await eventually(lambda: house.door.log.healthy)
        assert await house.ask(contexts[0], connect_packet("0")) == ACCEPTED
        reasons = [record.reasons for record in await house.records()]
        assert reasons == [("registry_unavailable",)] * 4 + [()]

    async def test_no_answer_before_the_record(
        self, house: House, ca: CertificateAuthority, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """An admission is answered, and the device counts as connected, when it is in the file."""
        context, append = house.context(ca.issue_device("meter-1")), house.registry.decisions.append
        reached, may_go_on = asyncio.Event(), asyncio.Event()

        async def be_slow(records: Sequence[DecisionRecord]) -> None:
            reached.set()
            await may_go_on.wait()
            await append(records)

        monkeypatch.setattr(house.registry.decisions, "append", be_slow)
        asking = asyncio.create_task(house.ask(context, connect_packet("m")))
        await reached.wait()
        done, _ = await asyncio.wait([asking], timeout=0.05)
        assert (len(done), len(house.door.sessions)) == (0, 0)
        may_go_on.set()
        assert await asking == ACCEPTED

    async def test_too_many_records_wait(
        self, house: House, ca: CertificateAuthority, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Nobody is admitted unrecorded while the file is slow and the queue is full."""
        context = house.context(ca.issue_device("meter-1"))
        with monkeypatch.context() as patch:
            patch.setattr(decision_log, "_MOST_PENDING", 0)
            assert await house.ask(context, connect_packet("m")) == b"\x20\x02\x00\x03"
        assert await house.ask(context, connect_packet("m")) == ACCEPTED
        assert [record.accepted for record in await house.records()] == [True]

    async def test_fault_of_certgate(
        self, house: House, ca: CertificateAuthority, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A fault ends the connection without an answer, is logged, and concerns nobody else."""

        def fail(_: object) -> None:
            raise ZeroDivisionError

        context = house.context(ca.issue_device("meter-1"))
        with monkeypatch.context() as patch:
            patch.setattr(house.door.log, "write", fail)
            assert await house.ask(context, connect_packet("m")) == b""
        assert await house.ask(context, connect_packet("m")) == ACCEPTED


class TestStart:
    """A door that cannot open."""

    async def test_port_taken(self, house: House, open_house: OpenHouse) -> None:
        """A port that is taken is an error, and nothing is left running."""
        with pytest.raises(OSError, match="address already in use"):
            await open_house(port=house.port)

    async def test_no_certificate(self, settings: DoorSettings, registry: Registry) -> None:
        """A key that is no file is an error."""
        settings.key_file.unlink()
        with pytest.raises(SSL.Error):
            await Door(settings, registry, lambda: 0).start()

    async def test_stop_without_start(self, settings: DoorSettings, registry: Registry) -> None:
        """A door that never opened can be closed."""
        await Door(settings, registry, lambda: 0).stop()
