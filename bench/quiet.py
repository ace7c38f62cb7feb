"""Waits until the machine is quiet: other work on it would be measured too."""

from __future__ import annotations

import time
from pathlib import Path

__all__ = ["wait_until_quiet"]

_STAT = Path("/proc/stat")
_BUSY, _SAMPLE, _PATIENCE = 0.06, 0.25, 30.0


def wait_until_quiet() -> None:
    """Until less than 6 % of the processors are in use, for half a minute at most; at once where that can't be told."""
    ends = time.monotonic() + _PATIENCE
    while _STAT.exists() and time.monotonic() < ends and _busy() > _BUSY:
        pass


def _busy() -> float:
    idle, total = _times()
    time.sleep(_SAMPLE)
    idle_after, total_after = _times()
    return 1 - (idle_after - idle) / max(total_after - total, 1)


def _times() -> tuple[int, int]:
    """Idle and all ticks of all processors."""
    values = [int(value) for value in _STAT.read_text().split("\n", 1)[0].split()[1:]]
    return values[3] + values[4], sum(values[:8])
