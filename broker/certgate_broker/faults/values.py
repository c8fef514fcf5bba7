"""Faults on purpose, as values: each with a name, its fields, and when it strikes."""

import random
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, ClassVar, Self

from certgate_broker.faults.kinds import NAMES, FaultError, FieldKind, number, one_of, whole
from certgate_broker.faults.presets import PRESETS


@dataclass(frozen=True, kw_only=True)
class Fault:
    """What all faults have in common.

    Attributes:
        name: which fault it is, as flags, HTTP and Python call it.
    """

    name: ClassVar[str]

    def __post_init__(self) -> None:
        """Refuse values that do not fit.

        Raises:
            FaultError: one does not.
        """
        for item in fields(self):
            value, kind = getattr(self, item.name), self.kind_of(item.name)
            if value != item.default and not kind.fits(value):
                raise FaultError(f"{self.name}: {item.name} is {kind.meaning}, not {value!r}")
        self._check()

    def _check(self) -> None:
        """Refuse values that do not go together."""

    @property
    def target(self) -> str:
        """What it is limited to; set again for the same target, it replaces the earlier one."""
        return ""

    @classmethod
    def kind_of(cls, name: str) -> FieldKind:
        """Tell what kind of value a field takes.

        Args:
            name: the field's.
        """
        kind: FieldKind = next(item.metadata["kind"] for item in fields(cls) if item.name == name)
        return kind

    @classmethod
    def field_names(cls) -> tuple[str, ...]:
        """Give the names of its fields."""
        return tuple(item.name for item in fields(cls))

    @classmethod
    def make(cls, given: Mapping[str, object]) -> Self:
        """Make one of fields by name, as JSON has them.

        Args:
            given: the fields; None is the same as nothing.

        Raises:
            FaultError: there is no such field, one is missing, or a value does not fit.
        """
        known = cls.field_names()
        for name in given:
            if name not in known:
                raise FaultError(f"{cls.name} has no field {name!r}; it has {', '.join(known)}")
        values: dict[str, Any] = {
            name: cls.kind_of(name).normal(value)
            for name, value in given.items()
            if value is not None
        }
        for item in fields(cls):
            if item.metadata.get("required") and item.name not in values:
                raise FaultError(f"{cls.name} needs {item.name}, {cls.kind_of(item.name).meaning}")
        return cls(**values)

    def said(self) -> dict[str, object]:
        """Give the fields that say something, as JSON has them."""
        values = {item.name: getattr(self, item.name) for item in fields(self)}
        return {name: value for name, value in values.items() if value not in {None, ()}}


@dataclass(frozen=True, kw_only=True)
class Drawn(Fault):
    """A fault that strikes some of those it could strike; without `next` and `percent`, all.

    Attributes:
        next: it strikes this many times, then no more.
        percent: it strikes with this probability.
        seed: what the draws are made from; the same seed gives the same draws.
    """

    next: int | None = field(default=None, metadata=whole(1).metadata)
    percent: float | None = field(default=None, metadata=number(0, 100, above=True).metadata)
    seed: int = field(default=0, metadata=whole(0).metadata)

    def _check(self) -> None:
        if self.next is not None and self.percent is not None:
            raise FaultError(f"{self.name} takes next or percent, not both")

    def strikes(self, seen: int, struck: int) -> bool:
        """Tell whether it strikes; the same numbers always give the same answer.

        Args:
            seen: how often it could have struck before.
            struck: how often it did.
        """
        if self.next is not None:
            return struck < self.next
        if self.percent is None:
            return True
        # Not for secrets: it has to come out the same in every process and at every run.
        return random.Random(f"{self.seed}/{seen}").random() * 100 < self.percent  # noqa: S311


@dataclass(frozen=True, kw_only=True)
class OnDevices(Drawn):
    """A fault that strikes connections.

    Attributes:
        devices: only these: common names, serial numbers in any notation, client identifiers.
    """

    devices: tuple[str, ...] = field(default=(), metadata=NAMES.metadata)

    @property
    def target(self) -> str:
        """The devices."""
        return "\n".join(sorted(self.devices))


class ConnectRefuse(OnDevices):
    """The connection is refused, in the chosen refusal style, for the reason `fault_injected`."""

    name = "connect-refuse"


class HandshakeStall(OnDevices):
    """The connection stays open, and nothing is answered any more."""

    name = "handshake-stall"


class ConnackCut(OnDevices):
    """The connection is cut right after it was told that it is accepted."""

    name = "connack-cut"


class RegistryOutage(Drawn):
    """The registry cannot be used: calls fail, devices are refused."""

    name = "registry-unavailable"


@dataclass(frozen=True, kw_only=True)
class RevocationDelay(Fault):
    """The API inactivates and deletes at once, the brokers learn of it later.

    Attributes:
        seconds: how much later, by the lab's clock.
        preset: the same, by the name of what takes that long.
    """

    name = "revocation-delay"

    seconds: float | None = field(default=None, metadata=number(0).metadata)
    preset: str | None = field(default=None, metadata=one_of(*PRESETS).metadata)

    def _check(self) -> None:
        if (self.seconds is None) == (self.preset is None):
            raise FaultError(f"{self.name} takes seconds or preset, one of them")

    @property
    def milliseconds(self) -> int:
        """How much later, milliseconds."""
        seconds = PRESETS[self.preset].seconds if self.preset is not None else self.seconds
        return round((seconds or 0) * 1000)


@dataclass(frozen=True, kw_only=True)
class LiveSessions(Fault):
    """What becomes of open connections whose right is withdrawn, whatever the lab was told.

    Attributes:
        closed: when they are closed.
        seconds: how much later, by the lab's clock; with `after` only.
    """

    name = "live-sessions"

    closed: str = field(metadata=one_of("at-once", "after", "never").metadata | {"required": True})
    seconds: float | None = field(default=None, metadata=number(0).metadata)

    def _check(self) -> None:
        if (self.closed == "after") != (self.seconds is not None):
            raise FaultError(f"{self.name} takes seconds with closed=after, and only then")

    @property
    def delay(self) -> int | None:
        """How much later, milliseconds; None for never."""
        return None if self.closed == "never" else round((self.seconds or 0) * 1000)


CONNECTION_FAULTS: Mapping[str, type[Fault]] = {
    kind.name: kind
    for kind in (
        ConnectRefuse,
        HandshakeStall,
        ConnackCut,
        RegistryOutage,
        RevocationDelay,
        LiveSessions,
    )
}
"""The faults that brokers know, by name."""
