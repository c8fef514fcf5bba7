"""Faults as values: what they are made of, when they strike, whom they are for."""

import pytest

from certgate_broker.faults.drawing import FaultSet, Names, SetFault, read_rows
from certgate_broker.faults.kinds import FaultError
from certgate_broker.faults.presets import PRESETS
from certgate_broker.faults.values import (
    CONNECTION_FAULTS,
    ConnackCut,
    ConnectRefuse,
    Drawn,
    HandshakeStall,
    LiveSessions,
    RevocationDelay,
)
from certgate_certs.authority import CertificateAuthority
from certgate_certs.registry import Registry, RegistryUnavailable
from certgate_certs.registry.faults import FaultRow


class TestFields:
    """What fits a fault's fields."""

    @pytest.mark.parametrize(
        ("name", "given", "sentence"),
        [
            ("connack-cut", {"next": 0}, "next is a whole number from 1, not 0"),
            ("connack-cut", {"next": True}, "next is a whole number from 1, not True"),
            ("connack-cut", {"next": 1.5}, "next is a whole number from 1, not 1.5"),
            ("connack-cut", {"percent": 0}, "percent is a number above 0 up to 100, not 0"),
            ("connack-cut", {"percent": 101}, "percent is a number above 0 up to 100, not 101"),
            ("connack-cut", {"percent": "x"}, "percent is a number above 0 up to 100, not 'x'"),
            ("connack-cut", {"percent": True}, "percent is a number above 0 up to 100, not True"),
            ("connack-cut", {"seed": -1}, "seed is a whole number from 0, not -1"),
            ("connack-cut", {"devices": [""]}, "devices is a list of common names, serial"),
            ("connack-cut", {"devices": 7}, "devices is a list of common names, serial"),
            ("connack-cut", {"next": 1, "percent": 5}, "takes next or percent, not both"),
            ("connack-cut", {"often": 1}, "connack-cut has no field 'often'; it has next, percent"),
            ("registry-unavailable", {"devices": "a"}, "has no field 'devices'"),
            ("revocation-delay", {}, "takes seconds or preset, one of them"),
            ("revocation-delay", {"seconds": 1, "preset": "emqx-crl"}, "one of them"),
            ("revocation-delay", {"seconds": -1}, "seconds is a number from 0, not -1"),
            ("revocation-delay", {"seconds": float("inf")}, "seconds is a number from 0, not inf"),
            ("revocation-delay", {"preset": "soon"}, "preset is one of per-connect, rabbitmq"),
            ("live-sessions", {}, "live-sessions needs closed, one of at-once, after, never"),
            ("live-sessions", {"closed": "soon"}, "closed is one of at-once, after, never"),
            ("live-sessions", {"closed": "after"}, "takes seconds with closed=after, and only"),
            ("live-sessions", {"closed": "never", "seconds": 1}, "with closed=after, and only"),
        ],
    )
    def test_what_does_not_fit(self, name: str, given: dict[str, object], sentence: str) -> None:
        """It is refused with a sentence that says what would."""
        with pytest.raises(FaultError, match=sentence):
            CONNECTION_FAULTS[name].make(given)

    def test_lists_and_single_names(self) -> None:
        """Devices may be a list, as JSON has it, or one name; nothing is the same as None."""
        assert ConnackCut.make({"devices": ["a", "b"], "next": None}).devices == ("a", "b")
        assert ConnackCut.make({"devices": "a"}).devices == ("a",)

    def test_what_it_says(self) -> None:
        """The fields that say something are those it can be made of again."""
        fault = ConnackCut(percent=50, seed=3, devices=("a",))
        assert fault.said() == {"percent": 50, "seed": 3, "devices": ("a",)}
        assert ConnackCut.make(fault.said()) == fault

    def test_target(self) -> None:
        """The target is the devices, whatever their order."""
        assert ConnackCut(devices=("b", "a")).target == ConnackCut(devices=("a", "b")).target
        assert ConnackCut().target != ConnackCut(devices=("a",)).target

    def test_delays(self) -> None:
        """Delays are given in seconds, by preset, or not at all."""
        assert RevocationDelay(seconds=0.5).milliseconds == 500
        assert RevocationDelay(preset="emqx-crl").milliseconds == 900_000
        assert LiveSessions(closed="never").delay is None
        assert LiveSessions(closed="at-once").delay == 0
        assert LiveSessions(closed="after", seconds=2).delay == 2000
        seconds = [preset.seconds for preset in PRESETS.values()]
        assert seconds == sorted(seconds)


class TestStrikes:
    """When a fault strikes."""

    def test_next(self) -> None:
        """It strikes until it has struck as often as it shall."""
        assert [Drawn(next=2).strikes(seen, min(seen, 2)) for seen in range(4)] == [True] * 2 + [
            False
        ] * 2

    def test_always(self) -> None:
        """Without a number or a probability it always strikes."""
        assert all(Drawn().strikes(seen, seen) for seen in range(100))

    @pytest.mark.parametrize("percent", [1, 50, 99.5, 100])
    def test_percent(self, percent: float) -> None:
        """It strikes about as often as it shall, and the same draws at each run."""
        fault = Drawn(percent=percent, seed=1)
        draws = [fault.strikes(seen, 0) for seen in range(4000)]
        assert abs(sum(draws) / 40 - percent) < 3
        assert draws == [fault.strikes(seen, 7) for seen in range(4000)]

    def test_another_seed(self) -> None:
        """Another seed gives other draws."""
        first, second = (Drawn(percent=50, seed=seed) for seed in (1, 2))
        assert [first.strikes(n, 0) for n in range(50)] != [second.strikes(n, 0) for n in range(50)]


class TestNames:
    """Whom a fault is for."""

    def test_by_certificate(self, ca: CertificateAuthority) -> None:
        """Common name and serial number in any notation are names; other texts are not."""
        issued = ca.issue_device("lamp")
        names, sn = Names.of(issued.view.der), issued.view.sn
        for name in ("lamp", sn, sn.upper(), f"00{sn}", f"0:0:{sn}"):
            assert names.in_certificate([name])
        assert not names.in_certificate(["LAMP", sn[:-1], "", "CN=lamp"])

    def test_a_name_in_hexadecimal_digits(self, ca: CertificateAuthority) -> None:
        """A common name that could be a serial number is a name all the same."""
        assert Names.of(ca.issue_device("beef").view.der).in_certificate(["beef"])

    def test_by_client_identifier(self) -> None:
        """A certificate that cannot be read has no names; its client's identifier still is one."""
        names = Names.of(b"no certificate", "lamp")
        assert names.anywhere(["lamp"])
        assert not names.anywhere(["other"])
        assert names.anywhere([])


class TestFaultSet:
    """`FaultSet`."""

    async def test_the_first_that_strikes(self, registry: Registry) -> None:
        """Those who cannot strike are not counted; the first that strikes ends the draw."""
        number = [await registry.faults.put("connect-refuse", str(n), "{}") for n in range(3)]
        faults = [ConnectRefuse(devices=("a",)), ConnectRefuse(next=1), ConnectRefuse()]
        items = [SetFault(n, fault) for n, fault in zip(number, faults, strict=True)]
        given = FaultSet(registry.faults, items)
        drawn = [await given.draw(ConnectRefuse, lambda fault: not fault.devices) for _ in "ab"]
        assert drawn == [faults[1], faults[2]]
        assert await given.draw(HandshakeStall) is None
        assert [(row.seen, row.struck) for row in await registry.faults.all()] == [
            (0, 0),
            (2, 1),
            (1, 1),
        ]

    async def test_cleared_meanwhile(self, registry: Registry) -> None:
        """A fault that was cleared does not strike though somebody still has it in hand."""
        number = await registry.faults.put("connack-cut", "", "{}")
        given = FaultSet(registry.faults, [SetFault(number, ConnackCut())])
        await registry.faults.clear([number])
        assert await given.draw(ConnackCut) is None

    async def test_what_cannot_be_counted(
        self, registry: Registry, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """It does not strike, and whoever is concerned goes on."""

        async def fail(*_: object) -> bool:
            raise RegistryUnavailable("disk full")

        monkeypatch.setattr(registry.faults, "draw", fail)
        given = FaultSet(registry.faults, [SetFault(1, ConnackCut())])
        assert await given.draw(ConnackCut) is None

    def test_rows(self) -> None:
        """Rows become values; those of faults of other floors are passed over."""
        rows = [
            FaultRow(1, "api-drop", "", "{}", 0, 0),
            FaultRow(2, "connack-cut", "a", '{"devices": ["a"]}', 5, 1),
        ]
        assert read_rows(rows, CONNECTION_FAULTS) == [SetFault(2, ConnackCut(devices=("a",)))]
