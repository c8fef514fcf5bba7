"""The report and the JUnit file of a run, as files that somebody else's programs read."""

import subprocess
import sys
import xml.etree.ElementTree as ET
from html.parser import HTMLParser
from pathlib import Path

from certgate import Lab
from e2e.support import environment

COMMAND = [sys.executable, "-m", "certgate_controlplane", "demo"]


class Page(HTMLParser):
    """Collects what a page says and what it would fetch."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.said: list[str] = []
        self.fetched: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note addresses; those within the page are no fetch."""
        named = {"src", "href", "xlink:href", "action", "data"}
        self.fetched += [v for k, v in attrs if k in named and v and not v.startswith("#")]

    def handle_data(self, data: str) -> None:
        """Note text."""
        self.said.append(data.strip())


def test_demo_writes_both(tmp_path: Path) -> None:
    """The demo's page tells its switches, and each of its claims is a test case that passed."""
    report, junit = tmp_path / "report.html", tmp_path / "junit.xml"
    command = [*COMMAND, "--report", str(report), "--junit", str(junit)]
    ended = subprocess.run(
        command, env=environment(), capture_output=True, text=True, timeout=60, check=False
    )
    assert (ended.returncode, ended.stderr) == (0, "")
    page = Page(report.read_text())
    assert page.fetched == []
    text = " ".join(page.said)
    for word in ("InactivateCaCertificate", "DeleteCaCertificate", "borealis", "ca_inactive"):
        assert word in text
    assert "Nobody was admitted after a switch-off was answered." in text
    cases = list(ET.parse(junit).getroot().iter("testcase"))
    claims = [line.partition("✓ ")[2] for line in ended.stdout.splitlines() if "✓" in line]
    assert [case.get("name") for case in cases] == claims
    assert not [case for case in cases if len(case)]


def test_file_that_cannot_be_written(tmp_path: Path) -> None:
    """A report that has no place is one sentence and status 1."""
    command = [*COMMAND, "--report", str(tmp_path / "nowhere" / "report.html")]
    ended = subprocess.run(
        command, env=environment(), capture_output=True, text=True, timeout=60, check=False
    )
    assert ended.returncode == 1
    (complaint,) = ended.stderr.splitlines()
    assert "report.html cannot be used: No such file or directory" in complaint


def test_report_of_a_lab(tmp_path: Path) -> None:
    """A lab's report names its CAs and counts what was refused and closed."""
    with Lab(live_sessions="close") as lab:
        acme = lab.new_ca("acme-and-sons")
        lamp = lab.new_device("lamp", acme)
        connection = lab.connect(lamp)
        lab.inactivate(acme)
        lab.assert_closed_within(connection, 5000)
        lab.assert_refused(lamp, "ca_inactive")
        connection.close()
        lab.report(tmp_path / "report.html")
    text = " ".join(Page((tmp_path / "report.html").read_text()).said)
    for word in ("acme-and-sons", "InactivateCaCertificate", "ca_inactive", "Sessions closed"):
        assert word in text
