"""JUnit XML of what a run claimed."""

from xml.etree import ElementTree as ET

import pytest

from certgate_controlplane.report import Claim, junit_xml

MADE_AT = 1_790_000_000_999
CLAIMS = [
    Claim("both are listed", observed=True, seconds=0.25, chapter="Register"),
    Claim("it is refused", observed=False, seconds=1.5, chapter="Inactivate"),
    Claim("the other is admitted", observed=True, seconds=0.5, chapter="Inactivate"),
]


def read(claims: list[Claim], **options: str) -> ET.Element:
    """Write claims and read them with an XML parser."""
    return ET.fromstring(junit_xml(claims, MADE_AT, **options).encode())


def test_each_chapter_is_a_suite() -> None:
    """A suite counts its own claims, failures and seconds."""
    suites = read(CLAIMS).findall("testsuite")
    told = [[suite.get(key) for key in ("name", "tests", "failures", "time")] for suite in suites]
    assert told == [
        ["certgate: Register", "1", "0", "0.250"],
        ["certgate: Inactivate", "2", "1", "2.000"],
    ]


def test_claim_is_a_case() -> None:
    """Its text is the name, its chapter the class, its time has a fraction of three digits."""
    case = read(CLAIMS)[0].find("testcase")
    assert case is not None
    assert case.attrib == {
        "name": "both are listed",
        "classname": "certgate: Register",
        "time": "0.250",
    }
    assert list(case) == []


def test_claim_that_was_not_observed_is_a_failure() -> None:
    """The failure says what was claimed."""
    failures = read(CLAIMS).findall(".//failure")
    assert [(item.get("message"), item.get("type"), item.text) for item in failures] == [
        ("not observed", "NotObserved", "it is refused")
    ]


def test_suite_has_what_the_strict_schema_asks_for() -> None:
    """Attributes and children, in the order of JUnit.xsd (windyroad)."""
    suite = read(CLAIMS)[1]
    assert [child.tag for child in suite] == [
        "properties",
        "testcase",
        "testcase",
        "system-out",
        "system-err",
    ]
    assert [child.tag for child in suite[0]] == ["property"]
    assert {
        key: suite.get(key) for key in ("id", "package", "hostname", "errors", "timestamp")
    } == {
        "id": "1",
        "package": "certgate",
        "hostname": "localhost",
        "errors": "0",
        "timestamp": "2026-09-21T14:13:20",
    }


def test_chapter_may_be_left_out() -> None:
    """A claim without one belongs to the suite that has only the given name."""
    assert read([Claim("a", observed=True)], name="mine")[0].get("name") == "mine"


def test_no_claims_are_a_file_all_the_same() -> None:
    """A run that claims nothing has no suites."""
    root = read([])
    assert (root.tag, len(root)) == ("testsuites", 0)


@pytest.mark.parametrize("text", ["a\x00b\x1bc", "\ud800", "\ufffe", "a\u202eb", "<&>\"']]>"])
def test_text_that_xml_cannot_carry_is_replaced(text: str) -> None:
    """Control characters, halves of pairs and changes of direction; marks of XML are escaped."""
    case = read([Claim(text, observed=False, chapter=text)])[0].find("testcase")
    assert case is not None
    expected = "".join(c if c.isprintable() else "\ufffd" for c in text)
    assert case.get("name") == expected
    assert case.findtext("failure") == expected


def test_moment_that_no_calendar_reaches_is_the_first_one() -> None:
    """A clock far beyond the year 9999 does not break the file."""
    root = ET.fromstring(junit_xml(CLAIMS, 10**18))
    assert root[0].get("timestamp") == "1970-01-01T00:00:00"


def test_time_is_never_negative() -> None:
    """A clock that was moved back makes no negative duration."""
    assert read([Claim("a", observed=True, seconds=-1)])[0].get("time") == "0.000"
