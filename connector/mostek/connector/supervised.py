"""A connector that a launcher runs: waits for its word, tells it how things are, ends when it is gone."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
import threading
from collections.abc import Callable, Sequence
from typing import BinaryIO, Self

import structlog

from mostek.connector.companies import Company
from mostek.connector.launcher.words import AWAY, GO, LOADED, READY
from mostek.connector.link import Link

__all__ = ["Supervisor"]

#: Seconds between looks at what the launcher is to be told.
LOOK_EVERY = 0.2
#: Seconds beyond `stop_grace` after which a connector that does not end is ended: its launcher is gone, and another
#: one may already wait for the state folder.
END_WITHIN = 30.0


class Supervisor:
    """The connector's end of `mostek.connector.launcher.words`."""

    def __init__(self, hears: BinaryIO, tells: BinaryIO) -> None:
        self._hears = hears
        self._tells = tells
        self._told = ""

    @classmethod
    def by_stdio(cls) -> Self:
        """Takes stdin and stdout; what else is printed goes to stderr from now on."""
        tells = os.fdopen(os.dup(sys.stdout.fileno()), "wb", buffering=0)
        os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
        return cls(os.fdopen(sys.stdin.fileno(), "rb", buffering=0, closefd=False), tells)

    def wait_for_go(self) -> bool:
        """Say that all is loaded, and wait; False: the launcher does not want this connector."""
        self._tell(LOADED)
        return self._hears.readline().strip() == GO.encode()

    def stop_when_gone(self, stop: Callable[[], object], grace: float) -> None:
        """Call `stop`, from another thread, when the launcher says so or is gone; then end within `grace` and some."""

        def listen() -> None:
            while self._hears.readline():
                continue
            # A connector that ends already has no loop any more.
            with contextlib.suppress(RuntimeError):
                stop()
            threading.Event().wait(grace + END_WITHIN)
            structlog.get_logger().error("the connector did not end; the process does")
            sys.stderr.flush()
            os._exit(1)

        threading.Thread(target=listen, daemon=True, name="launcher").start()

    async def report(self, link: Link, companies: Sequence[Company]) -> None:
        """Tell the launcher whenever something changes; until cancelled."""
        while True:
            up = sorted(company.name for company in companies if company.up)
            told = " ".join((READY, *up)) if link.connected else AWAY
            if told != self._told:
                self._tell(told)
            await asyncio.sleep(LOOK_EVERY)

    def _tell(self, line: str) -> None:
        self._told = line
        try:
            self._tells.write(f"{line}\n".encode())
        except OSError:
            # The launcher is gone, which is seen by the thread that listens.
            return
