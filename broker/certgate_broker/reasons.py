"""Why a connection is refused, each reason with one sentence for people."""

from enum import IntEnum, StrEnum


class ReturnCode(IntEnum):
    """CONNACK return codes (MQTT 3.1.1, table 3.1)."""

    ACCEPTED = 0
    UNACCEPTABLE_PROTOCOL_VERSION = 1
    IDENTIFIER_REJECTED = 2
    SERVER_UNAVAILABLE = 3
    BAD_USER_NAME_OR_PASSWORD = 4
    NOT_AUTHORIZED = 5


class Reason(StrEnum):
    """A finding that refuses a connection; the value is its name in decision records."""

    NO_CLIENT_CERTIFICATE = "no_client_certificate"
    HANDSHAKE_FAILED = "handshake_failed"
    CONNECT_TIMEOUT = "connect_timeout"
    CONNECT_TOO_LARGE = "connect_too_large"
    CONNECT_MALFORMED = "connect_malformed"
    PROTOCOL_VERSION_UNSUPPORTED = "protocol_version_unsupported"
    CA_NOT_REGISTERED = "ca_not_registered"
    CA_INACTIVE = "ca_inactive"
    CHAIN_INVALID = "chain_invalid"
    CERTIFICATE_UNACCEPTABLE = "certificate_unacceptable"
    CERTIFICATE_EXPIRED = "certificate_expired"
    CERTIFICATE_NOT_YET_VALID = "certificate_not_yet_valid"
    DEVICE_INACTIVE = "device_inactive"
    SERIAL_NUMBER_REUSED = "serial_number_reused"
    CLIENT_IDENTIFIER_BOUND_ELSEWHERE = "client_identifier_bound_elsewhere"
    CLIENT_IDENTIFIER_UNACCEPTABLE = "client_identifier_unacceptable"
    SIGNATURE_INVALID = "signature_invalid"
    TOO_MANY_CONNECTIONS = "too_many_connections"
    SESSION_RESUMED = "session_resumed"
    REGISTRY_UNAVAILABLE = "registry_unavailable"
    FAULT_INJECTED = "fault_injected"

    @property
    def sentence(self) -> str:
        """What it means, for people."""
        return _SENTENCES[self]

    @property
    def return_code(self) -> ReturnCode:
        """The CONNACK return code that MQTT has for it."""
        return _RETURN_CODES.get(self, ReturnCode.NOT_AUTHORIZED)


_SENTENCES = {
    Reason.NO_CLIENT_CERTIFICATE: "The client sent no certificate.",
    Reason.HANDSHAKE_FAILED: "The TLS handshake failed.",
    Reason.CONNECT_TIMEOUT: "No complete CONNECT packet came in time.",
    Reason.CONNECT_TOO_LARGE: "The CONNECT packet is larger than the broker takes.",
    Reason.CONNECT_MALFORMED: "The first packet is not a well-formed CONNECT.",
    Reason.PROTOCOL_VERSION_UNSUPPORTED: "The client does not speak MQTT 3.1.1.",
    Reason.CA_NOT_REGISTERED: "No CA registered with this instance issued the certificate.",
    Reason.CA_INACTIVE: "The CA certificate is inactive.",
    Reason.CHAIN_INVALID: "The certificate names a registered CA but does not lead to it.",
    Reason.CERTIFICATE_UNACCEPTABLE: "The certificate is not one a device may use.",
    Reason.CERTIFICATE_EXPIRED: "The device certificate or one above it has expired.",
    Reason.CERTIFICATE_NOT_YET_VALID: "The device certificate or one above it is not valid yet.",
    Reason.DEVICE_INACTIVE: "The device certificate is inactive.",
    Reason.SERIAL_NUMBER_REUSED: "The CA gave this serial number to another certificate too.",
    Reason.CLIENT_IDENTIFIER_BOUND_ELSEWHERE: "The client identifier belongs to another device.",
    Reason.CLIENT_IDENTIFIER_UNACCEPTABLE: "The client identifier is not one for this device.",
    Reason.SIGNATURE_INVALID: "User name and password do not sign the client identifier.",
    Reason.TOO_MANY_CONNECTIONS: "The broker has as many connections as it takes.",
    Reason.SESSION_RESUMED: "Behind amqtt's own listener nobody knows who resumes a session.",
    Reason.REGISTRY_UNAVAILABLE: "The registry cannot be used, so nobody is admitted.",
    Reason.FAULT_INJECTED: "A fault was set on purpose, and it struck this connection.",
}

_RETURN_CODES = {
    Reason.PROTOCOL_VERSION_UNSUPPORTED: ReturnCode.UNACCEPTABLE_PROTOCOL_VERSION,
    Reason.SIGNATURE_INVALID: ReturnCode.BAD_USER_NAME_OR_PASSWORD,
    Reason.TOO_MANY_CONNECTIONS: ReturnCode.SERVER_UNAVAILABLE,
    Reason.REGISTRY_UNAVAILABLE: ReturnCode.SERVER_UNAVAILABLE,
}
