"""CONNECT packets of any content, whole, cut and damaged."""

from dataclasses import replace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from broker.test_connect import LIMIT, MALFORMED, TOO_LARGE, VERSION, field, judged, length
from certgate_broker.connect import Connect, ConnectRefused, Will, read_connect

TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=40)
TOPIC = TEXT.filter(lambda text: text != "" and text[0] != "$" and not {"+", "#"} & set(text))
WILL = st.none() | st.tuples(TOPIC, st.binary(max_size=300), st.integers(0, 2), st.booleans())
LOGIN = st.none() | st.tuples(TEXT, st.none() | st.binary(max_size=300))


@st.composite
def packets(draw: Any) -> tuple[bytes, Connect]:
    """Write any well-formed CONNECT with an identifier, and what has to be read from it."""
    client_id, clean = draw(TEXT.filter(bool)), draw(st.booleans())
    keep_alive, will, login = draw(st.integers(0, 65_535)), draw(WILL), draw(LOGIN)
    flags, rest = 2 * clean, b""
    if will is not None:
        flags |= 4 | will[2] << 3 | will[3] << 5
        rest += field(will[0]) + field(will[1])
    user, password = login or (None, None)
    if user is not None:
        flags, rest = flags | 0x80, rest + field(user)
    if password is not None:
        flags, rest = flags | 0x40, rest + field(password)
    head = b"\x00\x04MQTT\x04" + bytes([flags]) + keep_alive.to_bytes(2, "big")
    body = head + field(client_id) + rest
    data = b"\x10" + length(len(body)) + body
    last_words = None if will is None else Will(*will)
    said = (client_id, not client_id, clean, keep_alive, user, password, last_words)
    return data, Connect(*said, b"")


class TestAnyBytes:
    """Whatever comes."""

    @given(packets(), st.binary(max_size=20))
    def test_what_was_written_is_read(self, made: tuple[bytes, Connect], more: bytes) -> None:
        """Every well-formed packet is read back, and what follows it is kept."""
        data, expected = made
        assert read_connect(data + more, LIMIT) == replace(expected, rest=more)

    @given(packets())
    def test_every_piece_but_the_whole_waits(self, made: tuple[bytes, Connect]) -> None:
        """However a packet is cut, its beginning is neither accepted nor refused."""
        data, expected = made
        assert {read_connect(data[:cut], LIMIT) for cut in range(len(data))} == {None}
        assert read_connect(data, LIMIT) == expected

    @given(st.binary(max_size=200) | st.binary(max_size=200).map(lambda tail: b"\x10" + tail))
    def test_nothing_else_is_raised(self, data: bytes) -> None:
        """Arbitrary bytes are waited for, refused or read, and nothing else happens."""
        try:
            found = read_connect(data, LIMIT)
        except ConnectRefused as refused:
            outcome = refused.reason in {MALFORMED, TOO_LARGE, VERSION}
        else:
            outcome = found is None or data.startswith(b"\x10")
        assert outcome

    @given(packets(), st.data())
    def test_mutations_are_read_as_the_engine_reads_them(
        self, made: tuple[bytes, Connect], data: st.DataObject
    ) -> None:
        """Of a damaged packet that is still accepted amqtt reads the same, down to the byte."""
        damaged = bytearray(made[0])
        for _ in range(data.draw(st.integers(1, 3))):
            damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))
        try:
            found = read_connect(bytes(damaged), LIMIT)
        except ConnectRefused:
            return
        if found is not None:
            assert agrees(found, bytes(damaged))


def agrees(found: Connect, data: bytes) -> bool:
    """Tell whether amqtt reads a packet as it was read here."""
    foreign = judged(data[: len(data) - len(found.rest)])
    will = foreign.will_flag and Will(
        foreign.will_topic or "",
        bytes(foreign.will_message or b""),
        foreign.will_qos,
        foreign.will_retain_flag,
    )
    named = found.client_id_assigned or foreign.client_id == found.client_id
    ours = (found.clean_session, found.keep_alive, found.user_name, found.will)
    theirs = (foreign.clean_session_flag, foreign.keep_alive, foreign.username, will or None)
    return named and ours == theirs and foreign.password in texts(found.password)


def texts(password: bytes | None) -> set[str | None]:
    """Give what amqtt makes of a password: it takes one for text, or writes down its bytes."""
    try:
        return {None if password is None else password.decode()}
    except UnicodeDecodeError:
        return {str(password)}
