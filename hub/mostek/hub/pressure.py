"""When to come back: what a caller is told that finds no room."""

from __future__ import annotations

import random
from collections.abc import Callable

__all__ = ["Pressure"]

_SHORTEST = 0.5
_LONGEST = 30.0


class Pressure:
    """Hints that grow while the overload lasts, and are spread so that those refused do not come back together.

    The overload is over when all who were refused could have come back, and none was refused again. That some got
    in between says nothing: under load there is always a slot that has just become free.
    """

    def __init__(self, draw: Callable[[], float] = random.random) -> None:
        self._draw = draw
        self._window = _SHORTEST
        self._grows_at = float("-inf")
        self._over_at = float("-inf")

    def refused(self, now: float) -> float:
        """Seconds after which to try again; `now` is of a steady clock."""
        if now > self._over_at:
            self._window, self._grows_at = _SHORTEST, now + _SHORTEST
        elif now >= self._grows_at:
            self._window = min(2 * self._window, _LONGEST)
            self._grows_at = now + self._window
        self._over_at = now + 4 * self._window
        return round(self._window * (0.5 + self._draw()), 2)
