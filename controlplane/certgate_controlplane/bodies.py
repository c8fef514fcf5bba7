"""Bodies of requests, read but not without end, and of refusals at the lab's own door."""

from starlette.requests import Request
from starlette.responses import JSONResponse

SHORT = 65_536
"""More than anything that is told the lab's own door, scenarios apart, bytes."""


class BodyTooLongError(ValueError):
    """A body is longer than is read there.

    Args:
        most: how long it may be, bytes.
    """

    def __init__(self, most: int) -> None:
        super().__init__(f"that is more than {most} bytes")


async def read_body(request: Request, most: int = SHORT) -> bytes:
    """Read a body.

    Args:
        request: the request.
        most: how long it may be, bytes.

    Raises:
        BodyTooLongError: it is longer; the rest of it is not read.
    """
    received = bytearray()
    async for piece in request.stream():
        received += piece
        if len(received) > most:
            raise BodyTooLongError(most)
    return bytes(received)


def refused(message: object, code: str = "BadRequest", status: int = 400) -> JSONResponse:
    """Say in one sentence why the lab's own door does not do what it was asked.

    Args:
        message: the sentence.
        code: for programs.
        status: HTTP status.
    """
    return JSONResponse({"Code": code, "Message": str(message)}, status_code=status)
