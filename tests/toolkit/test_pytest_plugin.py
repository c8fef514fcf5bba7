"""The pytest plugin, in runs of pytest of its own."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

pytest_plugins = ("pytester",)

STRICT = """
[pytest]
filterwarnings = error
asyncio_default_fixture_loop_scope = function
"""

ONE_TEST = """
def test_inactive(certgate_lab, certgate_ca, certgate_device, certgate_new_device):
    certgate_lab.assert_admitted(certgate_device)
    certgate_lab.assert_admitted(certgate_new_device("another"))
    other = certgate_lab.new_ca("other")
    assert certgate_new_device("third", other, days=3).ca is other
    certgate_lab.inactivate(certgate_ca)
    certgate_lab.assert_refused(certgate_device, "ca_inactive")
"""


@pytest.fixture(autouse=True)
def strict(pytester: pytest.Pytester) -> None:
    """Make every warning an error in the inner runs."""
    pytester.makeini(STRICT)


def test_fixtures(pytester: pytest.Pytester) -> None:
    """A lab, a CA, a device and a factory for more are there without any import."""
    pytester.makepyfile(ONE_TEST)
    pytester.runpytest_subprocess().assert_outcomes(passed=1)


def test_every_test_has_its_own_lab(pytester: pytest.Pytester) -> None:
    """Nothing of one test's lab is seen by the next one."""
    pytester.makepyfile(
        """
        import pytest

        @pytest.mark.parametrize("number", range(3))
        def test_isolated(certgate_lab, certgate_device, number):
            assert certgate_lab.decisions() == []
            assert certgate_lab.assert_admitted(certgate_device).number == 1
        """
    )
    pytester.runpytest_subprocess().assert_outcomes(passed=3)


def test_session_lab_is_reset(pytester: pytest.Pytester) -> None:
    """One lab serves every test that wants it, and each finds it empty."""
    pytester.makepyfile(
        """
        import pytest

        ports = set()

        @pytest.mark.parametrize("number", range(3))
        def test_reset(certgate_session_lab, number):
            lab = certgate_session_lab
            assert lab.decisions() == []
            lamp = lab.new_device("lamp", lab.new_ca("acme"))
            lab.assert_admitted(lamp)
            connection = lab.connect(lamp)
            lab.clock.advance(days=number)
            lab.inactivate(lamp.ca)
            ports.add(lab.port)
            assert len(ports) == 1
            connection.close()
        """
    )
    pytester.runpytest_subprocess().assert_outcomes(passed=3)


def test_failed_test_tells_its_decisions(pytester: pytest.Pytester) -> None:
    """The report of a failed test carries the decision records of its lab; no other does."""
    pytester.makepyfile(
        """
        def test_fails(certgate_lab, certgate_device):
            certgate_lab.assert_admitted(certgate_device)
            assert False, "for another reason"

        def test_has_no_decisions(certgate_lab):
            assert False

        def test_has_no_lab():
            assert False

        def test_stopped(certgate_lab):
            certgate_lab.stop()
            try:
                assert False
            finally:
                certgate_lab.start()
                certgate_lab.stop()
        """
    )
    result = pytester.runpytest_subprocess()
    told = result.outlines
    headings = [line for line in told if "decisions of certgate_lab" in line]
    assert len(headings) == 3
    first = told.index(headings[0])
    assert re.fullmatch(
        r"#1 .* admitted  \(TLSv1\.3, as 'certgate-device' from .*\)", told[first + 1]
    )
    assert told[told.index(headings[1], first + 1) + 1] == "none: no device has connected"


def test_failure_is_short(pytester: pytest.Pytester) -> None:
    """A failed assertion shows the test's own line and the device's story, not certgate's code."""
    pytester.makepyfile(
        """
        def test_fails(certgate_lab, certgate_device):
            certgate_lab.assert_refused(certgate_device, "ca_inactive")
        """
    )
    result = pytester.runpytest_subprocess()
    result.stdout.fnmatch_lines(
        [
            ">   *certgate_lab.assert_refused(certgate_device, *ca_inactive*",
            "E * device certgate-device should be refused for ca_inactive, but it was admitted.",
            "E *The story of device certgate-device*",
        ]
    )
    assert "certgate_device = <device certgate-device, CA certgate-ca>" in result.outlines
    result.stdout.no_fnmatch_line("*toolkit/*")


@pytest.mark.parametrize("place", ["command line", "ini", "marker"])
def test_options(pytester: pytest.Pytester, place: str) -> None:
    """Options come from the marker of the test, the command line or the ini file."""
    mark = '@pytest.mark.certgate(refusal="close", live_sessions="close")'
    pytester.makepyfile(
        f"""
        import pytest

        {mark if place == "marker" else ""}
        def test_closed(certgate_lab, certgate_ca, certgate_device):
            connection = certgate_lab.connect(certgate_device)
            certgate_lab.inactivate(certgate_ca)
            certgate_lab.assert_closed_within(connection, 5000)
            connection.close()
            with pytest.raises(AssertionError, match="told: no answer|Unspecified error"):
                certgate_lab.assert_admitted(certgate_device)
        """
    )
    settings = "certgate_refusal = close\ncertgate_live_sessions = close\n"
    if place == "ini":
        pytester.makeini(f"{STRICT}{settings}")
    flags = ("--certgate-refusal=close", "--certgate-live-sessions=close")
    result = pytester.runpytest_subprocess(*(flags if place == "command line" else ()))
    result.assert_outcomes(passed=1)


@pytest.mark.parametrize(
    ("flags", "complaint"),
    [
        (["--certgate-api-port=http"], "certgate_api_port is a TCP port or 0, not 'http'"),
        (["--certgate-mqtts-port=70000"], "certgate_mqtts_port is a TCP port or 0, not '70000'"),
    ],
)
def test_wrong_option(pytester: pytest.Pytester, flags: list[str], complaint: str) -> None:
    """An option that cannot be ends the run with one sentence."""
    pytester.makepyfile(ONE_TEST)
    result = pytester.runpytest_subprocess(*flags)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert f"ERROR: {complaint}" in result.errlines
    result.stderr.no_fnmatch_line("*Traceback*")


def test_fixed_port_and_workers(pytester: pytest.Pytester) -> None:
    """A fixed port cannot be every worker's, and that is said."""
    pytester.makepyfile(ONE_TEST)
    result = pytester.runpytest_subprocess("-n", "1", "--certgate-mqtts-port=8883")
    assert result.ret != 0
    assert "with pytest-xdist every worker runs labs" in result.stdout.str() + result.stderr.str()


def test_harmless(pytester: pytest.Pytester) -> None:
    """A run that uses no fixture imports nothing of certgate but the plugin itself."""
    pytester.makepyfile(
        """
        import sys

        def test_nothing():
            loaded = {name for name in sys.modules if name.startswith("certgate")}
            assert loaded == {
                "certgate_controlplane",
                "certgate_controlplane.toolkit",
                "certgate_controlplane.toolkit.pytest_plugin",
            }
            assert not {"amqtt", "cryptography", "paho", "starlette", "uvicorn"} & set(sys.modules)
        """
    )
    pytester.runpytest_subprocess().assert_outcomes(passed=1)


def test_200_labs_in_two_workers(pytester: pytest.Pytester) -> None:
    """200 tests of a lab each leave no process, thread, descriptor, folder or warning behind."""
    pytester.makepyfile(
        """
        import gc, os, threading
        from pathlib import Path
        import pytest

        def left():
            gc.collect()
            threads = {each.name for each in threading.enumerate() if "certgate" in each.name}
            return threads, len(os.listdir("/proc/self/fd"))

        seen = []

        @pytest.mark.parametrize("number", range(200))
        def test_lab(number, certgate_lab, certgate_device):
            seen.append(left())
            certgate_lab.assert_admitted(certgate_device)
            certgate_lab.inactivate(certgate_device.ca)
            certgate_lab.assert_refused(certgate_device, "ca_inactive")
            if len(seen) > 2:
                assert seen[-1] == seen[1], "the second lab found what the last one finds"
        """
    )
    folder = pytester.mkdir("tmp")
    environment = {**os.environ, "TMPDIR": str(folder)}
    command = [sys.executable, "-m", "pytest", "-n", "2", "-q", "-p", "no:cacheprovider"]
    ended = subprocess.run(
        command, cwd=pytester.path, env=environment, capture_output=True, text=True, check=False
    )
    assert ended.returncode == 0, ended.stdout[-3000:] + ended.stderr[-3000:]
    assert "200 passed" in ended.stdout
    assert "warning" not in ended.stdout
    assert [path.name for path in Path(folder).glob("certgate*")] == []
    assert children_in(pytester.path) == []


def children_in(folder: Path) -> list[str]:
    """Name the processes, this one excepted, that still work in a folder."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        if process.name == str(os.getpid()):
            continue
        try:
            if (process / "cwd").readlink().is_relative_to(folder):
                found.append((process / "cmdline").read_text())
        except OSError:
            continue
    return found
