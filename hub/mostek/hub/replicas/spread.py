"""How many sessions a replica asks to move, so that each has about as many. No I/O, no clock."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

__all__ = ["Spread"]

#: Above the mean by this part, and so many sessions, a replica begins; it ends near the mean, so that what comes and
#: goes by itself moves nobody.
_BEGINS: Final = 0.2
_ENDS: Final = 0.05
_SLACK: Final = 10
#: Seconds for which that must last: after a restart connectors come by themselves first.
_LASTS: Final = 30.0
#: Part of its sessions that a replica asks in a second, at most.
_SHARE: Final = 0.01
#: Moves that one round may take, for each session above the mean: of those that move, some come back.
_PATIENCE: Final = 2
#: Seconds before the next round after one that did not help: something else decides where connectors go.
_FIRST_REST: Final = 600.0
_LONGEST_REST: Final = 24 * 3600.0


class Spread:
    """Asked about once a second, by one replica about itself and the others."""

    def __init__(self) -> None:
        self._above_since: float | None = None
        #: Moves that are left of the round that goes on.
        self._left = 0
        self._rest = _FIRST_REST
        self._rests_until = float("-inf")
        self._credit = 0.0

    def due(self, mine: int, others: Sequence[int], now: float) -> int:
        """How many sessions to ask to move now. `now`: seconds of a steady clock."""
        mean = (mine + sum(others)) / (1 + len(others))
        if not self._left and not self._begins(mine, mean, len(others), now):
            return 0
        if mine <= mean * (1 + _ENDS) + 1:
            # It helped.
            self._left, self._above_since, self._rest = 0, None, _FIRST_REST
            return 0
        return self._some(mine, mean, now)

    def _begins(self, mine: int, mean: float, others: int, now: float) -> bool:
        if mine <= mean * (1 + _BEGINS) + _SLACK or now < self._rests_until:
            self._above_since = None
            return False
        if self._above_since is None:
            self._above_since = now
        if now - self._above_since < _LASTS:
            return False
        self._left = math.ceil((mine - mean) * _PATIENCE * (others + 1))
        self._credit = 0.0
        return True

    def _some(self, mine: int, mean: float, now: float) -> int:
        self._credit += max(1.0, mine * _SHARE)
        count = min(int(self._credit), self._left, math.ceil(mine - mean))
        self._credit -= count
        self._left -= count
        if not self._left:
            self._above_since = None
            self._rests_until = now + self._rest
            self._rest = min(2 * self._rest, _LONGEST_REST)
        return count
