"""Snapshots and reset: back to where the lab was, or to nothing at all."""

import asyncio
import time
from pathlib import Path

import pytest

from certgate_certs.authority import CertificateAuthority
from certgate_certs.issued import IssuedCertificate
from certgate_certs.registry import Contents, Registry, Status
from certgate_controlplane.scenario import ScenarioError, SnapshotUnknown
from controlplane.harness import INSTANCE, enrol, register
from controlplane.scenario_kit import Bench, by_hand, ca_entry, scenario
from controlplane.test_management import record

BAD_NAMES = ["", ".", "..", "../x", "a/b", "/etc/passwd", "a\\b", ".hidden", "a b", "x" * 65, "é"]


@pytest.fixture
def bench(registry: Registry, tmp_path: Path) -> Bench:
    """Set up a lab without sockets."""
    made = Bench.over(registry, tmp_path / "state")
    made.state.prepare()
    return made


class TestReset:
    """Back to nothing."""

    async def test_everything_is_gone(
        self, bench: Bench, populated: Registry, ca: CertificateAuthority
    ) -> None:
        """Certificates, codes and records are gone, and the clock is right again."""
        await populated.codes.issue(INSTANCE)
        await populated.decisions.append([record(1)])
        await bench.scenarios.load(scenario(by_hand("acme"), clock_offset_ms=5))
        await bench.scenarios.reset()
        assert await populated.everything.read() == Contents(clock_offset_ms=0)
        assert await populated.decisions.since(0, 9) == []
        assert bench.now.offset_ms == 0
        assert bench.resets == ["first", "second"]

    async def test_as_new(self, bench: Bench, ca: CertificateAuthority) -> None:
        """The same CA can be registered again, and the numbers of its records go on."""
        first = await register(bench.registry, ca)
        await bench.registry.decisions.append([record(1)])
        await bench.scenarios.reset()
        assert await register(bench.registry, ca) > first
        await bench.registry.decisions.append([record(2)])
        assert [number for number, _ in await bench.registry.decisions.since(0, 9)] == [2]

    async def test_keys_stay(self, bench: Bench) -> None:
        """What was made in the state directory stays unless it shall go."""
        await bench.scenarios.load(scenario(by_hand("acme", ["lamp"])))
        made = bench.made()
        await bench.scenarios.reset()
        assert bench.made() == made == {"acme", "acme/devices/lamp"}

    async def test_keys_go(self, bench: Bench) -> None:
        """With what was made gone, its names are free, and nothing of the keys is left."""
        for _ in range(3):
            bench.state.new_ca("acme")
            bench.state.new_device("lamp", "acme")
            await bench.scenarios.reset(remove_made=True)
            assert bench.made() == set()
            assert list((bench.state.path / "pki").iterdir()) == []

    async def test_nothing_to_remove(self, bench: Bench) -> None:
        """Where nothing was ever made there is nothing to remove."""
        await bench.scenarios.reset(remove_made=True)
        assert not (bench.state.path / "pki").exists()

    async def test_a_stray_file(self, bench: Bench) -> None:
        """Files that are no folders of CAs are left alone."""
        bench.state.new_ca("acme")
        stray = bench.state.path / "pki" / "notes.txt"
        stray.write_text("mine")
        await bench.scenarios.reset(remove_made=True)
        assert [file.name for file in (bench.state.path / "pki").iterdir()] == ["notes.txt"]

    async def test_cannot_be_removed(self, bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
        """A folder that cannot be removed is named."""
        bench.state.new_ca("acme")

        def fail(_: Path, __: Path) -> None:
            raise PermissionError(13, "Permission denied")

        monkeypatch.setattr(Path, "rename", fail)
        with pytest.raises(ScenarioError, match=r"pki/acme cannot be used: Permission denied"):
            await bench.scenarios.reset(remove_made=True)

    async def test_at_once(self, bench: Bench, ca: CertificateAuthority) -> None:
        """Resets, loads and snapshots at a time come one after the other."""
        text = scenario(ca_entry(ca))
        await bench.scenarios.load(text)
        await bench.scenarios.snapshot("one")
        await asyncio.gather(
            *(bench.scenarios.reset() for _ in range(3)),
            *(bench.scenarios.snapshots() for _ in range(3)),
            *(bench.scenarios.load(text) for _ in range(3)),
            *(bench.scenarios.snapshot("two") for _ in range(3)),
            bench.scenarios.reset("one"),
        )
        await bench.scenarios.reset("one")
        assert len((await bench.registry.everything.read()).cas) == 1

    async def test_quick(self, bench: Bench, ca: CertificateAuthority) -> None:
        """A reset between two tests costs less than any of them."""
        best = 1.0
        for _ in range(10):
            await register(bench.registry, ca)
            start = time.perf_counter()
            await bench.scenarios.reset(remove_made=True)
            best = min(best, time.perf_counter() - start)
        assert best < 0.05


class TestSnapshots:
    """Back to a name."""

    async def test_back(
        self, bench: Bench, ca: CertificateAuthority, device: IssuedCertificate
    ) -> None:
        """The lab is as it was, whatever happened since."""
        await enrol(bench.registry, await register(bench.registry, ca), device, "m")
        await bench.registry.clock.set(9)
        bench.now.set_offset(9)
        await bench.scenarios.snapshot("base")
        before = await bench.registry.everything.read()
        await bench.registry.cas.set_status(INSTANCE, ca.issued.view.sn, Status.INACTIVE)
        await bench.registry.cas.delete(INSTANCE, ca.issued.view.sn)
        await bench.registry.decisions.append([record(1)])
        for _ in range(2):
            await bench.scenarios.reset("base")
            assert await bench.registry.everything.read() == before
            assert await bench.registry.decisions.since(0, 9) == []
            assert bench.now.offset_ms == 9

    async def test_of_nothing(self, bench: Bench) -> None:
        """An empty lab can be kept, too."""
        await bench.scenarios.snapshot("empty")
        await bench.scenarios.load(scenario(by_hand("acme")))
        await bench.scenarios.reset("empty")
        assert await bench.registry.everything.read() == Contents(clock_offset_ms=0)

    async def test_names(self, bench: Bench) -> None:
        """Names are listed in order, and a name that is used again is replaced."""
        assert await bench.scenarios.snapshots() == []
        for name in ("b", "a.1@x_y-z", "b"):
            await bench.scenarios.snapshot(name)
        assert await bench.scenarios.snapshots() == ["a.1@x_y-z", "b"]

    async def test_kept_over_runs(
        self, bench: Bench, registry: Registry, ca: CertificateAuthority
    ) -> None:
        """A snapshot is a scenario in a file, and later runs know it."""
        await register(registry, ca)
        await bench.scenarios.snapshot("base")
        file = bench.state.path / "snapshots" / "base.json"
        assert file.read_text() == await bench.scenarios.export()
        await bench.scenarios.reset()
        later = Bench.over(registry, bench.state.path)
        await later.scenarios.reset("base")
        assert len((await registry.everything.read()).cas) == 1

    async def test_unknown(self, bench: Bench, populated: Registry) -> None:
        """A snapshot that is not there changes nothing."""
        before = await populated.everything.read()
        with pytest.raises(SnapshotUnknown, match="there is no snapshot 'base'"):
            await bench.scenarios.reset("base")
        assert await populated.everything.read() == before
        assert bench.resets == []

    @pytest.mark.parametrize("name", BAD_NAMES)
    async def test_bad_names(self, bench: Bench, populated: Registry, name: str) -> None:
        """No name leads out of the folder."""
        (bench.state.path / "x.json").write_text(scenario())
        before = await populated.everything.read()
        with pytest.raises(ScenarioError, match="cannot be the name of a file"):
            await bench.scenarios.snapshot(name)
        with pytest.raises(ScenarioError, match="cannot be the name of a file"):
            await bench.scenarios.reset(name)
        assert await populated.everything.read() == before
        assert not (bench.state.path / "snapshots").exists()

    async def test_broken(self, bench: Bench, populated: Registry) -> None:
        """A snapshot that somebody has spoilt changes nothing."""
        await bench.scenarios.snapshot("base")
        before = await populated.everything.read()
        file = bench.state.path / "snapshots" / "base.json"
        for spoilt in (file.read_bytes()[:-20], b"\xff"):
            file.write_bytes(spoilt)
            with pytest.raises(ScenarioError, match="the scenario is no"):
                await bench.scenarios.reset("base")
        assert await populated.everything.read() == before
        assert bench.resets == []

    async def test_unreadable(self, bench: Bench) -> None:
        """A snapshot that cannot be read is named, and so is a folder that cannot be made."""
        folder = bench.state.path / "snapshots"
        (folder / "base.json").mkdir(parents=True)
        with pytest.raises(ScenarioError, match=r"snapshots/base\.json cannot be used"):
            await bench.scenarios.reset("base")
        (folder / "base.json").rmdir()
        folder.rmdir()
        folder.write_text("in the way")
        with pytest.raises(ScenarioError, match=r"snapshots/base\.json cannot be used"):
            await bench.scenarios.snapshot("base")

    async def test_strange_files_are_not_listed(self, bench: Bench) -> None:
        """What no snapshot can be called is none."""
        folder = bench.state.path / "snapshots"
        folder.mkdir()
        for name in ("a b.json", ".x.json", "y.txt", "good.json"):
            (folder / name).write_text("{}")
        assert await bench.scenarios.snapshots() == ["good"]


class TestMadeSince:
    """What was made in the state directory after a snapshot."""

    @pytest.fixture
    async def base(self, bench: Bench) -> set[str]:
        """Keep a snapshot with a CA and two devices; name what is made."""
        await bench.scenarios.load(scenario(by_hand("acme", ["lamp"])))
        bench.state.new_device("unused", "acme")
        await bench.scenarios.snapshot("base")
        return bench.made()

    async def test_what_was_there_stays(self, bench: Bench, base: set[str]) -> None:
        """A reset to the snapshot removes what came later, and only that."""
        bench.state.new_device("pump", "acme")
        bench.state.new_ca("other")
        bench.state.new_device("lamp", "other")
        await bench.scenarios.reset("base", remove_made=True)
        assert bench.made() == base == {"acme", "acme/devices/lamp", "acme/devices/unused"}

    async def test_unless_it_is_asked_for(self, bench: Bench, base: set[str]) -> None:
        """Without being asked to, a reset removes nothing."""
        bench.state.new_ca("other")
        await bench.scenarios.reset("base")
        assert bench.made() == base | {"other"}

    async def test_a_snapshot_that_came_as_a_file(self, bench: Bench, base: set[str]) -> None:
        """Where nobody knows what there was, nothing is removed."""
        folder = bench.state.path / "snapshots"
        (folder / "copy.json").write_text((folder / "base.json").read_text())
        bench.state.new_ca("other")
        await bench.scenarios.reset("copy", remove_made=True)
        assert bench.made() == base | {"other"}
