"""The kinds of fields that faults have: what fits, what to say where something does not."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


class FaultError(ValueError):
    """There is no such fault, or it cannot be set so; the text says why in one sentence."""


@dataclass(frozen=True, slots=True)
class FieldKind:
    """A kind of field.

    Attributes:
        meaning: what a value is, to be read after "is".
        fits: tells whether something is one.
        from_text: reads one from the text of a flag; raises ValueError where it cannot.
        normal: brings what JSON or a caller has into the form that is kept.
    """

    meaning: str
    fits: Callable[[object], bool]
    from_text: Callable[[str], object]
    normal: Callable[[object], object] = lambda value: value

    @property
    def metadata(self) -> dict[str, Any]:
        """The kind as metadata of a dataclass field."""
        return {"kind": self}


def whole(least: int) -> FieldKind:
    """Make the kind of whole numbers.

    Args:
        least: the smallest one.
    """

    def fits(value: object) -> bool:
        return isinstance(value, int) and not isinstance(value, bool) and value >= least

    return FieldKind(f"a whole number from {least}", fits, int)


def number(least: float, most: float = math.inf, *, above: bool = False) -> FieldKind:
    """Make a kind of numbers.

    Args:
        least: the smallest one.
        most: the largest one; without it, any that is finite.
        above: the smallest one is not one itself.
    """

    def fits(value: object) -> bool:
        if isinstance(value, bool) or not isinstance(value, int | float):
            return False
        return math.isfinite(value) and least <= value <= most and not (above and value == least)

    meaning = f"a number {'above' if above else 'from'} {least:g}"
    return FieldKind(meaning + (f" up to {most:g}" if most < math.inf else ""), fits, float)


def one_of(*choices: str) -> FieldKind:
    """Make the kind of a few words.

    Args:
        choices: the words.
    """
    return FieldKind(f"one of {', '.join(choices)}", choices.__contains__, str)


TEXT = FieldKind("a text", lambda value: isinstance(value, str) and bool(value), str)


def _are_names(value: object) -> bool:
    return isinstance(value, tuple) and bool(value) and all(map(TEXT.fits, value))


def _as_tuple(value: object) -> object:
    if isinstance(value, str):
        return (value,)
    return tuple(value) if isinstance(value, list) else value


NAMES = FieldKind(
    "a list of common names, serial numbers or client identifiers",
    _are_names,
    lambda text: tuple(text.split("+")),
    _as_tuple,
)
