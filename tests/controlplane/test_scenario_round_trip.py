"""What is exported, loaded and exported again is the same, byte for byte."""

import asyncio
import json
import tempfile
from functools import cache
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from certgate_certs.authority import CertificateAuthority
from certgate_certs.issued import IssuedCertificate
from certgate_certs.registry import Contents, HeldCa, HeldCode, HeldDevice, Registry, Status
from certgate_controlplane.scenario.writing import write
from controlplane.harness import EMPTY_INSTANCE, INSTANCE, enrol, register
from controlplane.scenario_kit import Bench

_CAS, _DEVICES = 3, 4


@cache
def authority(number: int) -> CertificateAuthority:
    """Give one of a few CAs."""
    return CertificateAuthority.create_root(f"CA {number}")


@cache
def device(ca: int, number: int, deep: int) -> tuple[IssuedCertificate, bytes]:
    """Give one of a few devices of a CA, and what stands between the two."""
    issuer, between = authority(ca), b""
    for level in range(deep):
        issuer = _intermediate(ca, level)
        between = issuer.issued.view.der + between
    return issuer.issue_device(f"\u00e9\u4e16\x1b {number}"), between


@cache
def _intermediate(ca: int, level: int) -> CertificateAuthority:
    above = authority(ca)
    return CertificateAuthority(above.issue_intermediate(f"between {level}").issued)


TEXT = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=20
)
WORDS = TEXT.filter(lambda text: bool(text.strip()))
STATUSES = st.sampled_from(Status)
PREAMBLES = WORDS.map(lambda text: text.replace("-", "") + "\n") | st.just("")


@st.composite
def cas(draw: st.DrawFn, number: int, client_ids: list[str]) -> HeldCa:
    """Give what a registry may hold of a CA."""
    ca, code = authority(number), f"code {number}"
    content = draw(PREAMBLES) + draw(st.sampled_from([ca.pem, ca.pem.rstrip()]))
    devices = []
    for position in draw(st.lists(st.integers(0, _DEVICES - 1), unique=True)):
        issued, chain = device(number, position, draw(st.integers(0, 1)))
        mine = draw(st.lists(st.sampled_from(client_ids), unique=True)) if client_ids else []
        for client_id in mine:
            client_ids.remove(client_id)
        held = HeldDevice(issued.view.der, draw(STATUSES), chain, tuple(sorted(mine)))
        devices.append(held)
    proof = _proof(number, code)
    instance = draw(st.sampled_from([INSTANCE, EMPTY_INSTANCE]))
    return HeldCa(instance, draw(WORDS), draw(STATUSES), content, proof, code, tuple(devices))


@cache
def _proof(number: int, code: str) -> str:
    return authority(number).issue_verification(code).pem


@st.composite
def contents(draw: st.DrawFn) -> Contents:
    """Give what a registry may hold."""
    client_ids = draw(st.lists(TEXT, unique=True, max_size=6))
    numbers = draw(st.lists(st.integers(0, _CAS - 1), unique=True))
    found = tuple(draw(cas(number, client_ids)) for number in numbers)
    codes = draw(st.dictionaries(WORDS, st.booleans(), max_size=3))
    free = tuple(HeldCode(code, INSTANCE, used) for code, used in sorted(codes.items()))
    return Contents(found, free, draw(st.integers(-(10**9), 10**9)))


async def round_trip(given_contents: Contents, folder: Path) -> tuple[str, str, Contents, Contents]:
    """Put contents into one lab, and what it exports into another one."""
    first = await Registry.open(folder / "first.db")
    second = await Registry.open(folder / "second.db")
    try:
        await first.everything.replace(given_contents)
        bench, other = Bench.over(first, folder / "a"), Bench.over(second, folder / "b")
        exported = await bench.scenarios.export()
        await other.scenarios.load(exported)
        held = await first.everything.read(), await second.everything.read()
        return exported, await other.scenarios.export(), *held
    finally:
        await first.close()
        await second.close()


@settings(max_examples=60)
@given(held=contents())
def test_round_trip(held: Contents) -> None:
    """Export, import, export: the text is the same, and so is what the registry holds."""
    with tempfile.TemporaryDirectory() as folder:
        first, second, before, after = asyncio.run(round_trip(held, Path(folder)))
    assert second == first
    assert after == before == held
    assert "PRIVATE KEY" not in first


@settings(max_examples=60)
@given(held=contents())
def test_layout(held: Contents) -> None:
    """The text is lines of printable characters that say what the registry holds."""
    text = write(held)
    assert text.endswith("}\n")
    assert all(line.isprintable() for line in text.split("\n"))
    document = json.loads(text)
    assert [ca["name"] for ca in document["cas"]] == [ca.name for ca in held.cas]
    ids = [
        tuple(item.get("client_identifiers", ()))
        for ca in document["cas"]
        for item in ca.get("devices", ())
    ]
    assert ids == [item.client_ids for ca in held.cas for item in ca.devices]


class TestExport:
    """What an export looks like."""

    async def test_empty(self, registry: Registry, tmp_path: Path) -> None:
        """An empty lab is three members."""
        bench = Bench.over(registry, tmp_path)
        assert await bench.scenarios.export() == (
            '{\n  "certgate": 1,\n  "clock_offset_ms": 0,\n  "cas": []\n}\n'
        )

    async def test_without_certificates(
        self, registry: Registry, tmp_path: Path, ca: CertificateAuthority
    ) -> None:
        """Without certificates the names are left, and what a person would write."""
        issued = ca.issue_device("sensor-1")
        await enrol(registry, await register(registry, ca, "acme"), issued, "GID_test@@@1")
        await registry.codes.issue(INSTANCE)
        bench = Bench.over(registry, tmp_path)
        assert await bench.exported(certificates=False) == {
            "certgate": 1,
            "clock_offset_ms": 0,
            "cas": [
                {
                    "instance": INSTANCE,
                    "name": "acme",
                    "status": "active",
                    "devices": [
                        {
                            "name": "sensor-1",
                            "status": "active",
                            "client_identifiers": ["GID_test@@@1"],
                        }
                    ],
                }
            ],
        }

    async def test_without_certificates_and_back(self, registry: Registry, tmp_path: Path) -> None:
        """Loaded again, the certificates are those of the state directory or new ones."""
        bench = Bench.over(registry, tmp_path)
        await bench.scenarios.load(
            '{"certgate": 1, "cas": [{"name": "acme", "devices": [{"name": "lamp"}]}]}'
        )
        short = await bench.scenarios.export(certificates=False)
        before = await registry.everything.read()
        await bench.scenarios.load(short)
        assert await bench.scenarios.export(certificates=False) == short
        assert (await registry.everything.read()).cas[0].devices == before.cas[0].devices

    @pytest.mark.parametrize("name", ["\x1b]0;x\x07", "\x9b31m", "\u202e", "\u2028", "\U000e0001"])
    async def test_names_that_terminals_would_obey(
        self, registry: Registry, tmp_path: Path, ca: CertificateAuthority, name: str
    ) -> None:
        """What is not printable is escaped, and comes back."""
        await register(registry, ca, f"acme{name}\x7f世")
        bench = Bench.over(registry, tmp_path)
        text = await bench.scenarios.export()
        assert text.replace("\n", "").isprintable()
        assert "世" in text
        assert json.loads(text)["cas"][0]["name"] == f"acme{name}\x7f世"

    async def test_codes_beside_those_of_cas(
        self, registry: Registry, tmp_path: Path, ca: CertificateAuthority
    ) -> None:
        """A code that was handed out is still good after export and import, a used one is not."""
        await register(registry, ca)
        used = (await registry.everything.read()).cas[0].registration_code
        await registry.cas.delete(INSTANCE, ca.issued.view.sn)
        free = await registry.codes.issue(INSTANCE)
        bench = Bench.over(registry, tmp_path)
        text = await bench.scenarios.export()
        await bench.scenarios.load(text)
        found = {code.code: code.used for code in (await registry.everything.read()).codes}
        assert found == {used: True, free: False}
