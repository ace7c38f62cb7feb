"""Processes that come back whenever they end, as under systemd or Kubernetes."""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import signal
import socket
import subprocess
import sys
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

__all__ = ["Supervised", "free_ports", "python"]

#: Seconds until a process that ended is started again.
_AGAIN = 0.3
#: Seconds that a process is given to end in order.
_PATIENCE = 20.0


def free_ports(count: int) -> list[int]:
    """Ports of loopback that a process can be told to listen on.

    Below those that the system gives to connections: one of these may be taken before the process is there.
    """
    with contextlib.ExitStack() as stack:
        probes: list[socket.socket] = []
        while len(probes) < count:
            with contextlib.suppress(OSError):
                address = ("127.0.0.1", random.randrange(20_000, 32_000))
                probes.append(stack.enter_context(socket.create_server(address)))
        return [int(probe.getsockname()[1]) for probe in probes]


class Supervised:
    """A Python process; `run` starts it, and starts it again whenever it ends."""

    def __init__(self, name: str, command: Sequence[str], environment: dict[str, str], log: Path):
        self.name = name
        self.starts = 0
        #: How often it died at each crash point, and how it ended without having been asked to.
        self.crashes: Counter[str] = Counter()
        self.exits: Counter[int] = Counter()
        self._command = command
        self._environment = environment
        self._log = log
        self._child: subprocess.Popen[bytes] | None = None
        self._armed = ""
        self._asked = False

    async def run(self) -> None:
        """Until cancelled; then it is ended in order."""
        try:
            while True:
                child, armed = self._start()
                await _gone(child)
                self._ended(child.returncode, armed)
                await asyncio.sleep(_AGAIN)
        finally:
            await self._end()

    def _start(self) -> tuple[subprocess.Popen[bytes], str]:
        armed, self._armed, self._asked = self._armed, "", False
        environment = {**os.environ, **self._environment, "MOSTEK_CRASH_AT": armed}
        with self._log.open("ab") as log:
            child = subprocess.Popen(
                [*self._command], stdout=log, stderr=log, env=environment, start_new_session=True
            )
        self._child = child
        self.starts += 1
        return child, armed

    def _ended(self, code: int, armed: str) -> None:
        if self._asked:
            return
        if armed and code == -signal.SIGKILL:
            self.crashes[armed] += 1
        else:
            self.exits[code] += 1

    async def _end(self) -> None:
        child = self._child
        if child is None or child.poll() is not None:
            return
        child.send_signal(signal.SIGCONT)
        child.terminate()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_PATIENCE):
                await _gone(child)
        child.kill()
        child.wait()

    # Faults; each is over when its method returns.

    async def kill(self, seconds: float) -> None:
        """Kill -9."""
        self._send(signal.SIGKILL)

    async def stop(self, seconds: float) -> None:
        """SIGTERM: it ends in order."""
        self._send(signal.SIGTERM)

    async def pause(self, seconds: float) -> None:
        """It does nothing, and its connections stay."""
        paused = self._child
        self._signal(signal.SIGSTOP)
        try:
            await asyncio.sleep(seconds)
        finally:
            if paused is self._child:
                self._signal(signal.SIGCONT)

    def crashing_at(self, point: str) -> Callable[[float], Awaitable[None]]:
        """Kill it; the process that comes then dies at a point on the way of a write."""

        async def crash(seconds: float) -> None:
            self._armed = point
            self._send(signal.SIGKILL)

        return crash

    def _send(self, number: signal.Signals) -> None:
        self._asked = True
        self._signal(number)

    def _signal(self, number: signal.Signals) -> None:
        if self._child is not None and self._child.poll() is None:
            self._child.send_signal(number)


def python(*arguments: str) -> list[str]:
    """The command of a Python process."""
    return [sys.executable, *arguments]


async def _gone(child: subprocess.Popen[bytes]) -> None:
    """Wait for its end without a thread: the loop lends out few, and a fault that needs one would never be over."""
    while child.poll() is None:  # noqa: ASYNC110 - another process
        await asyncio.sleep(0.01)
