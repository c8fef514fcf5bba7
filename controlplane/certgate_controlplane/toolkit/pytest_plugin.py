"""The pytest plugin: a lab for each test, or one for all of them, and CAs and devices in it.

Nothing of certgate is imported before a fixture is asked for.
"""

from collections.abc import Callable, Generator, Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

if TYPE_CHECKING:
    from certgate_controlplane.toolkit.handles import Ca, Device
    from certgate_controlplane.toolkit.lab import Lab


class _Setting(NamedTuple):
    name: str
    help: str

    @property
    def ini(self) -> str:
        return f"certgate_{self.name}"

    @property
    def flag(self) -> str:
        return f"--certgate-{self.name.replace('_', '-')}"


_SETTINGS = (
    _Setting("refusal", "how a refusal looks: connack-5, connack-4, close or alert"),
    _Setting("live_sessions", "open connections of a withdrawn CA or device: keep or close"),
    _Setting("client_id_binding", "whose a client identifier is: first-use, none or common-name"),
    _Setting("client_id_form", "what a client identifier looks like: any or cloud"),
    _Setting("api_port", "TCP port of the API, 0 for a free one"),
    _Setting("mqtts_port", "TCP port of MQTT over TLS, 0 for a free one"),
)
_PORTS = ("api_port", "mqtts_port")
_LABS = ("certgate_lab", "certgate_session_lab")
_MOST_TOLD = 50


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add certgate's options and ini settings."""
    group = parser.getgroup("certgate", "labs of device certificates over MQTT")
    for setting in _SETTINGS:
        group.addoption(setting.flag, default=None, help=setting.help)
        parser.addini(setting.ini, setting.help, default="")


def pytest_configure(config: pytest.Config) -> None:
    """Make the marker known, and refuse settings that cannot be."""
    _options(config)
    config.addinivalue_line(
        "markers", "certgate(**options): options of this test's certgate_lab, as Lab takes them"
    )


@pytest.fixture
def certgate_lab(request: pytest.FixtureRequest) -> Iterator["Lab"]:
    """A running lab of this test's own."""
    from certgate_controlplane.toolkit.lab import Lab  # noqa: PLC0415

    marker = request.node.get_closest_marker("certgate")
    own = {} if marker is None else marker.kwargs
    with Lab(**{**_options(request.config), **own}) as lab:
        yield lab


@pytest.fixture(scope="session")
def _certgate_running_lab(request: pytest.FixtureRequest) -> Iterator["Lab"]:
    from certgate_controlplane.toolkit.lab import Lab  # noqa: PLC0415

    with Lab(**_options(request.config)) as lab:
        yield lab


@pytest.fixture
def certgate_session_lab(_certgate_running_lab: "Lab") -> "Lab":
    """The one lab of this test run, reset before each test that uses it."""
    _certgate_running_lab.reset()
    return _certgate_running_lab


@pytest.fixture
def certgate_ca(certgate_lab: "Lab") -> "Ca":
    """A registered, active CA in this test's lab."""
    return certgate_lab.new_ca("certgate-ca")


@pytest.fixture
def certgate_device(certgate_lab: "Lab", certgate_ca: "Ca") -> "Device":
    """A device of `certgate_ca`; it registers itself at its first connection."""
    return certgate_lab.new_device("certgate-device", certgate_ca)


@pytest.fixture
def certgate_new_device(certgate_lab: "Lab", certgate_ca: "Ca") -> Callable[..., "Device"]:
    """Make more devices: ``certgate_new_device("lamp-2")``, of `certgate_ca` or of another CA."""

    def new_device(name: str, ca: "Ca | None" = None, **options: Any) -> "Device":  # noqa: ANN401
        return certgate_lab.new_device(name, ca or certgate_ca, **options)

    return new_device


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Tell in the report of a failed test what its lab has decided."""
    report = yield
    arguments = getattr(item, "funcargs", {})
    if report.failed and report.when == "call":
        for name in _LABS:
            if name in arguments:
                report.sections.append((f"decisions of {name}", _told(arguments[name])))
    return report


def _told(lab: "Lab") -> str:
    from certgate_certs.registry import RegistryError  # noqa: PLC0415
    from certgate_controlplane.settings import LabError  # noqa: PLC0415

    try:
        decisions = lab.decisions()
    except (LabError, RegistryError) as error:
        return f"they cannot be read: {error}"
    lines = [f"#{each.number} {each}" for each in decisions[-_MOST_TOLD:]]
    return "\n".join(lines) or "none: no device has connected"


def _options(config: pytest.Config) -> dict[str, Any]:
    """Read the command line and the ini file; the command line wins."""
    chosen: dict[str, Any] = {}
    for setting in _SETTINGS:
        value = config.getoption(setting.flag) or config.getini(setting.ini)
        if value:
            chosen[setting.name] = value
    for name in _PORTS:
        if name in chosen:
            chosen[name] = _port(config, name, chosen[name])
    return chosen


def _port(config: pytest.Config, name: str, value: str) -> int:
    if not (value.isascii() and value.isdigit() and int(value) < 65536):  # noqa: PLR2004  TCP's
        raise pytest.UsageError(f"certgate_{name} is a TCP port or 0, not {value!r}")
    if int(value) and hasattr(config, "workerinput"):
        raise pytest.UsageError(
            f"certgate_{name} = {value}: with pytest-xdist every worker runs labs, and only one"
            " could have that port; leave it at 0"
        )
    return int(value)
