"""Faults and fleets of a lab object, with and without an event loop."""

import json
from pathlib import Path

import pytest

from certgate import AsyncLab, Behaviour, Counts, FaultError, Lab, ScenarioError
from certgate_controlplane.key_files import StateError

QUICK = Behaviour(start_seconds=0.1, back_off_min=0.05, back_off_max=0.2, drop_seconds=0)


def test_faults() -> None:
    """A fault that is set strikes, is counted, and is gone when it is cleared."""
    with Lab() as lab:
        lamp = lab.new_device("lamp", lab.new_ca())
        lab.faults.set("connect-refuse", devices=["lamp"], next=1)
        lab.assert_refused(lamp, "fault_injected")
        lab.assert_admitted(lamp)
        (told,) = lab.faults.list()
        assert (told["name"], told["struck"]) == ("connect-refuse", 1)
        lab.faults.clear()
        assert lab.faults.list() == []
        with pytest.raises(FaultError, match="no fault 'lightning'"):
            lab.faults.set("lightning")


def test_faults_given_from_the_start() -> None:
    """A lab may begin with faults, written as for the command line."""
    with Lab(faults=["connect-refuse:next=1"]) as lab:
        lamp = lab.new_device("lamp", lab.new_ca())
        lab.assert_refused(lamp, "fault_injected")
        lab.assert_admitted(lamp)


def test_revocation_delay_follows_the_clock() -> None:
    """A withdrawal that takes a quarter of an hour is in force when the clock says so."""
    with Lab() as lab:
        ca = lab.new_ca()
        lamp = lab.new_device("lamp", ca)
        lab.faults.set("revocation-delay", preset="emqx-crl")
        lab.inactivate(ca)
        lab.assert_admitted(lamp)
        lab.clock.advance(minutes=16)
        lab.assert_refused(lamp, "ca_inactive")


def test_fleet_comes_and_goes() -> None:
    """A fleet is kept out while its CA is inactive, and comes back by itself."""
    with Lab(live_sessions="close") as lab:
        acme, other = lab.new_ca("acme"), lab.new_ca("other")
        with lab.fleet(acme, other, devices=6, behaviour=QUICK) as fleet:
            fleet.wait_until(lambda counts: counts.connected == 6)
            lab.inactivate(acme)
            counts = fleet.wait_until(lambda counts: counts.kept_out == {"ca_inactive": 3})
            assert counts.connected == 3
            lab.activate(acme)
            fleet.wait_until(lambda counts: counts.connected == 6)
            with pytest.raises(TimeoutError, match=r"waited 0\.1 s in vain"):
                fleet.wait_until(lambda counts: counts.devices == 7, seconds=0.1)
            assert isinstance(fleet.counts(), Counts)
        assert {each.client_id for each in lab.decisions(accepted=True)} == {
            f"GID_fleet@@@{name}-{number:04}"
            for number, name in enumerate(["acme", "other"] * 3, start=1)
        }


async def test_fleet_of_an_async_lab() -> None:
    """A fleet shares the event loop with its lab; its certificates follow the lab's clock."""
    async with AsyncLab() as lab:
        await lab.clock.advance(days=1000)
        ca = await lab.new_ca()
        async with lab.fleet(ca, devices=3, group="lamps", behaviour=QUICK) as fleet:
            await fleet.wait_until(lambda counts: counts.connected == 3)
        with pytest.raises(ValueError, match="a fleet needs a CA"):
            lab.fleet()


def test_reset_and_snapshot() -> None:
    """A snapshot is gone back to, an empty reset forgets all, and names are free again."""
    with Lab() as lab:
        acme = lab.new_ca("acme")
        lamp = lab.new_device("lamp", acme)
        lab.assert_admitted(lamp)
        lab.snapshot("one-lamp")
        lab.inactivate(lamp)
        lab.assert_admitted(lab.new_device("second", acme))
        lab.reset("one-lamp")
        lab.assert_admitted(lamp)
        lab.assert_admitted(lab.new_device("second", acme))
        connection = lab.connect(lamp)
        lab.clock.advance(days=2)
        lab.faults.set("connect-refuse")
        lab.reset()
        lab.assert_closed_within(connection, 5000)
        connection.close()
        assert (lab.decisions(), lab.faults.list()) == ([], [])
        again = lab.new_device("lamp", lab.new_ca("acme"))
        lab.assert_admitted(again)
        with pytest.raises(ScenarioError, match="no snapshot"):
            lab.reset("another")


def test_scenario_by_hand(tmp_path: Path) -> None:
    """A scenario that a person wrote is a lab's beginning; its devices are taken up by name."""
    file = tmp_path / "scenario.json"
    devices = [{"name": "lamp", "status": "inactive"}, {"name": "other"}]
    file.write_text(json.dumps({"certgate": 1, "cas": [{"name": "acme", "devices": devices}]}))
    with Lab(load=file) as lab:
        acme = lab.ca("acme")
        lab.assert_refused(lab.device("lamp", acme), "device_inactive")
        lab.assert_admitted(lab.device("other", acme))
        with pytest.raises(StateError, match="there is nothing in"):
            lab.device("third", acme)
        lab.export(tmp_path / "export.json")
        lab.reset()
        lab.load(tmp_path / "export.json")
        lab.export(tmp_path / "again.json")
    assert (tmp_path / "again.json").read_text() == (tmp_path / "export.json").read_text()
    assert "PRIVATE" not in (tmp_path / "export.json").read_text()
