"""The report of a run: what was switched, when it was answered, who was refused or let in after.

``build_timeline`` puts records in order, ``page`` writes them as HTML, ``junit_xml`` writes what a
run claimed for CI. None of them asks a clock, a registry or the network for anything.
"""

from certgate_controlplane.report.junit import Claim, junit_xml
from certgate_controlplane.report.page import About, page, write_page
from certgate_controlplane.report.records import call, closing, decision
from certgate_controlplane.report.timeline import Timeline, build_timeline

__all__ = [
    "About",
    "Claim",
    "Timeline",
    "build_timeline",
    "call",
    "closing",
    "decision",
    "junit_xml",
    "page",
    "write_page",
]
