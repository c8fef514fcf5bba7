"""A lab of the toolkit: from its start to its end."""

import contextlib
import tempfile
from pathlib import Path
from typing import Any, Self, Unpack

from certgate_controlplane.address import Address
from certgate_controlplane.faults.service import Faults
from certgate_controlplane.lab import LabServer
from certgate_controlplane.settings import LabError
from certgate_controlplane.state import StateDirectory
from certgate_controlplane.toolkit.clock import Clock
from certgate_controlplane.toolkit.options import Options, settings_of

_ANY_KEY = "certgate"


class Life:
    """Starts and ends a lab, and says where it is.

    Args:
        options: how it is set up; see `Options`.
    """

    def __init__(self, **options: Unpack[Options]) -> None:
        self._options = options
        self._running = contextlib.AsyncExitStack()
        self._server: LabServer | None = None
        self._folder = Path()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def start(self) -> None:
        """Start; on return devices and callers can connect.

        Raises:
            LabError: an option is not known or cannot be as given, or the lab cannot start.
            CredentialsError: the access keys cannot be used.
            StateError: the state directory cannot be used.
            RegistryError: the registry cannot be used.
        """
        if self._server is not None:
            raise LabError("this lab runs already")
        async with contextlib.AsyncExitStack() as stack:
            folder = self._options.get("state_dir")
            if folder is None:
                made = tempfile.TemporaryDirectory(prefix="certgate-")
                folder = Path(stack.enter_context(made))
            server = LabServer(settings_of(self._options, folder))
            await stack.enter_async_context(server)
            self._server, self._folder = server, folder
            self._running = stack.pop_all()

    async def stop(self) -> None:
        """End it; connections are closed, and a temporary state directory is gone."""
        self._server = None
        await self._running.aclose()

    @property
    def server(self) -> LabServer:
        """The running lab, for what the toolkit has no word for.

        Raises:
            LabError: it does not run.
        """
        if self._server is None:
            raise LabError("this lab does not run: use it inside `with`, or start it")
        return self._server

    @property
    def address(self) -> Address:
        """Where everything is."""
        return self.server.address

    @property
    def host(self) -> str:
        """Where devices connect."""
        return str(self.address.mqtts_host)

    @property
    def port(self) -> int:
        """The TCP port that devices connect to."""
        return int(self.address.mqtts_port or 0)

    @property
    def api_url(self) -> str:
        """Where the cloud's API is, such as ``http://127.0.0.1:8080``."""
        return str(self.address.api_url)

    @property
    def server_ca_file(self) -> Path:
        """The certificate that devices have to trust, PEM."""
        return Path(str(self.address.server_ca_file))

    @property
    def instance_id(self) -> str:
        """The instance that serves devices that name none."""
        return self.address.instance_ids[0]

    @property
    def state(self) -> StateDirectory:
        """The state directory."""
        return StateDirectory(Path(self.address.state_dir))

    @property
    def clock(self) -> Clock:
        """The lab's clock."""
        return Clock(self.server)

    @property
    def faults(self) -> Faults:
        """What goes wrong on purpose."""
        return self.server.faults

    def sdk_client(self) -> Any:  # noqa: ANN401  the SDK is not a dependency
        """Give the cloud's official client, pointed at the lab.

        Raises:
            LabError: `alibabacloud-onsmqtt20200420` is not installed.
        """
        try:
            from alibabacloud_onsmqtt20200420.client import Client  # noqa: PLC0415
            from alibabacloud_tea_openapi.utils_models import Config  # type: ignore[attr-defined]  # noqa: PLC0415
        except ImportError as error:
            raise LabError("sdk_client needs alibabacloud-onsmqtt20200420; install it") from error
        endpoint = self.api_url.removeprefix("http://")
        return Client(Config(_ANY_KEY, _ANY_KEY, endpoint=endpoint, protocol="http"))
