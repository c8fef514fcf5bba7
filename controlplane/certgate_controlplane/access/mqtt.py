"""Access keys as devices use them: the ``Signature|…`` login of MQTT."""

from collections.abc import Mapping
from pathlib import Path

from certgate_broker.login import SecretOf, nobody
from certgate_controlplane.access.credentials import load_credentials


def secret_of(credentials: Path | None, owners: Mapping[str, str]) -> SecretOf:
    """Make what the broker looks secrets up with.

    A key signs for the instances of its own account; a temporary key signs for none, since the
    login has no place for its security token.

    Args:
        credentials: file with the access keys; None where there are none.
        owners: account of each instance.

    Raises:
        CredentialsError: the file cannot be used.
    """
    if credentials is None:
        return nobody
    keys = load_credentials(credentials)

    def find(access_key_id: str, instance_id: str) -> str | None:
        key = keys.get(access_key_id)
        if key is None or not key.is_active or key.security_tokens:
            return None
        return key.access_key_secret if owners.get(instance_id) == key.account_id else None

    return find
