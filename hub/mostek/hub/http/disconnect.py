"""A caller that goes away ends what was done for it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

from starlette.types import Receive

from mostek.wire.failures import Cancelled

__all__ = ["unless_gone"]

T = TypeVar("T")


async def unless_gone(receive: Receive, work: Awaitable[T]) -> T:
    """The result of `work`. If the caller goes away first, `work` is cancelled and Cancelled raised.

    The request's body must have been read, if it is wanted.
    """
    waiting = asyncio.current_task()
    assert waiting is not None
    gone = False

    async def watch() -> None:
        nonlocal gone
        while (await receive())["type"] != "http.disconnect":
            pass
        gone = True
        waiting.cancel()

    watching = asyncio.create_task(watch())
    try:
        return await work
    except asyncio.CancelledError:
        if not gone or waiting.uncancel():
            raise
        raise Cancelled("The caller went away.") from None
    finally:
        watching.cancel()
