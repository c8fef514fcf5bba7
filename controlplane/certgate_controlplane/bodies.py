"""Bodies of requests to the lab's own door: read, but not without end."""

from starlette.requests import Request

_MOST = 65_536


class BodyTooLongError(ValueError):
    """A body is longer than anything that is asked for there."""

    def __init__(self) -> None:
        super().__init__(f"that is more than {_MOST} bytes")


async def short_body(request: Request) -> bytes:
    """Read a body.

    Args:
        request: the request.

    Raises:
        BodyTooLongError: it is longer than 64 KiB; the rest of it is not read.
    """
    received = bytearray()
    async for piece in request.stream():
        received += piece
        if len(received) > _MOST:
            raise BodyTooLongError
    return bytes(received)
