"""What the operator chose: identifiers, how refusals look, what becomes of open connections."""

import re
from dataclasses import dataclass
from enum import StrEnum

_CLOUD_FORM = re.compile(r"GID[_-][A-Za-z0-9_-]{3,60}@@@.+", re.DOTALL)
_CLOUD_LENGTH = 64


class IdentifierBinding(StrEnum):
    """To whom a client identifier belongs."""

    NONE = "none"
    FIRST_USE = "first-use"
    COMMON_NAME = "common-name"


class IdentifierForm(StrEnum):
    """What a client identifier looks like."""

    ANY = "any"
    CLOUD = "cloud"

    def allows(self, client_id: str) -> bool:
        """Tell whether an identifier has this form.

        Args:
            client_id: the identifier; the cloud's are ``<group id>@@@<device id>`` with at most 64
                characters, the group id beginning with ``GID_`` or ``GID-``.
        """
        if self is IdentifierForm.ANY:
            return True
        return len(client_id) <= _CLOUD_LENGTH and _CLOUD_FORM.fullmatch(client_id) is not None


class RefusalStyle(StrEnum):
    """How a refusal looks to the client; the reason is in the decision record whatever the style.

    `ALERT` gives a TLS alert wherever TLS can give one, that is in the handshake where the CA is
    unknown or inactive, and hangs up silently elsewhere.
    """

    CONNACK_5 = "connack-5"
    CONNACK_4 = "connack-4"
    CLOSE = "close"
    ALERT = "alert"


class LiveSessionRule(StrEnum):
    """What becomes of open connections when their CA or device is inactivated or deleted."""

    KEEP = "keep"
    CLOSE = "close"


class MqttAuth(StrEnum):
    """What a client has to show."""

    CERTIFICATE = "certificate"
    CERTIFICATE_AND_SIGNATURE = "certificate+signature"


@dataclass(frozen=True, slots=True)
class Policy:
    """What the operator chose.

    Attributes:
        client_id_binding: `FIRST_USE` gives an identifier to the device that first used it, until
            that device's record is deleted or a newer certificate of the same subject and CA
            takes it over; `COMMON_NAME` demands the certificate's common name; `NONE` lets any
            admitted device use any identifier.
        client_id_form: what an identifier has to look like.
        refusal: how a refusal looks to the client.
        live_sessions: what becomes of open connections.
        mqtt_auth: what a client has to show beside its certificate; user name and password are
            accepted as they are unless a signature is asked for.
    """

    client_id_binding: IdentifierBinding = IdentifierBinding.FIRST_USE
    client_id_form: IdentifierForm = IdentifierForm.ANY
    refusal: RefusalStyle = RefusalStyle.CONNACK_5
    live_sessions: LiveSessionRule = LiveSessionRule.KEEP
    mqtt_auth: MqttAuth = MqttAuth.CERTIFICATE
