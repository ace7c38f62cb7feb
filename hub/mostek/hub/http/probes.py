"""`/livez` and `/readyz`, for those who watch the process."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

__all__ = ["livez", "readyz"]


async def livez(_: Request) -> Response:
    """The process turns its loop: also a busy hub does."""
    return PlainTextResponse("alive\n")


def readyz(ready: Callable[[], bool]) -> Callable[[Request], Awaitable[Response]]:
    """Whether calls are wanted here: 200, or 503 while the hub starts and drains."""

    async def respond(_: Request) -> Response:
        if ready():
            return PlainTextResponse("ready\n")
        return PlainTextResponse("not ready\n", 503)

    return respond
