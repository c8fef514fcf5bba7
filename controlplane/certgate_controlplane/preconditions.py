"""What has to hold of the settings before anything is started."""

import re

from certgate_broker.policy import MqttAuth
from certgate_controlplane.access.credentials import ACCOUNT_ID
from certgate_controlplane.settings import LabError, Settings

_INSTANCE_ID = re.compile(r"[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?")
"""A label of a server name (RFC 1123, 2.1): the first one names the instance."""


def check(settings: Settings) -> None:
    """Look for what cannot be started, or must not be.

    Args:
        settings: how a lab is to be set up.

    Raises:
        LabError: an instance or account id cannot be one, access keys are missing where they are
            needed, or the API would be open to the network.
    """
    _check_host(settings)
    _check_login(settings)
    for instance_id in settings.instance_ids:
        _check_instance_id(instance_id)
    for account in settings.accounts.values():
        if not ACCOUNT_ID.fullmatch(account):
            raise LabError(f"{account!r} cannot be an account id: use up to 32 digits")


def _check_host(settings: Settings) -> None:
    if not (settings.is_local or settings.allow_remote or settings.credentials):
        raise LabError(
            f"{settings.host} is not loopback, and the API does not check who calls it:"
            " name access keys with --credentials, or add --allow-remote if everybody who can"
            " reach this machine may do so"
        )


def _check_login(settings: Settings) -> None:
    signed = settings.policy.mqtt_auth is MqttAuth.CERTIFICATE_AND_SIGNATURE
    if signed and settings.credentials is None:
        raise LabError(
            "--mqtt-auth certificate+signature needs access keys: name them with --credentials"
        )


def _check_instance_id(instance_id: str) -> None:
    if not _INSTANCE_ID.fullmatch(instance_id):
        raise LabError(
            f"{instance_id!r} cannot be an instance id, because devices name theirs in the"
            " server name: use up to 63 letters, digits and hyphens"
        )
