"""The server name that a client asks for, read from its ClientHello before OpenSSL sees it.

OpenSSL resumes a TLS 1.2 session whatever name is asked for, and then tells the name that the
session was made for; RFC 6066, 3, forbids the first and so makes the second unthinkable.
"""

_HANDSHAKE = 22
_RECORD_HEADER, _MESSAGE_HEADER = 5, 4
_VERSION_AND_RANDOM = 2 + 32
_HOST_NAME = b"\0\0"
_MOST = 65_536
"""Bytes that are looked at; OpenSSL takes fewer for a ClientHello."""


class ClientHello:
    """Puts the records of a ClientHello together (RFC 8446, 5.1).

    Attributes:
        received: all that has come so far, for OpenSSL.
    """

    def __init__(self) -> None:
        self.received = bytearray()
        self._record = 0
        self._message = bytearray()

    def feed(self, data: bytes) -> str | None:
        """Take what has come.

        Args:
            data: the next bytes of the connection.

        Returns:
            The server name in lower case; "" where none is asked for, or where the bytes are no
            ClientHello and OpenSSL will say so; None where more are needed.
        """
        self.received += data
        while self._is_incomplete():
            header = self.received[self._record : self._record + _RECORD_HEADER]
            if (header and header[0] != _HANDSHAKE) or len(self.received) > _MOST:
                return ""
            end = self._record + _RECORD_HEADER + int.from_bytes(header[3:], "big")
            if len(header) < _RECORD_HEADER or len(self.received) < end:
                return None
            self._message += self.received[self._record + _RECORD_HEADER : end]
            self._record = end
        return _server_name(bytes(self._message))

    def _is_incomplete(self) -> bool:
        length = int.from_bytes(self._message[1:_MESSAGE_HEADER], "big")
        return len(self._message) < _MESSAGE_HEADER + length


def _server_name(message: bytes) -> str:
    """Walk through a ClientHello (RFC 8446, 4.1.2) to its server name (RFC 6066, 3)."""
    rest = message[_MESSAGE_HEADER + _VERSION_AND_RANDOM :]
    for width in (1, 2, 1):  # Session id, cipher suites, compression methods.
        _, rest = _vector(rest, width)
    extensions, _ = _vector(rest, 2)
    while extensions:
        kind = extensions[:2]
        content, extensions = _vector(extensions[2:], 2)
        if kind == _HOST_NAME:
            names, _ = _vector(content, 2)
            name, _ = _vector(names[1:], 2)  # After its type; there is but one.
            return name.decode("ascii", "replace").lower()
    return ""


def _vector(data: bytes, width: int) -> tuple[bytes, bytes]:
    """Split off a vector whose length stands before it in so many bytes."""
    end = width + int.from_bytes(data[:width], "big")
    return data[width:end], data[end:]
