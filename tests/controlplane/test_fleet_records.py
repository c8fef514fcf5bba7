"""Refusals and the lab's records of them find each other."""

import json
from typing import Any

import pytest

from certgate_controlplane.client import ApiClient, CallError
from certgate_controlplane.fleet.counts import Tally
from certgate_controlplane.fleet.records import Explainer, Refusal, Refusals
from certgate_controlplane.fleet.threads import Threads

HERE = "127.0.0.1:40000"


def heard(client_id: str = "lamp", at: float = 0, address: str = HERE) -> Refusal:
    """What a device knows."""
    return Refusal(client_id, address, at)


def told(*reasons: str, client_id: str = "lamp", at: float = 0) -> Refusal:
    """What the lab knows."""
    return Refusal(client_id, HERE, at, reasons)


@pytest.mark.parametrize("lab_first", [True, False])
def test_either_side_may_be_first(lab_first: bool) -> None:
    """The second one meets the first, and nobody waits any more."""
    refusals, pair = Refusals(), [heard(), told("ca_inactive")]
    first, second = reversed(pair) if lab_first else pair
    assert refusals.meet(first) is None
    assert len(refusals) == 1
    assert refusals.meet(second) == first
    assert not refusals


def test_a_record_without_client_identifier_is_told_by_its_address() -> None:
    """A handshake that failed names nobody."""
    refusals = Refusals()
    refusals.meet(heard())
    assert refusals.meet(told("handshake_failed", client_id="")) == heard()


@pytest.mark.parametrize(
    "other", [told("ca_inactive", client_id="pump"), heard("pump"), heard("lamp", 1)]
)
def test_what_is_not_about_the_same_connection_does_not_meet(other: Refusal) -> None:
    """Neither another client's record nor what another device knows."""
    refusals = Refusals()
    refusals.meet(heard())
    assert refusals.meet(other) is None
    assert len(refusals) == 2


def test_a_port_that_was_used_again() -> None:
    """Each record meets the refusal of its own device, and of one device the oldest first."""
    refusals = Refusals()
    for each in (heard("lamp", 1), heard("pump", 2), heard("lamp", 3)):
        refusals.meet(each)
    assert refusals.meet(told("x", client_id="pump")) == heard("pump", 2)
    assert refusals.meet(told("x")) == heard("lamp", 1)
    assert refusals.meet(told("x")) == heard("lamp", 3)


def test_who_waits_too_long_is_given_up() -> None:
    """What was heard of before a moment is dropped, what came later is not."""
    refusals = Refusals()
    refusals.meet(heard(at=1))
    refusals.meet(heard(at=2, address="127.0.0.1:40001"))
    refusals.give_up(2)
    assert len(refusals) == 1


class FakeApi(ApiClient):
    """Answers from a list of records; its numbers begin at 1.

    Attributes:
        paths: what was read.
    """

    records: list[dict[str, Any]]
    paths: list[str]
    broken: bool

    def read(self, path: str) -> dict[str, Any]:
        self.paths.append(path)
        if self.broken:
            raise CallError("gone")
        values = dict(part.split("=") for part in path.partition("?")[2].split("&"))
        since, limit = int(values["since"]), int(values["limit"])
        numbered = [{"number": n + 1, **each} for n, each in enumerate(self.records)]
        return {"decisions": json.loads(json.dumps(numbered[since : since + limit]))}


def fake_api(*records: dict[str, Any]) -> FakeApi:
    """Make one."""
    api = FakeApi("http://nowhere")
    for name, value in {"records": list(records), "paths": [], "broken": False}.items():
        object.__setattr__(api, name, value)
    return api


def record(*reasons: str, client_id: str = "lamp") -> dict[str, Any]:
    """Write a decision record, as far as it is read."""
    return {"client_id": client_id, "remote_address": HERE, "reasons": list(reasons)}


@pytest.fixture
def tally() -> Tally:
    """Count one device."""
    return Tally(["lamp"])


async def explained(api: FakeApi | None, tally: Tally, *later: dict[str, Any]) -> Tally:
    """Start, let records come, refuse the lamp and explain it."""
    threads = Threads()
    explainer = Explainer(api, tally, threads)
    await explainer.start()
    if api is not None:
        api.records.extend(later)
    explainer.refused("lamp", HERE)
    await explainer.explain()
    threads.close()
    return tally


@pytest.mark.parametrize("old", [0, 1, 2, 3, 7, 8, 9, 100])
async def test_nothing_is_read_that_is_older(tally: Tally, old: int) -> None:
    """However many records there were, the first that explains is the first that came later."""
    api = fake_api(*[record("device_inactive")] * old)
    await explained(api, tally, record("ca_inactive"))
    assert tally.counts().refused == {"ca_inactive": 1}
    assert len(api.paths) < 20


async def test_pages_are_read_to_the_end(tally: Tally) -> None:
    """A record behind a thousand others is found."""
    others = [record(), *[record("ca_inactive", client_id="pump")] * 1500]
    await explained(fake_api(), tally, *others, record("ca_inactive"))
    assert tally.counts().refused == {"ca_inactive": 1}


async def test_admissions_explain_nothing(tally: Tally) -> None:
    """A record without reasons is passed over."""
    await explained(fake_api(), tally, record())
    assert tally.counts().refused == {"unexplained": 1}


async def test_without_an_api_nothing_is_explained(tally: Tally) -> None:
    """A broker alone tells nobody why."""
    await explained(None, tally)
    assert tally.counts().refused == {"unexplained": 1}
    threads = Threads()
    await Explainer(None, tally, threads).run()
    threads.close()


async def test_a_lab_that_is_away_is_asked_again(tally: Tally) -> None:
    """Its silence does no harm, and what it has to tell is read later."""
    api, threads = fake_api(), Threads()
    explainer = Explainer(api, tally, threads)
    await explainer.start()
    explainer.refused("lamp", HERE)
    object.__setattr__(api, "broken", True)
    await explainer.explain()
    assert tally.counts().refused == {"unexplained": 1}
    object.__setattr__(api, "broken", False)
    api.records.append(record("ca_inactive"))
    await explainer.explain()
    assert tally.counts().refused == {"ca_inactive": 1}
    threads.close()


async def test_while_nothing_is_unexplained_nothing_is_read(tally: Tally) -> None:
    """A fleet that is welcome asks nothing of the lab."""
    api, threads = fake_api(), Threads()
    explainer = Explainer(api, tally, threads)
    await explainer.explain()
    assert api.paths == []
    threads.close()
