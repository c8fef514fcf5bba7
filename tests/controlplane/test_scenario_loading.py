"""Loading a scenario: nothing comes in that the doors would refuse, and what is missing is made."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from certgate_certs.authority import CertificateAuthority
from certgate_certs.builder import KeyType
from certgate_certs.registry import Contents, Registry, RegistryUnavailable, Status
from certgate_certs.view import CertificateView
from certgate_controlplane.scenario import Loaded, ScenarioError, making
from controlplane.harness import EMPTY_INSTANCE, INSTANCE, rows
from controlplane.scenario_kit import Bench, by_hand, ca_entry, device_entry, scenario


@pytest.fixture
def bench(registry: Registry, tmp_path: Path) -> Bench:
    """Set up a lab without sockets."""
    return Bench.over(registry, tmp_path / "state")


class TestCertificates:
    """Scenarios that bring their certificates."""

    async def test_everything(
        self, bench: Bench, ca: CertificateAuthority, other_ca: CertificateAuthority
    ) -> None:
        """CAs and devices are registered as the file says, and found by the API's reads."""
        lamp, pump = ca.issue_device("lamp"), ca.issue_device("pump")
        document = scenario(
            ca_entry(
                ca,
                device_entry(lamp, status="inactive", name="lamp"),
                device_entry(pump, client_identifiers=["b", "a"]),
            ),
            ca_entry(other_ca, code="2", instance=EMPTY_INSTANCE, name="other", status="inactive"),
        )
        assert await bench.scenarios.load(document) == Loaded(cas=2, devices=2)
        found = await bench.registry.cas.find(INSTANCE, ca.issued.view.sn)
        assert found is not None
        assert (found.name, found.status, found.content) == ("acme", Status.ACTIVE, ca.pem)
        other = await bench.registry.cas.find(EMPTY_INSTANCE, other_ca.issued.view.sn)
        assert other is not None
        assert other.status is Status.INACTIVE
        _, devices = await bench.registry.devices.page(INSTANCE, 0, 10)
        assert [(d.name, d.status) for d in devices] == [
            ("lamp", Status.INACTIVE),
            ("pump", Status.ACTIVE),
        ]
        for client_id in ("a", "b"):
            binding = bench.registry.standing.binding(INSTANCE, client_id)
            assert binding is not None
            assert binding.device_id == devices[1].id

    async def test_what_was_before_is_gone(
        self, bench: Bench, populated: Registry, other_ca: CertificateAuthority
    ) -> None:
        """A scenario takes the place of everything."""
        await bench.scenarios.load(scenario(ca_entry(other_ca)))
        contents = await populated.everything.read()
        assert [ca.content for ca in contents.cas] == [other_ca.pem]
        assert contents.cas[0].devices == ()

    async def test_intermediates(self, bench: Bench, ca: CertificateAuthority) -> None:
        """What stands between a device and its CA is kept; strangers in the chain are not."""
        between = ca.issue_intermediate("between")
        lamp = between.issue_device("lamp")
        entry = device_entry(lamp, between.pem, ca.pem)
        await bench.scenarios.load(scenario(ca_entry(ca, entry)))
        contents = await bench.registry.everything.read()
        assert contents.cas[0].devices[0].chain == between.issued.view.der

    async def test_preambles_stay(self, bench: Bench, ca: CertificateAuthority) -> None:
        """A CA certificate's text stays as it is, as when it is registered."""
        text = f"Certificate:\r\n  é\n{ca.pem}\n\nafter"
        await bench.scenarios.load(scenario({**ca_entry(ca), "certificate": text}))
        found = await bench.registry.cas.find(INSTANCE, ca.issued.view.sn)
        assert found is not None
        assert found.content == text

    async def test_blank_common_name(self, bench: Bench, ca: CertificateAuthority) -> None:
        """A device whose name is blank in its certificate may say so."""
        nameless = device_entry(ca.issue_device(" "), name=" ")
        await bench.scenarios.load(scenario(ca_entry(ca, nameless)))
        assert (await bench.registry.devices.page(INSTANCE, 0, 1))[1][0].name == " "


def refusals(ca: CertificateAuthority, other: CertificateAuthority) -> dict[str, tuple[str, str]]:
    """Give scenarios that are to be refused, each with where and why."""
    lamp, pump = ca.issue_device("lamp"), ca.issue_device("pump")
    lamp_entry, junk = device_entry(lamp), "-----BEGIN CERTIFICATE-----\nAAAA\n-----END"
    stranger = other.issue_device("stranger")
    weak = device_entry(ca.issue_server(["lamp"]))
    proof = ca.issue_verification("code").pem
    one, two = ca_entry(ca), ca_entry(other, code="2", name="other")
    same = {"client_identifiers": ["m"]}
    return {
        "CA unreadable": (scenario({**one, "certificate": junk}), "cas[0].certificate: not a read"),
        "two certificates": (
            scenario({**one, "certificate": ca.pem + other.pem}),
            "cas[0].certificate: expected exactly one PEM certificate",
        ),
        "proof unreadable": (scenario({**one, "verification": junk}), "cas[0].verification: not a"),
        "proof of another": (
            scenario({**one, "verification": other.issue_verification("code").pem}),
            "cas[0]: the verification certificate is not signed by the CA certificate's key",
        ),
        "no CA": (
            scenario({**one, "certificate": lamp.pem}),
            "cas[0]: the CA certificate does not say CA:TRUE in BasicConstraints",
        ),
        "proof without code": (
            scenario({**one, "verification": ca.issue_verification(" ").pem}),
            "cas[0]: the verification certificate bears no code",
        ),
        "CA twice": (
            scenario(one, {**one, "verification": ca.issue_verification("2").pem}),
            "cas[1]: the serial number is that of cas[0]",
        ),
        "CA twice in the lab": (
            scenario(one, ca_entry(ca, code="2", instance=EMPTY_INSTANCE)),
            "cas[1]: the serial number is that of cas[0]",
        ),
        "code twice": (
            scenario(one, ca_entry(other, code="code")),
            "cas[1]: the registration code is that of cas[0]",
        ),
        "code of a CA": (
            scenario(one, registration_codes=[{"code": "code"}]),
            "registration_codes[0]: the registration code is that of cas[0]",
        ),
        "too many": (
            scenario(*(ca_entry(ca, code=f"{n}") for n in range(1)), two, by_hand("x")),
            "cas[2]: an instance may have 2 CA certificates",
        ),
        "device unreadable": (
            scenario(ca_entry(ca, lamp_entry, {"certificate": junk})),
            "cas[0].devices[1].certificate: not a readable certificate",
        ),
        "chain unreadable": (
            scenario(ca_entry(ca, device_entry(lamp, ca.pem, junk))),
            "cas[0].devices[0].chain[1]: not a readable certificate",
        ),
        "device of another CA": (
            scenario(one, {**two, "devices": [lamp_entry]}),
            "cas[1].devices[0]: its certificate does not lead to this CA",
        ),
        "chain missing": (
            scenario(ca_entry(ca, device_entry(ca.issue_intermediate("i").issue_device("x")))),
            "cas[0].devices[0]: its certificate does not lead to this CA",
        ),
        "stranger": (
            scenario(ca_entry(ca, device_entry(stranger, other.pem))),
            "cas[0].devices[0]: its certificate does not lead to this CA",
        ),
        "server": (
            scenario(ca_entry(ca, weak)),
            "cas[0].devices[0].certificate: it is no certificate for a TLS client",
        ),
        "CA as a device": (
            scenario(ca_entry(ca, device_entry(ca.issue_intermediate("i").issued))),
            "cas[0].devices[0].certificate: it is no certificate for a TLS client",
        ),
        "another name": (
            scenario(ca_entry(ca, device_entry(lamp, name="Lamp"))),
            "cas[0].devices[0].name: it is not the certificate's common name, 'lamp'",
        ),
        "device twice": (
            scenario(ca_entry(ca, lamp_entry, lamp_entry)),
            "cas[0].devices[1]: the serial number is that of cas[0].devices[0]",
        ),
        "identifier twice": (
            scenario(ca_entry(ca, device_entry(lamp, client_identifiers=["m", "n", "m"]))),
            "cas[0].devices[0].client_identifiers[2]: the client identifier is that of cas[0].dev",
        ),
        "identifier of another": (
            scenario(ca_entry(ca, device_entry(lamp, **same), device_entry(pump, **same))),
            "cas[0].devices[1].client_identifiers[0]: the client identifier is that of",
        ),
        "proof is no text": (scenario({**one, "verification": proof[:-30]}), "cas[0].verification"),
        "made and no name": (scenario(by_hand("a b")), "cas[0].name: 'a b' cannot be the name of"),
        "made and a path": (scenario(by_hand("../x")), "cas[0].name: '../x' cannot be the name"),
        "made and dots": (scenario(by_hand("..")), "cas[0].name: '..' cannot be the name of a"),
        "device and a path": (
            scenario(by_hand("made", ["../../x"])),
            "cas[0].devices[0].name: '../../x' cannot be the name of a file",
        ),
        "no key": (
            scenario({**one, "devices": [{"name": "lamp"}]}),
            "cas[0]: its devices without a certificate cannot be made: there is no CA 'acme'",
        ),
        "no key, no name": (
            scenario({**one, "name": "a b", "devices": [{"name": "lamp"}]}),
            "cas[0].name: 'a b' cannot be the name of a file",
        ),
        "no key, no certificate": (
            scenario({**one, "certificate": junk, "devices": [{"name": "lamp"}]}),
            "cas[0].certificate: not a readable certificate",
        ),
        "no scenario": ("[]", "the scenario: an object is expected, not a list"),
    }


CASES = list(refusals(*(CertificateAuthority.create_root("x") for _ in range(2))))


@pytest.fixture(params=CASES)
def refused(
    request: pytest.FixtureRequest, ca: CertificateAuthority, other_ca: CertificateAuthority
) -> tuple[str, str]:
    """Give a scenario that is to be refused, with where and why."""
    return refusals(ca, other_ca)[request.param]


async def test_refused(
    populated: Registry, registry_file: Path, tmp_path: Path, refused: tuple[str, str]
) -> None:
    """What is refused leaves the lab as it was, and one sentence says where it is wrong."""
    bench, before = Bench.over(populated, tmp_path / "state", most_cas=2), rows(registry_file)
    document, sentence = refused
    with pytest.raises(ScenarioError) as refusal:
        await bench.scenarios.load(document)
    assert str(refusal.value).startswith(sentence)
    assert rows(registry_file) == before
    assert await populated.everything.era() == 0
    assert bench.resets == []


class TestMaking:
    """Scenarios that a person wrote."""

    async def test_made(self, bench: Bench) -> None:
        """CAs and devices without certificates get them in the state directory."""
        devices = [{"name": "lamp-1", "status": "inactive"}, {"name": "lamp-2"}]
        await bench.scenarios.load(scenario({"name": "acme", "devices": devices}))
        assert bench.made() == {"acme", "acme/devices/lamp-1", "acme/devices/lamp-2"}
        (ca,) = (await bench.registry.everything.read()).cas
        assert (ca.name, ca.instance_id, ca.status) == ("acme", INSTANCE, Status.ACTIVE)
        assert ca.content == bench.state.ca("acme").pem
        assert [device.status for device in ca.devices] == [Status.INACTIVE, Status.ACTIVE]
        key_file = bench.state.path / "pki" / "acme" / "devices" / "lamp-1" / "key.pem"
        assert key_file.stat().st_mode & 0o777 == 0o600

    async def test_taken_up_again(self, bench: Bench) -> None:
        """Whoever loads a scenario again finds the certificates that were made the first time."""
        text = scenario(by_hand("acme", ["lamp"]))
        await bench.scenarios.load(text)
        first = await bench.registry.everything.read()
        await bench.scenarios.load(text)
        second = await bench.registry.everything.read()
        assert second.cas[0].content == first.cas[0].content
        assert second.cas[0].devices == first.cas[0].devices
        assert second.cas[0].registration_code != first.cas[0].registration_code

    async def test_made_with_pki(self, bench: Bench) -> None:
        """What was made with `pki` is taken up, whatever kind its key is of."""
        bench.state.new_ca("acme", KeyType.RSA_2048)
        pair = bench.state.new_device("lamp", "acme")
        await bench.scenarios.load(scenario(by_hand("acme", ["lamp", "pump"])))
        (ca,) = (await bench.registry.everything.read()).cas
        made = CertificateView.from_pem(pair.certificate_file.read_text())
        assert ca.devices[0].der == made.der
        assert len(ca.devices) == 2

    async def test_made_for_a_ca_that_is_given(self, bench: Bench) -> None:
        """A device is made where the CA's certificate is in the file and its key is here."""
        bench.state.new_ca("acme")
        entry = ca_entry(bench.state.ca("acme"), {"name": "lamp"})
        assert await bench.scenarios.load(scenario(entry)) == Loaded(1, 1)

    async def test_given_and_made(self, bench: Bench) -> None:
        """Devices that bring a certificate and devices that do not stand side by side."""
        bench.state.new_ca("acme")
        authority = bench.state.ca("acme")
        given = device_entry(authority.issue_device("given"))
        await bench.scenarios.load(scenario(ca_entry(authority, given, {"name": "made"})))
        _, devices = await bench.registry.devices.page(INSTANCE, 0, 9)
        assert [device.name for device in devices] == ["given", "made"]
        assert bench.made() == {"acme", "acme/devices/made"}

    async def test_another_ca_of_the_name(self, bench: Bench, ca: CertificateAuthority) -> None:
        """No device is made under a CA that is not the one in the file."""
        bench.state.new_ca("acme")
        entry = ca_entry(ca, {"name": "lamp"})
        with pytest.raises(ScenarioError, match=r"^cas\[0\]: its devices .* is another one$"):
            await bench.scenarios.load(scenario(entry))
        assert bench.made() == {"acme"}

    async def test_a_device_of_an_earlier_ca(self, bench: Bench) -> None:
        """A device in the state directory that its CA did not issue is refused."""
        bench.state.new_ca("acme")
        bench.state.new_device("lamp", "acme")
        bench.state.new_ca("new")
        for name in ("certificate.pem", "chain.pem", "key.pem"):
            new = bench.state.path / "pki" / "new" / name
            (bench.state.path / "pki" / "acme" / name).write_bytes(new.read_bytes())
        with pytest.raises(ScenarioError, match=r"^cas\[0\]\.devices\[0\]: its certificate does"):
            await bench.scenarios.load(scenario(by_hand("acme", ["lamp"])))

    @pytest.mark.parametrize("which", ["acme", "acme/devices/lamp"])
    async def test_unreadable_files(self, bench: Bench, which: str) -> None:
        """Files that cannot be read are a sentence with the place in it."""
        text = scenario(by_hand("acme", ["lamp"]))
        await bench.scenarios.load(text)
        (bench.state.path / "pki" / which / "chain.pem").write_bytes(b"\xff")
        place = r"^cas\[0\]: its CA" if which == "acme" else r"^cas\[0\]\.devices\[0\]: it cannot"
        with pytest.raises(ScenarioError, match=place):
            await bench.scenarios.load(text)

    async def test_too_many(self, bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
        """A file does not fill the disk."""
        monkeypatch.setattr(making, "_MOST", 2)
        with pytest.raises(ScenarioError, match="wants 3 devices made, 2 are possible"):
            await bench.scenarios.load(scenario(by_hand("acme", ["a", "b", "c"])))
        assert bench.made() == set()

    @pytest.mark.parametrize("in_the_file", [True, False])
    async def test_made_by_the_lab_s_clock(self, bench: Bench, in_the_file: bool) -> None:
        """New certificates are valid at the time that the lab has once it is loaded."""
        days = 4000
        offset = days * 86_400_000
        members = {"clock_offset_ms": offset} if in_the_file else {}
        if not in_the_file:
            bench.now.set_offset(offset)
        await bench.scenarios.load(scenario(by_hand("acme", ["lamp"]), **members))
        (ca,) = (await bench.registry.everything.read()).cas
        for view in (
            CertificateView.from_pem(ca.content),
            CertificateView.from_der(ca.devices[0].der),
        ):
            start = datetime.fromtimestamp(view.not_before / 1000, UTC)
            assert abs(start - datetime.now(UTC) - timedelta(days=days)) < timedelta(hours=2)

    async def test_five_hundred(self, bench: Bench) -> None:
        """Long lists are no trouble."""
        names = [f"lamp-{number}" for number in range(500)]
        assert await bench.scenarios.load(scenario(by_hand("acme", names))) == Loaded(1, 500)
        _, devices = await bench.registry.devices.page(INSTANCE, 0, 500)
        assert [device.name for device in devices] == names


class TestClock:
    """The clock of a scenario."""

    async def test_moved(self, bench: Bench) -> None:
        """The clock is moved where the file says how far it is ahead, for every process."""
        await bench.scenarios.load(scenario(clock_offset_ms=-7))
        assert (bench.now.offset_ms, await bench.registry.clock.get()) == (-7, -7)

    async def test_left(self, bench: Bench) -> None:
        """The clock stays where the file says nothing."""
        await bench.scenarios.load(scenario(clock_offset_ms=5))
        await bench.scenarios.load(scenario())
        assert (bench.now.offset_ms, await bench.registry.clock.get()) == (5, 5)


async def test_registry_that_cannot_be_written(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the registry cannot be written the clock stays, too."""

    async def fail(_: Contents) -> int:
        raise RegistryUnavailable("disk full")

    monkeypatch.setattr(bench.registry.everything, "replace", fail)
    with pytest.raises(RegistryUnavailable):
        await bench.scenarios.load(scenario(clock_offset_ms=5))
    assert bench.now.offset_ms == 0
