"""Public names are what they were, and every one of them is in the README or its linked pages."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer.main

import certgate
from certgate import AsyncLab, Lab
from certgate_broker.limits import ConnectionLimits
from certgate_broker.reasons import Reason
from certgate_controlplane.cli import app
from certgate_controlplane.faults import FAULTS
from certgate_controlplane.toolkit import pytest_plugin
from certgate_controlplane.toolkit.handles import Ca, Device
from certgate_controlplane.toolkit.options import Options

TOP = Path(__file__).parents[2]
README = TOP / "README.md"


def pages(page: Path) -> Iterator[Path]:
    """Name a page and those it leads to."""
    seen: list[Path] = []
    waiting = [page]
    while waiting:
        here = waiting.pop()
        seen.append(here)
        links = re.findall(r"\]\(([^)#:]+\.md)[^)]*\)", here.read_text())
        targets = [(here.parent / link).resolve() for link in links]
        waiting += [target for target in targets if target not in {*seen, *waiting}]
    yield from seen


WORDS = "\n".join(page.read_text() for page in pages(README))


def undocumented(names: Iterator[str] | list[str], words: str = WORDS) -> list[str]:
    """Give the names that stand nowhere in the pages as code."""
    code = " ".join(re.findall(r"`[^`\n]+`|```.*?```", words, re.DOTALL))
    return [name for name in names if not re.search(rf"(?<![\w-]){re.escape(name)}(?![\w-])", code)]


def public(kind: type) -> list[str]:
    """Name the public members of a class."""
    return sorted(name for name in dir(kind) if not name.startswith("_"))


def fixtures() -> list[str]:
    """Name the plugin's fixtures."""
    found = [name for name in vars(pytest_plugin) if name.startswith("certgate_")]
    assert len(found) >= 5
    return found


def plugin_options() -> list[str]:
    """Name the plugin's options on the command line and in the ini file."""
    settings = pytest_plugin._SETTINGS  # noqa: SLF001  what it makes options of
    return [name for each in settings for name in (each.flag, each.ini)]


def commands() -> Iterator[tuple[str, Any]]:
    """Give every command of the command line with its name."""

    def walk(command: Any, path: str) -> Iterator[tuple[str, Any]]:
        if not hasattr(command, "list_commands"):
            yield path, command
            return
        for name in command.list_commands(None):
            yield from walk(command.get_command(None, name), f"{path} {name}".strip())

    yield from walk(typer.main.get_command(app), "")


def command_options() -> list[str]:
    """Name the options of every command."""
    found = {
        max(each.opts, key=len)
        for _, command in commands()
        for each in command.params
        if each.param_type_name == "option" and each.name != "help"
    }
    assert {"--refusal", "--devices", "--load"} <= found
    return sorted(found)


@pytest.mark.parametrize(
    ("kind", "names"),
    [
        ("public name", certgate.__all__),
        ("member of Lab", public(Lab)),
        ("member of AsyncLab", public(AsyncLab)),
        ("member of Ca", public(Ca)),
        ("member of Device", public(Device)),
        ("option of Lab", sorted(Options.__annotations__)),
        ("fixture", fixtures()),
        ("option of the plugin", plugin_options()),
        ("option of a command", command_options()),
        ("limit", sorted(ConnectionLimits.__dataclass_fields__)),
        ("reason", sorted(Reason)),
        ("fault", sorted(FAULTS)),
        ("member of Counts", public(certgate.Counts)),
        ("member of Behaviour", sorted(certgate.Behaviour.__dataclass_fields__)),
    ],
)
def test_is_documented(kind: str, names: list[str]) -> None:
    """Each name stands in the README or in a page that it leads to."""
    assert undocumented(names) == [], f"{kind} without a word"


def test_commands_are_documented() -> None:
    """Each command stands in the README or in a page that it leads to."""
    names = [f"certgate {name}" for name, _ in commands()]
    assert [name for name in names if name not in WORDS] == []


def test_endpoints_are_documented() -> None:
    """Each endpoint of the lab's own door stands in the README or in a page it leads to."""
    with Lab() as lab:
        routes = lab.inner.server.own_routes()
        names = [
            f"{method} {route.path.removeprefix('/').replace(':path', '')}"
            for route in routes
            for method in sorted((route.methods or set()) - {"HEAD"})
        ]
    assert len(names) > 15
    assert [name for name in names if f"`{name}" not in WORDS] == []


def test_gap_is_found() -> None:
    """The check finds a name that stands nowhere, or only as part of another."""
    assert undocumented(["lab", "labs"], "a `labs` word") == ["lab"]


def test_every_link_leads_somewhere() -> None:
    """No page links to a file that is not there."""
    for page in pages(README):
        links = re.findall(r"\]\(([^)#:]+)\)", page.read_text())
        assert [link for link in links if not (page.parent / link).exists()] == []


def test_public_names_are_pinned() -> None:
    """What users import stays; a name that is added or taken away is a decision."""
    assert certgate.__all__ == [
        "ApiError",
        "AsyncLab",
        "Behaviour",
        "Ca",
        "ClockError",
        "Connection",
        "Counts",
        "Decision",
        "Device",
        "FaultError",
        "Fleet",
        "KeyType",
        "Lab",
        "LabError",
        "Options",
        "Reason",
        "ScenarioError",
    ]
    assert public(Lab) == [
        "activate",
        "address",
        "api_url",
        "assert_admitted",
        "assert_closed_within",
        "assert_refused",
        "assert_refused_within",
        "ca",
        "close_connection",
        "connect",
        "decisions",
        "delete",
        "device",
        "export",
        "fleet",
        "host",
        "inactivate",
        "instance_id",
        "load",
        "new_ca",
        "new_device",
        "port",
        "register",
        "report",
        "reset",
        "run",
        "sdk_client",
        "server_ca_file",
        "snapshot",
        "start",
        "stop",
        "wait_for_decision",
    ]
