"""How a lab of the toolkit is set up: keyword arguments instead of a command line."""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Any, TypedDict

from certgate_broker.limits import ConnectionLimits
from certgate_broker.policy import (
    IdentifierBinding,
    IdentifierForm,
    LiveSessionRule,
    MqttAuth,
    Policy,
    RefusalStyle,
)
from certgate_controlplane.faults import read_fault
from certgate_controlplane.settings import LabError, Settings
from certgate_controlplane.statuses import StatusProfile


class Options(TypedDict, total=False):
    """Options of `Lab` and `AsyncLab`; each one means what it means to ``certgate serve``.

    Attributes:
        state_dir: the state directory; a temporary one, gone with the lab, unless it is given.
        host: address to listen on.
        api_port: TCP port of the API, 0 (the default) for a free one.
        mqtts_port: TCP port of MQTT over TLS, 0 (the default) for a free one.
        instance_ids: the instances; the first one serves devices that name none.
        refusal: ``connack-5``, ``connack-4``, ``close`` or ``alert``.
        live_sessions: ``keep`` or ``close``.
        client_id_binding: ``first-use``, ``none`` or ``common-name``.
        client_id_form: ``any`` or ``cloud``.
        mqtt_auth: ``certificate`` or ``certificate+signature``.
        limits: names and numbers as ``--limit`` takes them.
        credentials: file with the access keys that calls are signed with.
        accounts: account of each instance that does not belong to the default one.
        throttle: calls a second for each account, 0 for any number.
        status_profile: ``per-operation`` or ``adjusted``.
        max_cas: CA certificates an instance may hold.
        faults: what shall go wrong from the start, as ``--fault`` takes it.
        load: file with the scenario to begin with.
    """

    state_dir: Path
    host: str
    api_port: int
    mqtts_port: int
    instance_ids: tuple[str, ...]
    refusal: RefusalStyle | str
    live_sessions: LiveSessionRule | str
    client_id_binding: IdentifierBinding | str
    client_id_form: IdentifierForm | str
    mqtt_auth: MqttAuth | str
    limits: Mapping[str, float]
    credentials: Path
    accounts: Mapping[str, str]
    throttle: int
    status_profile: StatusProfile | str
    max_cas: int
    faults: Sequence[str]
    load: Path


_POLICY: Mapping[str, type[StrEnum]] = {
    "refusal": RefusalStyle,
    "live_sessions": LiveSessionRule,
    "client_id_binding": IdentifierBinding,
    "client_id_form": IdentifierForm,
    "mqtt_auth": MqttAuth,
}


def settings_of(options: Options, state_dir: Path) -> Settings:
    """Read options.

    Args:
        options: as given.
        state_dir: the state directory, where the options name none.

    Raises:
        LabError: an option is not known, or cannot have this value.
        FaultError: a fault is not known, or cannot be so.
    """
    unknown = sorted(set(options) - set(Options.__annotations__))
    if unknown:
        raise LabError(f"a lab has no option {unknown[0]!r}")
    given: dict[str, Any] = {"state_dir": state_dir, "api_port": 0, "mqtts_port": 0, **options}
    given["faults"] = tuple(map(read_fault, given.pop("faults", ())))
    if "status_profile" in given:
        given["status_profile"] = _read("status_profile", StatusProfile, given["status_profile"])
    chosen = {
        name: _read(name, kind, given.pop(name)) for name, kind in _POLICY.items() if name in given
    }
    given["policy"] = Policy(**chosen)
    try:
        given["limits"] = ConnectionLimits(**given.pop("limits", {}))
    except TypeError as error:
        raise LabError(f"there is no such limit: {error}") from error
    return Settings(**given)


def _read(name: str, kind: type[StrEnum], value: str) -> Any:  # noqa: ANN401  one of that kind
    try:
        return kind(value)
    except ValueError:
        raise LabError(f"{name} is one of {', '.join(kind)}, not {value!r}") from None
