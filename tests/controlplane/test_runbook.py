"""Finding certificates for people, against an API of the test's own making."""

from dataclasses import dataclass, field
from typing import Any

import pytest

from certgate_controlplane.cli.output import readable, show_record, show_table
from certgate_controlplane.cli.remote import runbook
from certgate_controlplane.client import ApiClient, CallError
from certgate_controlplane.runbook import Record, Runbook, RunbookError

SN = "00f26900ba87"


@dataclass(frozen=True)
class FakeApi(ApiClient):
    """Answers from lists, page by page, and remembers what it was asked."""

    url: str = "http://127.0.0.1:1"
    cas: list[Record] = field(default_factory=list)
    devices: list[Record] = field(default_factory=list)
    asked: list[tuple[str, dict[str, str]]] = field(default_factory=list)

    def call(self, action: str, **parameters: str) -> dict[str, Any]:
        self.asked.append((action, parameters))
        if not action.startswith("List"):
            return {"RegisterCode": "code", "Sn": SN, **parameters}
        key, records = "CaCertificateVOS", self.cas
        if action.startswith("ListDevice"):
            of_ca = parameters.get("CaSn")
            key = "DeviceCertificateVOS"
            records = [each for each in self.devices if of_ca in {None, each["CaSn"]}]
        size, number = int(parameters["PageSize"]), int(parameters["PageNo"])
        assert 1 <= size <= 100
        return {"Data": {key: records[size * (number - 1) : size * number]}}

    @property
    def changes(self) -> list[tuple[str, dict[str, str]]]:
        """What was asked, lists excepted."""
        return [call for call in self.asked if not call[0].startswith("List")]


def ca(sn: str, name: str = "ca") -> Record:
    """Give a CA certificate as the API writes it."""
    return {"Sn": sn, "CaName": name, "Status": "1", "ValidEnd": "0"}


def device(sn: str, name: str, ca_sn: str = SN) -> Record:
    """Give a device certificate as the API writes it."""
    return {"DeviceSn": sn, "DeviceName": name, "CaSn": ca_sn, "Status": "0", "ValidEnd": "0"}


def tools(cas: list[Record], devices: list[Record] | None = None) -> tuple[Runbook, FakeApi]:
    """Give a runbook and what it asks."""
    api = FakeApi(cas=cas, devices=devices or [])
    return Runbook(api, "post-cn-test"), api


class TestPages:
    """Lists that do not fit a page."""

    @pytest.mark.parametrize("count", [0, 1, 99, 100, 101, 200, 250])
    def test_all_of_them(self, count: int) -> None:
        """Every record comes once and in order, and no page is asked for in vain."""
        records = [ca(f"{number:04x}", f"ca-{number}") for number in range(count)]
        book, api = tools(records)
        assert book.cas() == records
        pages = [parameters["PageNo"] for _, parameters in api.asked]
        assert pages == [str(number + 1) for number in range(count // 100 + 1)]

    def test_found_on_the_last_page(self) -> None:
        """A name and a serial number are found behind the first hundred too."""
        book, _ = tools([ca(f"{number:04x}", f"ca-{number}") for number in range(101)])
        assert book.ca("ca-100")["Sn"] == "0064"
        assert book.ca("64")["CaName"] == "ca-100"

    def test_one_name_on_two_pages(self) -> None:
        """A name that stands on two pages is ambiguous."""
        others = [ca(f"{number:04x}", f"ca-{number}") for number in range(1, 101)]
        book, _ = tools([ca("0a00", "twice"), *others, ca("0b00", "twice")])
        with pytest.raises(RunbookError, match="there are 2 of 'twice'; name one: 0a00, 0b00"):
            book.ca("twice")

    def test_devices_of_one_ca(self) -> None:
        """Devices are listed of all CAs, or of one named in any notation."""
        mine = [device(f"{number:04x}", "d") for number in range(120)]
        book, _ = tools([ca(SN, "mine"), ca("0a")], [*mine, device("01", "d", "0a")])
        assert len(book.devices()) == 121
        assert book.devices("mine") == book.devices("F2:69:00:BA:87") == mine


class TestFinding:
    """Serial numbers in any notation, and names."""

    @pytest.mark.parametrize(
        "wanted", [SN, SN.upper(), "f26900ba87", "F2:69:00:BA:87", "00:f2:69:00:ba:87", "0000" + SN]
    )
    def test_notation(self, wanted: str) -> None:
        """However it is written, a serial number finds its certificate."""
        book, _ = tools([ca("0a"), ca(SN, "wanted")], [device(SN, "lamp"), device("0a", "other")])
        assert book.ca(wanted)["CaName"] == "wanted"
        assert book.device(wanted)["DeviceName"] == "lamp"

    def test_serial_number_before_name(self) -> None:
        """A CA that is named like another one's serial number does not get in its way."""
        book, _ = tools([ca("0b", "0a"), ca("0a", "right")])
        assert book.ca("0a")["CaName"] == "right"
        assert book.ca("0b")["CaName"] == "0a"

    @pytest.mark.parametrize("wanted", ["ghost", "", "ff", "g" * 200, "Lamp", "lam", "\ud800"])
    def test_unknown(self, wanted: str) -> None:
        """What is not there is named; names are told apart by case and taken whole."""
        book, _ = tools([ca(SN, "lamp")], [device(SN, "lamp")])
        for find, kind in ((book.ca, "CA"), (book.device, "device")):
            with pytest.raises(RunbookError, match=f"there is no {kind} certificate"):
                find(wanted)

    def test_same_serial_number_under_two_cas(self) -> None:
        """Devices that share a serial number are told apart by their CA."""
        book, _ = tools(
            [ca("0a", "one"), ca("0b", "two")], [device("01", "x", "0a"), device("01", "y", "0b")]
        )
        with pytest.raises(RunbookError, match="name one: 01 of CA 0a, 01 of CA 0b"):
            book.device("01")
        assert book.device("01", "two")["DeviceName"] == "y"

    def test_unknown_ca_of_a_device(self) -> None:
        """A device is not looked for under a CA that there is not."""
        book, _ = tools([ca("0a")], [device("01", "x", "0a")])
        with pytest.raises(RunbookError, match="no CA certificate 'ghost'"):
            book.device("x", "ghost")


class TestSwitching:
    """What is changed."""

    @pytest.mark.parametrize("operation", ["Active", "Inactivate", "Delete"])
    def test_by_the_number_found(self, operation: str) -> None:
        """The operation gets the numbers that the API wrote, not what was typed."""
        instance = {"MqttInstanceId": "post-cn-test"}
        book, api = tools([ca(SN, "one")], [device("0c", "lamp")])
        assert book.switch_ca(operation, "F26900BA87") == ca(SN, "one")
        assert book.switch_device(operation, "lamp", "one") == device("0c", "lamp")
        assert api.changes == [
            (f"{operation}CaCertificate", {**instance, "Sn": SN}),
            (f"{operation}DeviceCertificate", {**instance, "CaSn": SN, "DeviceSn": "0c"}),
        ]

    def test_nothing_is_done_in_doubt(self) -> None:
        """Where there are two of a name neither is touched."""
        book, api = tools([ca("0a"), ca("0b")])
        with pytest.raises(RunbookError):
            book.switch_ca("Delete", "ca")
        assert api.changes == []

    def test_registration(self) -> None:
        """Name and both certificates are handed on as they are."""
        book, api = tools([])
        assert book.registration_code() == "code"
        assert book.register("name", "one", "two") == SN
        assert api.changes[1][1] == {
            "MqttInstanceId": "post-cn-test",
            "CaName": "name",
            "CaContent": "one",
            "VerificationContent": "two",
        }


class TestStrangers:
    """Something else answers, or nobody can be asked."""

    @pytest.mark.parametrize("answer", [{}, {"Data": None}, {"Data": {}}, {"Data": []}])
    def test_not_certgate(self, monkeypatch: pytest.MonkeyPatch, answer: dict[str, Any]) -> None:
        """JSON that is no answer of the API is a sentence, not a fault."""
        monkeypatch.setattr(ApiClient, "call", lambda *_, **__: answer)
        with pytest.raises(RunbookError, match="is no certgate"):
            runbook("http://127.0.0.1:1", "post-cn-test").cas()

    @pytest.mark.parametrize(
        "url",
        [
            "",
            "127.0.0.1:8080",
            "localhost",
            "http://",
            "http://[::1",
            "http://a:b",
            "http://a:0",
            "http://a:99999",
            "ftp://a",
            "https://a",
            "http://:80",
            "http://a b",
            "http://a\x7f",
        ],
    )
    def test_no_url(self, url: str) -> None:
        """What cannot be where an API is, is refused before anybody is called."""
        with pytest.raises(RunbookError, match="cannot be where an API is"):
            runbook(url, "post-cn-test")

    @pytest.mark.parametrize("url", ["http://\u00e4..x:1", "http://127.0.0.1:1"])
    def test_nobody_there(self, url: str) -> None:
        """A host that there is not, or that does not answer, is a sentence."""
        with pytest.raises(CallError, match="no certgate answers at"):
            runbook(url, "post-cn-test").cas()

    def test_not_utf_8(self) -> None:
        """Bytes that are no text, as a shell can hand them over, are refused."""
        with pytest.raises(RunbookError, match="not UTF-8"):
            runbook("http://127.0.0.1:1", "\udcff").cas()


class TestOutput:
    """What people see."""

    @pytest.mark.parametrize("evil", ["\x1b[2J", "\x07", "\r", "\x9b1m", "\u202e", "\x00", "\n"])
    def test_control_characters(self, capsys: pytest.CaptureFixture[str], evil: str) -> None:
        """A name reaches the terminal without what the terminal would obey, on one line."""
        records = [ca(SN, f"before{evil}after")]
        show_table(records, {"sn": "Sn", "name": "CaName"}, as_json=False)
        show_record(records[0], as_json=False)
        shown = capsys.readouterr().out
        assert evil == "\n" or evil not in shown
        assert [line.split()[-1] for line in shown.splitlines() if "before" in line] == [
            line.split()[-1] for line in shown.splitlines() if "after" in line
        ]
        assert "before\ufffd" in shown

    def test_names_are_no_markup(self, capsys: pytest.CaptureFixture[str]) -> None:
        """Square brackets, colons and backslashes are shown as they are."""
        names = ["[bold]x[/bold]", "[/]", ":warning:", "x\\", "[link=a]"]
        show_table([ca(SN, name) for name in names], {"name": "CaName"}, as_json=False)
        assert capsys.readouterr().out.splitlines() == ["name", *names]

    def test_certificates_keep_their_lines(self, capsys: pytest.CaptureFixture[str]) -> None:
        """PEM is shown line by line, its control characters are not."""
        show_record({"CaContent": "one\ntwo\x1b[1m\n"}, as_json=False)
        assert capsys.readouterr().out == "CaContent:\none\ntwo\ufffd[1m\n"

    @pytest.mark.parametrize(
        ("member", "value", "text"),
        [
            ("Status", "0", "inactive"),
            ("Status", "1", "active"),
            ("Status", "7", "7"),
            ("ValidBegin", "1654137303000", "2022-06-02 02:35:03Z"),
            ("ValidEnd", "253402300799000", "9999-12-31 23:59:59Z"),
            ("ValidBegin", "-1000", "1969-12-31 23:59:59Z"),
        ],
    )
    def test_readable(self, member: str, value: str, text: str) -> None:
        """States and dates are written for people."""
        assert readable(member, value) == text

    def test_empty_table(self, capsys: pytest.CaptureFixture[str]) -> None:
        """Where there is nothing the headings are shown, or an empty list."""
        show_table([], {"sn": "Sn", "name": "CaName"}, as_json=False)
        show_table([], {"sn": "Sn"}, as_json=True)
        assert capsys.readouterr().out.split() == ["sn", "name", "[]"]
