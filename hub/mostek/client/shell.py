"""What all commands of `mostek` share: where the hub is, and how a call ends on a terminal."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Coroutine
from typing import Annotated, Any, NoReturn, TypeVar

import typer

from mostek.client.output import show_failure
from mostek.wire.failures import CommandFailure

__all__ = ["DEFAULT_HUB", "Hub", "Json", "done", "refuse"]

T = TypeVar("T")

Hub = Annotated[str, typer.Option("--hub", envvar="MOSTEK_HUB", help="The hub's API, host:port.")]
Json = Annotated[bool, typer.Option("--json", help="JSON, on a terminal too.")]

DEFAULT_HUB = "127.0.0.1:7443"


def done(work: Coroutine[Any, Any, T]) -> T:
    """What the work came to; a failure is shown and ends the process."""
    try:
        return asyncio.run(work)
    except CommandFailure as failure:
        show_failure(failure)
        raise typer.Exit(3 if failure.retriable else 1) from failure


def refuse(text: str) -> NoReturn:
    """Wrong usage: the process ends."""
    print(f"error: {text}", file=sys.stderr)
    raise typer.Exit(2)
