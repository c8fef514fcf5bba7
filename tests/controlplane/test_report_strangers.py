"""What strangers write into a page, and what the page loads: nothing of either takes hold."""

import re
from html.parser import HTMLParser

import pytest

from certgate_controlplane.report import About, Claim, build_timeline, page
from controlplane.test_report_records import CA, START, called, closed, tried

OFF = "InactivateCaCertificate"
ABOUT = About("9.8.7", START)
VOID = {"meta", "link", "img", "br", "hr", "input", "base", "source", "embed"}
ATTACKS = [
    "<script>alert(1)</script>",
    "</title></style></svg><img src=x onerror=alert(1)>",
    '"\' onmouseover=alert(1) x="',
    "<!--",
    "]]>",
    "&lt;b&gt;&#0;",
    "\x00\x1b[31m\ud800\u202egnp.exe",
    "javascript:alert(1)",
    "x" * 70_000,
]


class Reader(HTMLParser):
    """Reads a page as a browser does: elements, attributes, texts."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.texts: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "style" not in self.open:
            self.texts.append(data)

    @property
    def shape(self) -> list[tuple[str, list[str]]]:
        """The elements and the names of their attributes."""
        return [(tag, sorted(attributes)) for tag, attributes in self.elements]

    @property
    def text(self) -> str:
        """What can be read."""
        return " ".join(" ".join(self.texts).split())


def run(text: str = "harmless", claims: str = "claimed") -> str:
    """Give the page of a run in which every text that a stranger may choose is the given one."""
    calls = [
        called(0, "RegisterCaCertificate", text),
        called(2, text, text, status=404, code=text),
        called(100, OFF),
        called(300, "InactivateDeviceCertificate", "01"),
    ]
    chosen = {"client_id": text, "subject": f"CN={text}"}
    decisions = [
        tried(50, **chosen),
        tried(121, text, "ca_inactive", detail=text, **chosen),
        tried(150, remote_address=text, **chosen),
        tried(320, **chosen),
        tried(330, text, sn=text, ca_sn="", **chosen),
    ]
    timeline = build_timeline(calls, decisions, [closed(106)], {CA: text})
    return page(timeline, ABOUT, [Claim(claims, observed=False, chapter=claims)])


class TestStrangersTexts:
    """Subjects, client identifiers, names and actions are chosen by whoever connects or calls."""

    @pytest.mark.parametrize("attack", ATTACKS, ids=range(len(ATTACKS)))
    def test_attack_changes_no_element_and_no_attribute(self, attack: str) -> None:
        """The page has the same elements as with harmless texts, whatever the texts are."""
        assert Reader(run(attack, attack)).shape == Reader(run()).shape

    @pytest.mark.parametrize("attack", ATTACKS[:5], ids=range(5))
    def test_attack_is_shown_as_it_was_written(self, attack: str) -> None:
        """Nothing is swallowed: a tester sees what a device called itself."""
        assert attack in Reader(run(attack)).texts

    def test_page_can_always_be_written(self) -> None:
        """Halves of surrogate pairs, which no file can hold, are replaced."""
        run(ATTACKS[6]).encode()

    def test_nothing_invisible_is_left(self) -> None:
        """No control character and no change of direction reaches a reader."""
        shown = "".join(Reader(run(ATTACKS[6])).texts).replace("\n", "")
        assert {c for c in shown if not c.isprintable()} == set()

    def test_long_text_is_cut(self) -> None:
        """A client identifier may have 65,535 bytes; the page stays small."""
        assert run("x" * 70_000) == run("x" * 200)

    def test_strangers_texts_do_not_turn_what_is_around_them(self) -> None:
        """A right-to-left text is isolated."""
        written = run("جهاز")
        assert "<bdi>جهاز</bdi>" in written


class TestByItself:
    """One file, no script, no network."""

    def test_nothing_is_loaded_and_nothing_runs(self) -> None:
        """No element that loads or runs something, and every reference stays on the page."""
        reader = Reader(run())
        loading = {"script", "link", "img", "iframe", "object", "embed", "base", "form", "image"}
        assert loading.isdisjoint(tag for tag, _ in reader.elements)
        references = {
            value or ""
            for _, attributes in reader.elements
            for name, value in attributes.items()
            if name in {"href", "src", "xlink:href", "action"} or name.startswith("on")
        }
        assert all(reference.startswith("#mark-") for reference in references)

    def test_style_names_no_address(self) -> None:
        """The style sheet loads nothing either."""
        style = re.findall(r"<style>(.*?)</style>", run(), re.DOTALL)
        assert len(style) == 1
        assert re.findall(r"url\(([^)]*)\)|@import", style[0]) == ["#hatch"]

    def test_browser_is_told_to_load_nothing(self) -> None:
        """Should a text ever get through, a policy is in its way, before anything else."""
        metas = [attributes for tag, attributes in Reader(run()).elements if tag == "meta"]
        assert metas[1]["content"] == "default-src 'none'; style-src 'unsafe-inline'"

    def test_every_reference_leads_somewhere(self) -> None:
        """Each shape that is used is defined, once."""
        written = run()
        ids = re.findall(r' id="([^"]+)"', written)
        assert len(ids) == len(set(ids))
        assert set(re.findall(r'href="#([^"]+)"', written)) <= set(ids)
