"""When to come back: what a caller is told that finds no room."""

from __future__ import annotations

import random
from collections.abc import Callable

__all__ = ["Pressure"]

_SHORTEST = 0.5
_LONGEST = 30.0


class Pressure:
    """Hints that grow while the overload lasts, and are spread so that those refused do not come back together."""

    def __init__(self, draw: Callable[[], float] = random.random) -> None:
        self._draw = draw
        self._window = _SHORTEST
        self._grows_at = 0.0

    def refused(self, now: float) -> float:
        """Seconds after which to try again."""
        if now >= self._grows_at:
            # Whoever was refused in the window before could have come back by now, and there is still no room.
            self._window = min(2 * self._window, _LONGEST)
            self._grows_at = now + self._window
        return round(self._window * (0.5 + self._draw()), 2)

    def admitted(self) -> None:
        """There is room again."""
        self._window, self._grows_at = _SHORTEST, 0.0
