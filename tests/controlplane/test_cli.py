"""The command line in this process: options and their variables, mistakes, and the stage."""

import dataclasses
import io
import os
import signal
import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest
import typer
from rich.console import Console
from typer.testing import CliRunner

from certgate_certs.registry import RegistryUnavailable
from certgate_controlplane import cli
from certgate_controlplane.address import Address
from certgate_controlplane.cli import app, main
from certgate_controlplane.client import CallError
from certgate_controlplane.demo import stage as stage_module
from certgate_controlplane.demo.device import Device
from certgate_controlplane.demo.stage import Stage
from certgate_controlplane.key_files import KeyPair, StateError
from certgate_controlplane.settings import LabError
from certgate_controlplane.state import StateDirectory
from certgate_controlplane.toolkit.handles import Ca
from certgate_controlplane.toolkit.handles import Device as Handle

INSTANCE = "post-cn-local"
NOWHERE = Address(1, None, "127.0.0.1", 1, None, ("post-cn-test",), "nowhere")


def options() -> Iterator[tuple[str, str, object]]:
    """Give every option of every command: command, name, environment variable."""

    def walk(command: Any, path: str) -> Iterator[tuple[str, str, object]]:
        for name in command.list_commands(None) if hasattr(command, "list_commands") else ():
            yield from walk(command.get_command(None, name), f"{path} {name}".strip())
        for parameter in command.params:
            if parameter.param_type_name == "option" and parameter.name != "help":
                yield path, max(parameter.opts, key=len), parameter.envvar

    yield from walk(typer.main.get_command(app), "")


@pytest.mark.parametrize(("command", "option", "variable"), list(options()))
def test_every_option_has_its_variable(command: str, option: str, variable: object) -> None:
    """The variable is CERTGATE_ and the option's name."""
    assert variable == "CERTGATE_" + option.removeprefix("--").replace("-", "_").upper()


def test_serve_needs_no_other_command() -> None:
    """What is not asked for is not imported: a start is to be nearly free."""
    program = (
        "import sys; sys.argv = ['certgate', 'serve', '--help']\n"
        "from certgate_controlplane.cli import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "print(*sorted(name for name in sys.modules if name.startswith('certgate_controlplane.')))"
    )
    command = [sys.executable, "-c", program]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    loaded = set(ended.stdout.splitlines()[-1].split())
    assert "certgate_controlplane.cli.serve" in loaded
    heavy = {f"certgate_controlplane.{name}" for name in ("demo", "fleet", "report", "toolkit")}
    assert not heavy & loaded


def test_options_were_found() -> None:
    """The check sees the options of serve and of the commands below pki."""
    seen = {(command, option) for command, option, _ in options()}
    assert {("serve", "--host"), ("pki device", "--ca"), ("pki ca", "--state-dir")} <= seen


@pytest.mark.parametrize(
    "error",
    [
        CallError("the sentence"),
        LabError("the sentence"),
        RegistryUnavailable("the sentence"),
        StateError("the sentence"),
    ],
)
def test_mistake_is_one_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], error: Exception
) -> None:
    """What can go wrong is one sentence on stderr and exit status 1."""

    def fail() -> None:
        raise error

    monkeypatch.setattr(cli, "app", fail)
    with pytest.raises(SystemExit) as caught:
        main()
    assert caught.value.code == 1
    assert capsys.readouterr() == ("", "certgate: the sentence\n")


def test_fault_of_certgate_is_not_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    """What nobody foresaw is not passed off as the user's mistake."""

    def fail() -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(cli, "app", fail)
    with pytest.raises(ZeroDivisionError):
        main()


@pytest.mark.parametrize("arguments", [[], ["pki"]])
def test_no_command_shows_what_there_is(arguments: list[str]) -> None:
    """Without a command the commands are listed."""
    shown = CliRunner().invoke(app, arguments).output
    assert "Usage" in shown


def test_serve_in_this_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It greets, writes the ready file and takes it away; a signal ends it with exit status 0."""
    ready, ports_told = tmp_path / "ready.json", list[int | None]()
    ready.write_text("of an earlier run")

    def write_and_stop(address: Address, file: Path) -> None:
        ports_told.append(address.mqtts_port)
        assert file == ready
        os.kill(os.getpid(), signal.SIGTERM)

    monkeypatch.setattr(Address, "write", write_and_stop)
    ports = ["--api-port", "0", "--mqtts-port", "0", "--ready-file", str(ready)]
    result = CliRunner().invoke(app, ["serve", "--state-dir", str(tmp_path / "state"), *ports])
    assert result.exit_code == 0
    assert f"127.0.0.1:{ports_told[0]}" in result.output
    assert not ready.exists()


def test_serve_refuses_an_unknown_log_level() -> None:
    """A log level that there is not is named."""
    result = CliRunner().invoke(app, ["serve", "--log-level", "loud"])
    assert result.exit_code == click.UsageError.exit_code
    assert "--log-level" in result.output


def test_pki_prints_its_files(tmp_path: Path) -> None:
    """Each command prints the files it has written; variables serve as options."""
    runner = CliRunner(
        env={
            "CERTGATE_STATE_DIR": str(tmp_path),
            "CERTGATE_CA": "maker",
            "CERTGATE_CODE": "code",
            "CERTGATE_KEY_TYPE": "rsa-2048",
        }
    )
    for command in (["ca", "maker"], ["device", "lamp"], ["verification"]):
        result = runner.invoke(app, ["pki", *command])
        assert result.exit_code == 0
        files = [Path(line.split(maxsplit=1)[1]) for line in result.output.splitlines()]
        assert all(file.is_file() for file in files)
        assert len(files) == {"ca": 2, "device": 3, "verification": 1}[command[0]]


class TestStage:
    """What the audience sees."""

    @pytest.fixture
    def shown(self, monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
        """Give where it is shown; nobody waits between chapters."""
        monkeypatch.setattr(stage_module, "_BREATH", 0.0)
        return io.StringIO()

    @pytest.mark.parametrize("terminal", [False, True])
    def test_everything_observed(self, shown: io.StringIO, terminal: bool) -> None:
        """Every claim has its mark, square brackets are shown as they are."""
        stage = Stage(Console(file=shown, force_terminal=terminal, color_system=None, width=80))
        stage.chapter("[one]")
        stage.claim("[it] holds", observed=True)
        stage.chapter("two")
        stage.tell("[dim] is no style here")
        stage.table(("device", "reason"), [("[lamp]", "ca_inactive")])
        assert stage.curtain() is True
        text = shown.getvalue()
        for part in ("[one]", "✓ [it] holds", "[dim] is no style", "[lamp]", "ca_inactive"):
            assert part in text
        assert ("device: [lamp], reason: ca_inactive" in text) is not terminal
        assert "All 1 claims were observed." in text

    def test_something_not_observed(self, shown: io.StringIO) -> None:
        """One claim that does not hold spoils the sum."""
        stage = Stage(Console(file=shown, color_system=None, width=80))
        stage.claim("it holds", observed=True)
        stage.claim("it does not", observed=False)
        assert stage.curtain() is False
        assert stage.failed == ["it does not"]
        assert "✗ not observed: it does not" in shown.getvalue()


def handle(pair: KeyPair, address: Address) -> Handle:
    """Give the handle of a device with these files."""
    ca = Ca("maker", pair, address, INSTANCE)
    return Handle("lamp", pair, address, INSTANCE, ca, "lamp")


def test_device_that_is_not_connected(tmp_path: Path) -> None:
    """It says so, publishes nothing, and can be disconnected again and again."""
    device = Device(handle(KeyPair.in_folder(tmp_path), NOWHERE))
    assert not device.is_connected
    device.publish("topic", "text")
    device.disconnect()
    assert not device.is_connected


def test_device_whose_server_hangs_up(tmp_path: Path) -> None:
    """A server that ends the connection after the handshake has said nothing."""
    state = StateDirectory(tmp_path)
    state.new_ca("maker")
    pair, own = state.server([f"{INSTANCE}.localhost"]), state.new_device("lamp", "maker")
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(pair.chain_file, pair.key_file)
    with socket.create_server(("127.0.0.1", 0)) as server:
        port, ca_file = server.getsockname()[1], str(state.server_ca_file)
        address = dataclasses.replace(NOWHERE, mqtts_port=port, server_ca_file=ca_file)

        def hang_up() -> None:
            with server.accept()[0] as tcp, tls.wrap_socket(tcp, server_side=True):
                pass

        thread = threading.Thread(target=hang_up, daemon=True)
        thread.start()
        outcome = Device(handle(own, address)).connect("topic")
        thread.join(10)
    assert (outcome.accepted, outcome.said) == (False, "no answer")


def test_wrong_option_has_status_2(monkeypatch: pytest.MonkeyPatch) -> None:
    """An option that there is not ends it with exit status 2."""
    monkeypatch.setattr(sys, "argv", ["certgate", "--version-there-is-not"])
    with pytest.raises(SystemExit) as caught:
        main()
    assert caught.value.code == 2
