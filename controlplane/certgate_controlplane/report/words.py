"""How a report says things: spans of time, moments, and texts that strangers chose."""

from collections.abc import Sequence
from datetime import UTC, datetime

_SECOND = 1000
_MINUTE = 60 * _SECOND
_HOUR = 60 * _MINUTE
_DAY = 24 * _HOUR
_STEPS = ((_DAY, "d", _HOUR, "h"), (_HOUR, "h", _MINUTE, "min"), (_MINUTE, "min", _SECOND, "s"))


def span(milliseconds: float) -> str:
    """Write a span of time as short as it can be read: ``7 ms``, ``1.25 s``, ``2 min 5 s``.

    Args:
        milliseconds: the span; a negative one gets a minus sign.
    """
    if milliseconds < 0:
        return f"−{span(-milliseconds)}"  # noqa: RUF001  a minus sign, not a hyphen
    if milliseconds < 1:
        return "0 ms" if milliseconds == 0 else "< 1 ms"
    if milliseconds < _SECOND - 0.5:
        return f"{milliseconds:.0f} ms"
    if milliseconds < _MINUTE - 5:
        return f"{milliseconds / _SECOND:.2f}".rstrip("0").rstrip(".") + " s"
    return _long(milliseconds)


def _long(milliseconds: float) -> str:
    steps = (step for step in _STEPS if milliseconds >= step[0] - step[2] / 2)
    unit, name, part, part_name = next(steps)
    whole, rest = divmod(round(milliseconds / part), unit // part)
    return f"{whole} {name}" + (f" {rest} {part_name}" if rest else "")


def exact(milliseconds: float) -> str:
    """Write how long an answer took, a tenth of a millisecond exact.

    Args:
        milliseconds: the span.
    """
    return f"{milliseconds:.1f} ms" if milliseconds < _SECOND else span(milliseconds)


def moment(at: float) -> str:
    """Write a moment in UTC, to the millisecond.

    Args:
        at: milliseconds since the epoch; what no calendar reaches is written as that number.
    """
    try:
        found = datetime.fromtimestamp(at // _SECOND, UTC)
    except (OverflowError, OSError, ValueError):
        return f"{at:.0f} ms since 1970"
    return f"{found:%Y-%m-%d %H:%M:%S}.{int(at % _SECOND):03d} UTC"


def plain(text: str) -> str:
    """Take out of a text what is not to be seen: control characters, changes of direction.

    Subjects, client identifiers and names are chosen by whoever connects or calls. What is
    replaced cannot pass for something else, and XML 1.0 (2.2, Char) can carry what is left.

    Args:
        text: the text.
    """
    return "".join(character if character.isprintable() else "\ufffd" for character in text)


def short(text: str, most: int) -> str:
    """Shorten a text in its middle, after `plain`.

    Args:
        text: the text.
        most: how many characters may be left, 3 or more.
    """
    shown = plain(text)
    if len(shown) <= most:
        return shown
    kept = most - 1
    return f"{shown[: kept - kept // 2]}…{shown[len(shown) - kept // 2 :]}"


def between(spans: Sequence[float]) -> str:
    """Write the least and the greatest of some spans, once where they read the same.

    Args:
        spans: milliseconds, one or more.
    """
    first, last = span(min(spans)), span(max(spans))
    return first if first == last else f"{first} to {last}"


def count(number: int, one: str, several: str = "") -> str:
    """Write a number with what is counted: ``1 call``, ``2,000 calls``.

    Args:
        number: how many.
        one: the word for one.
        several: the word for more; where it is not given, `one` with an s.
    """
    return f"{number:,} {one if number == 1 else several or f'{one}s'}"
