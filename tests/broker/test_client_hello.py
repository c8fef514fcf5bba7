"""The server name in a ClientHello, as real clients write it and as attackers might."""

import ssl

import pytest
from hypothesis import given
from hypothesis import strategies as st

from certgate_broker.client_hello import ClientHello

VERSIONS = pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])


def greeting(name: str | None, version: ssl.TLSVersion = ssl.TLSVersion.TLSv1_3) -> bytes:
    """Give what OpenSSL sends first."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.maximum_version = version
    context.check_hostname = False
    outgoing = ssl.MemoryBIO()
    with pytest.raises(ssl.SSLWantReadError):
        context.wrap_bio(ssl.MemoryBIO(), outgoing, server_hostname=name).do_handshake()
    return outgoing.read()


def records(hello: bytes, size: int) -> bytes:
    """Cut a ClientHello into smaller records (RFC 8446, 5.1)."""
    header, message = hello[:3], hello[5:]
    pieces = [message[i : i + size] for i in range(0, len(message), size)]
    return b"".join(header + len(piece).to_bytes(2, "big") + piece for piece in pieces)


@VERSIONS
@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("post-cn-b.localhost", "post-cn-b.localhost"),
        ("POST-cn-B.LocalHost", "post-cn-b.localhost"),
        ("a" * 63 + ".example", "a" * 63 + ".example"),
        (None, ""),
        ("127.0.0.1", ""),  # RFC 6066, 3: addresses are no server names, and OpenSSL sends none.
    ],
)
def test_real_client(name: str | None, told: str, version: ssl.TLSVersion) -> None:
    """The name that OpenSSL's client asks for is told, in lower case."""
    hello = ClientHello()
    sent = greeting(name, version)
    assert hello.feed(sent) == told
    assert bytes(hello.received) == sent


@VERSIONS
def test_byte_by_byte(version: ssl.TLSVersion) -> None:
    """However little comes at a time, the name is known with the last byte, and not before."""
    hello, sent = ClientHello(), greeting("lab.localhost", version)
    told = [hello.feed(sent[i : i + 1]) for i in range(len(sent))]
    assert told == [None] * (len(sent) - 1) + ["lab.localhost"]


@pytest.mark.parametrize("size", [1, 2, 3, 4, 5, 100])
def test_many_records(size: int) -> None:
    """A ClientHello in many records is one ClientHello."""
    sent = records(greeting("lab.localhost"), size)
    assert ClientHello().feed(sent) == "lab.localhost"


@given(cut=st.integers(0, 600), flip=st.integers(0, 600), value=st.integers(0, 255))
def test_spoilt(cut: int, flip: int, value: int) -> None:
    """A byte that is another, or an end too early, leads to some name, none, or a wait."""
    sent = bytearray(greeting("lab.localhost"))
    sent[flip % len(sent)] = value
    told = ClientHello().feed(bytes(sent[: cut or len(sent)]))
    assert told is None or isinstance(told, str)


@given(st.binary(max_size=300))
def test_anything(data: bytes) -> None:
    """Any bytes whatever are read without a fault."""
    ClientHello().feed(data)
    ClientHello().feed(b"\x16\x03\x01\x01\x00\x01\x00\x00\xfc" + data)


def test_other_than_a_handshake() -> None:
    """What is no TLS is left to OpenSSL at once."""
    for sent in (b"GET / HTTP/1.1", b"\x15\x03\x01", b"\x00"):
        assert ClientHello().feed(sent) == ""


@pytest.mark.parametrize("content", [b"", b"\x01"], ids=["empty", "one byte"])
def test_endless_hello_is_not_followed(content: bytes) -> None:
    """A ClientHello without end, in the smallest records there are, is followed for 64 KiB."""
    hello = ClientHello()
    assert hello.feed(b"\x16\x03\x01\x00\x04\x01\xff\xff\xff") is None
    record = b"\x16\x03\x01" + len(content).to_bytes(2, "big") + content
    for _ in range(100_000):
        if hello.feed(record) is not None:
            break
    assert 65_536 < len(hello.received) < 65_600
    assert hello.feed(record) == ""
