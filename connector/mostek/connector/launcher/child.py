"""A version that runs as a process of the launcher."""

from __future__ import annotations

import contextlib
import subprocess
import threading
import time
from collections.abc import Callable, Sequence
from typing import IO

from mostek.connector.launcher.words import AWAY, GO, LOADED, READY

__all__ = ["Child", "Failed"]

#: Between looks at what a version has said.
LOOK_EVERY = 0.05


class Failed(Exception):
    """A version did not do what it must; the message says what, after its name."""


class Child:
    """One process. It is told by its stdin and tells by its stdout; when the launcher dies, its stdin ends."""

    def __init__(self, command: Sequence[str], log: Callable[[bytes], None] | None = None) -> None:
        """Raises Failed: it can't be started. `log` takes the lines of its stderr; None: they go where ours go."""
        try:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=None if log is None else subprocess.PIPE,
            )
        except OSError as error:
            raise Failed(f"can't be started: {error.strerror}") from None
        self.loaded = False
        #: The companies that it serves; None: it has no session.
        self.serves: frozenset[str] | None = None
        self._listening = [threading.Thread(target=self._listen, daemon=True, name="listen")]
        if log is not None:
            errors = self._process.stderr
            assert errors is not None
            self._listening.append(
                threading.Thread(target=_pass_on, args=(errors, log), daemon=True, name="log")
            )
        for thread in self._listening:
            thread.start()

    @property
    def ended(self) -> int | None:
        """Its exit status, once it has ended."""
        return self._process.poll()

    def go(self) -> None:
        """The one before is gone. That it can't be told shows by its end."""
        assert self._process.stdin is not None
        with contextlib.suppress(OSError):
            self._process.stdin.write(f"{GO}\n".encode())
            self._process.stdin.flush()

    def wait_until(
        self, holds: Callable[[Child], bool], ends: float, else_: Callable[[Child], str]
    ) -> None:
        """Raises Failed if it does not hold by the moment `ends` (monotonic), or the process ends before."""
        while not holds(self):
            if (status := self.ended) is not None:
                raise Failed(f"ended by itself with status {status}")
            if time.monotonic() > ends:
                raise Failed(else_(self))
            time.sleep(LOOK_EVERY)

    def stop(self, within: float) -> None:
        """Have it say goodbye and end; after `within` seconds it is killed."""
        assert self._process.stdin is not None
        with contextlib.suppress(OSError):
            self._process.stdin.close()
        try:
            self._process.wait(within)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        for thread in self._listening:
            # What the version has started may still hold the pipes.
            thread.join(1.0)

    def _listen(self) -> None:
        assert self._process.stdout is not None
        with self._process.stdout as said:
            for line in said:
                self._take(line)
        self.serves = None

    def _take(self, line: bytes) -> None:
        match line.decode("utf-8", "replace").split():
            case [word] if word == LOADED:
                self.loaded = True
            case [word, *companies] if word == READY:
                self.serves = frozenset(companies)
            case [word] if word == AWAY:
                self.serves = None


def _pass_on(lines: IO[bytes], log: Callable[[bytes], None]) -> None:
    with lines:
        for line in lines:
            log(line)
