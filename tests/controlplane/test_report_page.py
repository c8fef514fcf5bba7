"""The page: for everybody, true, and readable however long the run was."""

import html
import re
from pathlib import Path

import pytest

from certgate_certs.rows import Cause
from certgate_controlplane.report import Claim, Timeline, build_timeline, page, write_page
from certgate_controlplane.report.cards import MOST_CARDS
from certgate_controlplane.report.style import DARK, LIGHT
from certgate_controlplane.report.tables import MOST_ROWS
from controlplane.test_report_records import CA, OTHER, called, closed, tried
from controlplane.test_report_strangers import ABOUT, Reader, run

OFF, ON, GONE = "InactivateCaCertificate", "ActiveCaCertificate", "DeleteCaCertificate"


class TestForEverybody:
    """What a screen reader, a printer or tired eyes need."""

    def test_language_title_and_landmarks(self) -> None:
        """The page says what it is and where its parts are."""
        reader = Reader(run())
        tags = [tag for tag, _ in reader.elements]
        assert ("html", {"lang": "en"}) in reader.elements
        assert [tags.count(tag) for tag in ("h1", "header", "main", "footer")] == [1, 1, 1, 1]
        assert reader.text.startswith("Revocation timeline · certgate Revocation timeline ")

    def test_every_table_has_a_caption_and_heads(self) -> None:
        """Each row and each column is named."""
        reader = Reader(run())
        tags = [tag for tag, _ in reader.elements]
        scopes = [attributes.get("scope") for tag, attributes in reader.elements if tag == "th"]
        assert tags.count("caption") == tags.count("table") == 5
        assert set(scopes) == {"col", "row"}

    def test_every_picture_has_a_name(self) -> None:
        """A picture is an image with a title, or hidden where it only decorates."""
        pictures = [attributes for tag, attributes in Reader(run()).elements if tag == "svg"]
        assert all("role" in each or each.get("aria-hidden") == "true" for each in pictures)
        assert run().count("tables below say the same in words") == 1

    @pytest.mark.parametrize("colours", [LIGHT, DARK])
    @pytest.mark.parametrize("ground", ["paper", "lane"])
    @pytest.mark.parametrize("colour", ["ink", "muted", "admitted", "refused", "closed", "wrong"])
    def test_contrast_is_enough(self, colours: str, ground: str, colour: str) -> None:
        """Text and marks stand out, 4.5 to 1 or more (WCAG 2.2, 1.4.3)."""
        known = dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6})", colours))
        light, dark = sorted((luminance(known[ground]), luminance(known[colour])), reverse=True)
        assert (light + 0.05) / (dark + 0.05) >= 4.5

    def test_both_schemes_have_every_colour(self) -> None:
        """No colour of the one shines through in the other."""
        names = [re.findall(r"--([\w-]+):", colours) for colours in (LIGHT, DARK)]
        assert sorted(names[0]) == sorted(names[1])


def luminance(colour: str) -> float:
    """Give a colour's relative luminance (WCAG 2.2)."""
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def said(timeline: Timeline, *claims: Claim) -> str:
    """Read a run's page."""
    return Reader(page(timeline, ABOUT, claims)).text


class TestWhatIsSaid:
    """The words are true."""

    def test_page_says_what_made_it_and_when(self) -> None:
        """Version, moment, and that it is a test double."""
        text = said(build_timeline([], []))
        assert "Made by certgate 9.8.7 on 2026-09-21 14:13:20.000 UTC" in text
        assert "certgate is a local test double of ApsaraMQ for MQTT" in text

    def test_good_run(self) -> None:
        """What is refused after the answer is told in one sentence and its figures."""
        text = said(build_timeline([called(100, OFF)], [tried(50), tried(121, "ca_inactive")]))
        assert "Nobody was admitted after a switch-off was answered." in text
        assert "1 connection was refused, the first of each switch 17 ms after its answer." in text
        assert "Next connection refused after 17 ms" in text
        assert "Last admitted 54 ms before the answer" in text
        assert "ca_inactive The CA certificate is inactive. 1" in text

    def test_admission_after_the_answer_is_told_first(self) -> None:
        """It is the verdict, the switch's headline and a table of its own."""
        text = said(build_timeline([called(100, OFF)], [tried(120), tried(6104)]))
        assert (
            "2 connections were admitted after a switch-off was answered, up to 6 s after." in text
        )
        assert "2 connections admitted after the answer, until 6 s after it" in text
        assert "No connection was refused." in text
        assert "1 16 ms client-01 CN=device-01 01" in text

    def test_one_admission_is_one(self) -> None:
        """One connection was, not were."""
        text = said(build_timeline([called(100, OFF)], [tried(120)]))
        assert "1 connection was admitted after a switch-off was answered" in text

    def test_claim_that_was_not_observed_spoils_the_verdict(self) -> None:
        """Also where every refusal came."""
        timeline = build_timeline([called(100, OFF)], [tried(121, "ca_inactive")])
        claims = [Claim("a", observed=True), Claim("b", observed=False, chapter="One")]
        text = said(timeline, *claims)
        assert "1 of 2 claims not observed." in text
        assert "Claims ✓ a One ✗ not observed: b" in text

    def test_nothing_tried_is_no_success(self) -> None:
        """A switch that nobody tested proves nothing."""
        assert "No device that was switched off tried to connect again." in said(
            build_timeline([called(100, OFF)], [])
        )
        assert "No CA or device was switched off in this run." in said(
            build_timeline([called(100, ON)], [tried(120)])
        )

    def test_who_came_too_late_is_told(self) -> None:
        """Before the end of the run, or before the next switch."""
        text = said(build_timeline([called(100, OFF), called(200, ON)], []))
        assert "Nobody connected before it was switched again" in text
        assert "Nobody connected before the run ended" in text

    def test_ambiguous_switch_is_not_measured(self) -> None:
        """Where two devices have the serial number the page claims nothing."""
        call = called(100, "InactivateDeviceCertificate", "01")
        text = said(build_timeline([call], [tried(50), tried(51, ca_sn=OTHER)]))
        assert "Not measured: several CAs of this run gave out this serial number." in text
        assert "1 switch could not be measured." in text

    def test_closings_are_listed(self) -> None:
        """With the switch that caused them, or none."""
        closings = [closed(50), closed(106), closed(111, Cause.CA_INACTIVE, sn="02")]
        text = said(build_timeline([called(100, OFF)], [], closings))
        assert "Sessions closed 2, 2 ms to 7 ms after the answer" in text
        assert f"client-02 {CA} ca_inactive 1 7 ms" in text
        assert f"client-01 {CA} ca_inactive \u2013 \u2013" in text

    def test_calls_that_only_look_are_counted(self) -> None:
        """Refused ones are listed all the same."""
        calls = [
            called(0, "ListCaCertificate"),
            called(1, "GetCaCertificate", code="FindCaBySnError", status=500),
        ]
        text = said(build_timeline(calls, []))
        assert "1 call that only looked left out" in text
        assert "500 FindCaBySnError" in text

    def test_moved_clock_is_told(self) -> None:
        """A reader must not trust an order that is none."""
        decisions = [tried(9000), tried(121, "ca_inactive")]
        text = said(build_timeline([called(100, OFF)], [*decisions, tried(1)]))
        assert "its records are out of order" in text
        assert "Nobody was admitted" not in text

    def test_moved_clock_does_not_hide_that_before_and_after_are_unknown(self) -> None:
        """Refusals alone are no good verdict where the order is not known."""
        decisions = [tried(9000, "ca_inactive"), tried(121, "ca_inactive")]
        text = said(build_timeline([called(100, OFF)], decisions))
        assert "The clock was moved back, so nobody can tell before from after." in text


class TestSize:
    """Long runs stay readable."""

    def test_long_table_is_cut_and_says_so(self) -> None:
        """Five hundred rows are enough to see what goes on."""
        decisions = [tried(200 + at) for at in range(MOST_ROWS + 1)]
        text = said(build_timeline([called(100, OFF)], decisions))
        assert f"The first {MOST_ROWS} of {MOST_ROWS + 1}." in text

    def test_many_switches_have_no_card_but_a_row(self) -> None:
        """One with something wrong has a card, wherever it stands."""
        calls = [called(at * 100, OFF) for at in range(MOST_CARDS + 2)]
        written = page(build_timeline(calls, [tried(MOST_CARDS * 100 + 150)]), ABOUT)
        assert written.count("<article") == MOST_CARDS
        assert written.count('class="card bad"') == 1
        assert "2 more switches only in the table below." in html.unescape(written)

    def test_many_cas_are_counted(self) -> None:
        """What is not drawn is told."""
        decisions = [tried(at, ca_sn=f"{at + 1:04x}") for at in range(14)]
        assert "2 more CAs with less to show." in said(build_timeline([], decisions))

    def test_page_is_written_to_a_file(self, tmp_path: Path) -> None:
        """As UTF-8, replacing what was there."""
        file = tmp_path / "report.html"
        file.write_text("old")
        timeline = build_timeline([], [tried(1, client_id="Gerät")])
        write_page(file, timeline, ABOUT)
        assert file.read_text(encoding="utf-8") == page(timeline, ABOUT)
