"""How the devices behave, and when each of them does what. Knows no socket and no clock."""

import math
import random
from dataclasses import dataclass, fields

_POSITIVE = ("back_off_min", "back_off_max", "patience_seconds", "at_once")


@dataclass(frozen=True, slots=True)
class Behaviour:
    """How the devices of a fleet behave; every time is in seconds.

    Attributes:
        publish_seconds: mean time between two messages of a device; 0: it sends none.
        drop_seconds: mean time until a device drops its connection, as one does that loses power
            or its network: without DISCONNECT; 0: it never does.
        resumption: devices resume their TLS sessions by ticket (RFC 8446, 2.2; RFC 5077).
        jitter: back-off is a random part of its bound and not all of it.
        back_off_min: the bound of the first back-off; each further one doubles it.
        back_off_max: what the bound grows to.
        steady_seconds: a connection that has lasted this long starts the back-off afresh.
        start_seconds: the devices are switched on one after the other within this time.
        patience_seconds: how long a device waits for CONNACK before it gives up.
        at_once: how many devices may be connecting at the same time; the others wait.
        seed: chooses every random number; the same seed makes the same plans.

    Raises:
        ValueError: a value is negative or not finite, or one that has to be positive is 0, or the
            back-off's upper bound is below its lower one.
    """

    publish_seconds: float = 10.0
    drop_seconds: float = 60.0
    resumption: bool = True
    jitter: bool = True
    back_off_min: float = 1.0
    back_off_max: float = 60.0
    steady_seconds: float = 10.0
    start_seconds: float = 2.0
    patience_seconds: float = 10.0
    at_once: int = 32
    seed: int = 0

    def __post_init__(self) -> None:
        for item in fields(self):
            value = getattr(self, item.name)
            if item.name != "seed" and not (value >= 0 and math.isfinite(value)):
                raise ValueError(f"{item.name} cannot be {value}")
        for name in _POSITIVE:
            if not getattr(self, name):
                raise ValueError(f"{name} has to be above 0")
        if self.back_off_max < self.back_off_min:
            raise ValueError("back_off_max cannot be below back_off_min")


class BackOff:
    """Exponential back-off with full jitter.

    Each delay is drawn evenly from 0 to a bound that doubles, as in "Exponential Backoff And
    Jitter" (AWS Architecture Blog, 2015) and in the back-off libraries of device SDKs.

    Args:
        behaviour: the bounds, and whether there is jitter.
        chance: draws the delays.
    """

    def __init__(self, behaviour: Behaviour, chance: random.Random) -> None:
        self._behaviour = behaviour
        self._chance = chance
        self._bound = behaviour.back_off_min

    def next(self, lasted: float) -> float:
        """Say how long to wait before the next attempt, in seconds.

        Args:
            lasted: seconds that the connection which has ended was up; 0 where none came about.
        """
        if lasted and lasted >= self._behaviour.steady_seconds:
            self._bound = self._behaviour.back_off_min
        bound = self._bound
        self._bound = min(2 * bound, self._behaviour.back_off_max)
        return self._chance.uniform(0, bound) if self._behaviour.jitter else bound


class Plan:
    """When one device does what; made of random numbers of its own.

    Args:
        behaviour: how the devices behave.
        name: the device's name; another name makes another plan.
    """

    def __init__(self, behaviour: Behaviour, name: str) -> None:
        self._behaviour = behaviour
        # Repeatable on purpose; nothing here is a secret.
        chance = random.Random(f"{behaviour.seed} {name}")  # noqa: S311
        self._chance = chance
        self._back_off = BackOff(behaviour, chance)

    def start(self) -> float:
        """Say when the device is switched on, in seconds."""
        return self._chance.uniform(0, self._behaviour.start_seconds)

    def stay(self) -> float:
        """Say after how many seconds it drops a connection; infinite where it never does."""
        mean = self._behaviour.drop_seconds
        return self._chance.expovariate(1 / mean) if mean else math.inf

    def pause(self) -> float:
        """Say how many seconds pass until it sends a message; infinite where it sends none."""
        mean = self._behaviour.publish_seconds
        return mean * self._chance.uniform(0.5, 1.5) if mean else math.inf

    def back_off(self, lasted: float) -> float:
        """Say how many seconds it waits before it connects again.

        Args:
            lasted: seconds that the connection which has ended was up; 0 where none came about.
        """
        return self._back_off.next(lasted)
