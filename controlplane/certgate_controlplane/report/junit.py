"""JUnit XML of what a run claimed, for the CI that shows such files.

The form is one that both the Ant task's schema (windyroad, JUnit.xsd) and that of Jenkins
(jenkins-junit.xsd) allow: the first demands ``properties``, the second one ``property`` in it.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from xml.etree.ElementTree import Element, indent, tostring

from certgate_controlplane.report.markup import element

_EPOCH = "1970-01-01T00:00:00"


@dataclass(frozen=True, slots=True)
class Claim:
    """Something a run states, and whether it was observed.

    Attributes:
        text: what is stated.
        observed: whether it was so.
        seconds: how long it took to find out.
        chapter: what it belongs to.
    """

    text: str
    observed: bool
    seconds: float = 0.0
    chapter: str = ""


def junit_xml(claims: Sequence[Claim], made_at: int, name: str = "certgate") -> str:
    """Write claims as JUnit XML.

    Args:
        claims: in order; those of one chapter become one suite.
        made_at: when the run began, milliseconds since the epoch.
        name: what the suites' names begin with.
    """
    root = element("testsuites")
    chapters = dict.fromkeys(claim.chapter for claim in claims)
    for number, chapter in enumerate(chapters):
        own = [claim for claim in claims if claim.chapter == chapter]
        root.append(_suite(number, name, chapter, own, _written(made_at)))
    indent(root)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{tostring(root, encoding="unicode")}\n'


def _suite(
    number: int, name: str, chapter: str, claims: Sequence[Claim], timestamp: str
) -> Element:
    title = f"{name}: {chapter}" if chapter else name
    return element(
        "testsuite",
        element("properties", element("property", name="reported-by", value="certgate")),
        *_cases(title, claims),
        element("system-out"),
        element("system-err"),
        id=number,
        name=title,
        package=name,
        timestamp=timestamp,
        hostname="localhost",
        tests=len(claims),
        failures=sum(not claim.observed for claim in claims),
        errors=0,
        time=_seconds(sum(claim.seconds for claim in claims)),
    )


def _cases(title: str, claims: Iterable[Claim]) -> Iterable[Element]:
    for claim in claims:
        failure = element("failure", claim.text, message="not observed", type="NotObserved")
        found = [] if claim.observed else [failure]
        yield element(
            "testcase", *found, name=claim.text, classname=title, time=_seconds(claim.seconds)
        )


def _seconds(seconds: float) -> str:
    return f"{max(seconds, 0.0):.3f}"


def _written(made_at: int) -> str:
    """Write a moment as the schema wants it: UTC, without fraction and zone."""
    try:
        return datetime.fromtimestamp(made_at // 1000, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    except (OverflowError, OSError, ValueError):
        return _EPOCH
