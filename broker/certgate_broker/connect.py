"""Read an MQTT CONNECT packet from bytes, and write its answer; no socket in sight.

Section numbers are those of MQTT 3.1.1 (OASIS Standard, 29 October 2014).
"""

import secrets
from dataclasses import dataclass

from certgate_broker.fields import Fields, Malformed, remaining_length
from certgate_broker.reasons import Reason, ReturnCode

_CONNECT = 0x10
_LEVEL_3_1_1 = 4
_OTHER_VERSIONS = {(b"MQIsdp", 3), (b"MQTT", 5)}
_CLEAN_SESSION, _WILL, _WILL_QOS, _WILL_RETAIN, _PASSWORD, _USER_NAME = 2, 4, 0x18, 0x20, 0x40, 0x80
_RESERVED = 1


class ConnectRefused(Exception):  # noqa: N818  a refusal, not a failure of ours
    """The client's first bytes cannot be taken as a CONNECT.

    Args:
        reason: what is wrong.
        detail: the rule that was broken.
        return_code: what a CONNACK says about it; the reason's own where None.
    """

    def __init__(self, reason: Reason, detail: str, return_code: ReturnCode | None = None) -> None:
        super().__init__(detail)
        self.reason = reason
        self.return_code = reason.return_code if return_code is None else return_code


@dataclass(frozen=True, slots=True)
class Will:
    """What is to be published where the client goes without a word (3.1.2.5).

    Attributes:
        topic: topic name.
        message: what it carries.
        qos: 0 to 2.
        retain: it is to be retained.
    """

    topic: str
    message: bytes
    qos: int
    retain: bool


@dataclass(frozen=True, slots=True)
class Connect:
    """A CONNECT packet.

    Attributes:
        client_id: the client identifier; a random one where the client left it to the broker.
        client_id_assigned: the client left it to the broker.
        clean_session: the Clean Session flag.
        keep_alive: seconds, 0 for none.
        user_name: or None.
        password: or None.
        will: or None.
        rest: bytes that came after it.
    """

    client_id: str
    client_id_assigned: bool
    clean_session: bool
    keep_alive: int
    user_name: str | None
    password: bytes | None
    will: Will | None
    rest: bytes


def read_connect(data: bytes, limit: int) -> Connect | None:
    """Read the CONNECT packet at the start of what a client has sent.

    Args:
        data: everything received so far.
        limit: the most bytes the packet may have after its fixed header.

    Returns:
        The packet, or None where more bytes are needed.

    Raises:
        ConnectRefused: no CONNECT, too large, malformed, or of another protocol version.
    """
    if data and data[0] != _CONNECT:
        raise ConnectRefused(Reason.CONNECT_MALFORMED, "the first packet is no CONNECT (3.1)")
    try:
        start, length = remaining_length(data)
        if length > limit:
            raise ConnectRefused(Reason.CONNECT_TOO_LARGE, f"{length} bytes, {limit} are allowed")
        if start == 0 or len(data) < start + length:
            return None
        return _parse(data[start : start + length], data[start + length :])
    except Malformed as error:
        raise ConnectRefused(Reason.CONNECT_MALFORMED, str(error)) from None


def _parse(body: bytes, rest: bytes) -> Connect:
    fields = Fields(body)
    _check_version(fields.binary(), fields.number(1))
    flags = fields.number(1)
    _check_flags(flags)
    keep_alive = fields.number(2)
    client_id = fields.text()
    will = _will(fields, flags) if flags & _WILL else None
    user_name = fields.text() if flags & _USER_NAME else None
    password = fields.binary() if flags & _PASSWORD else None
    fields.end()
    return Connect(
        client_id=client_id or _random_identifier(flags),
        client_id_assigned=not client_id,
        clean_session=bool(flags & _CLEAN_SESSION),
        keep_alive=keep_alive,
        user_name=user_name,
        password=password,
        will=will,
        rest=rest,
    )


def _check_version(name: bytes, level: int) -> None:
    if (name, level) in _OTHER_VERSIONS:
        raise ConnectRefused(Reason.PROTOCOL_VERSION_UNSUPPORTED, f"protocol level {level}")
    if name != b"MQTT":
        raise Malformed("the protocol name is not MQTT (3.1.2.1)")
    if level != _LEVEL_3_1_1:
        raise ConnectRefused(Reason.PROTOCOL_VERSION_UNSUPPORTED, f"protocol level {level}")


def _check_flags(flags: int) -> None:
    if flags & _RESERVED:
        raise Malformed("the reserved connect flag is set (3.1.2.3)")
    if not flags & _WILL and flags & (_WILL_QOS | _WILL_RETAIN):
        raise Malformed("will QoS or will retain without a will (3.1.2.6, 3.1.2.7)")
    if flags & _WILL_QOS == _WILL_QOS:
        raise Malformed("will QoS 3 (3.1.2.6)")
    if flags & _PASSWORD and not flags & _USER_NAME:
        raise Malformed("a password without a user name (3.1.2.9)")


def _will(fields: Fields, flags: int) -> Will:
    topic = fields.text()
    if not topic or "+" in topic or "#" in topic:
        raise Malformed("the will topic is empty or has a wildcard (4.7.1, 4.7.3)")
    if topic.startswith("$"):
        raise Malformed("the will topic starts with $, which is the broker's own (4.7.2)")
    qos = (flags & _WILL_QOS) >> 3
    return Will(topic, fields.binary(), qos, bool(flags & _WILL_RETAIN))


def _random_identifier(flags: int) -> str:
    if not flags & _CLEAN_SESSION:
        raise ConnectRefused(
            Reason.CONNECT_MALFORMED,
            "no client identifier, and clean session is not set (3.1.3.1)",
            ReturnCode.IDENTIFIER_REJECTED,
        )
    return f"certgate-{secrets.token_hex(8)}"


def write_connack(code: ReturnCode, *, session_present: bool = False) -> bytes:
    """Write the answer to a CONNECT packet (3.2).

    Args:
        code: what becomes of the client.
        session_present: the broker goes on with a session it has stored.
    """
    return bytes([0x20, 2, session_present, code])
