"""What all commands of `mostek` share: where the hub is, and how a call ends on a terminal."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Coroutine
from contextvars import ContextVar
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, NoReturn, TypeVar

import typer

from mostek.client.client import Client
from mostek.client.output import show_failure
from mostek.wire.failures import CommandFailure, Invalid

__all__ = ["DEFAULT_HUB", "Hub", "Json", "connect", "done", "identify", "refuse"]

T = TypeVar("T")

Hub = Annotated[str, typer.Option("--hub", envvar="MOSTEK_HUB", help="The hub's API, host:port.")]
Json = Annotated[bool, typer.Option("--json", help="JSON, on a terminal too.")]

DEFAULT_HUB = "127.0.0.1:7443"


@dataclass(frozen=True)
class _Identity:
    key: str = field(default="", repr=False)
    ca: Path | None = None


_identity: ContextVar[_Identity] = ContextVar("identity")


def identify(key_file: Path | None, ca: Path | None) -> None:
    """What every call of this process shows to the hub: the key of a file, or that of MOSTEK_KEY."""
    key = os.environ.get("MOSTEK_KEY", "")
    if key_file is not None:
        try:
            key = key_file.read_text(encoding="ascii").strip()
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "it is not ASCII"
            refuse(f"the key file {key_file} can't be read: {reason}.")
    _identity.set(_Identity(key, ca))


def connect(hub: str, timeout: float = 30.0) -> Client:
    """A connection to the hub, as whom the command was told to call. Wrong usage ends the process."""
    shown = _identity.get()
    try:
        return Client(hub, key=shown.key, ca=shown.ca, timeout=timeout)
    except Invalid as wrong:
        refuse(wrong.message)


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
