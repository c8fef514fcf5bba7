"""How a lab is set up, in one value; the command line and the test fixtures build it."""

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from certgate_broker.faults.values import Fault
from certgate_broker.limits import ConnectionLimits
from certgate_broker.policy import Policy
from certgate_controlplane.access.throttle import PER_SECOND
from certgate_controlplane.context import Limits
from certgate_controlplane.statuses import StatusProfile

DEFAULT_INSTANCE = "post-cn-local"
DEFAULT_ACCOUNT = "1234567890123456"
DEFAULT_MAX_CAS = Limits().cas_per_instance


class LabError(Exception):
    """The lab cannot start; the text says what is wrong and what to do."""


class Side(StrEnum):
    """Which side of the lab a process runs."""

    BOTH = "both"
    API = "api"
    BROKER = "broker"


@dataclass(frozen=True, slots=True)
class Settings:
    """How a lab is set up.

    Attributes:
        state_dir: the state directory; processes that share it share one lab.
        host: address that both sides listen on.
        api_port: TCP port of the API, 0 for a free one.
        mqtts_port: TCP port of MQTT over TLS, 0 for a free one.
        instance_ids: the instances; the first one serves devices that name none.
        server_names: further DNS names and addresses for the server's certificate.
        side: which side this process runs.
        allow_remote: an address that is not loopback may be listened on, though whoever reaches
            the API there may call it.
        credentials: file with the access keys that calls are signed with; None lets anybody call.
        accounts: account of each instance that does not belong to `DEFAULT_ACCOUNT`.
        throttle: calls a second for each account, 0 for any number.
        status_profile: which of the cloud's pages the HTTP statuses are taken from.
        max_cas: CA certificates that an instance may hold.
        policy: whom the broker admits and how it refuses.
        limits: how much of the broker a client gets.
        faults: what shall go wrong from the start.
        load: file with the scenario to start with; None leaves the registry as it is.
    """

    state_dir: Path = Path(".certgate")
    host: str = "127.0.0.1"
    api_port: int = 8080
    mqtts_port: int = 8883
    instance_ids: tuple[str, ...] = (DEFAULT_INSTANCE,)
    server_names: tuple[str, ...] = ()
    side: Side = Side.BOTH
    allow_remote: bool = False
    credentials: Path | None = None
    accounts: Mapping[str, str] = field(default_factory=dict)
    throttle: int = PER_SECOND
    status_profile: StatusProfile = StatusProfile.PER_OPERATION
    max_cas: int = DEFAULT_MAX_CAS
    policy: Policy = field(default_factory=Policy)
    limits: ConnectionLimits = field(default_factory=ConnectionLimits)
    faults: tuple[Fault, ...] = ()
    load: Path | None = None

    @property
    def owners(self) -> dict[str, str]:
        """Account of each instance."""
        return {each: self.accounts.get(each, DEFAULT_ACCOUNT) for each in self.instance_ids}

    @property
    def is_local(self) -> bool:
        """Whether only this machine can reach the lab."""
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost"

    @property
    def certificate_names(self) -> list[str]:
        """Names that devices may reach the broker by."""
        local = ["localhost", "127.0.0.1", "::1"]
        given = [] if self.host in {"0.0.0.0", "::"} else [self.host]  # noqa: S104  compared only
        instances = [f"{instance}.localhost" for instance in self.instance_ids]
        return list(dict.fromkeys([*local, *given, *instances, *self.server_names]))
