"""Whether a replica may write, and which of the others are dead. No I/O; the clock is a steady one.

A replica shows life by counting up its beat in the database. Others take it for dead, and say so there, when they have
seen no new beat for `span` seconds by their own steady clocks, and it stops writing long before. So no wall clock, here
or at the database, decides who may write.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from mostek.hub.store import ReplicaRecord

__all__ = ["Lease"]

#: Part of the span for which a beat lets its replica write, and between two of them.
_HELD: Final = 0.6
_EVERY: Final = 0.2
#: Part of the span after which what was seen before says nothing: this replica was away itself.
_BLIND: Final = 0.4


class Lease:
    """One replica's. `span` in seconds; moments are of a steady clock."""

    def __init__(self, name: str, span: float) -> None:
        self._name = name
        self._span = span
        self._held_until = float("-inf")
        self._due_at = float("-inf")
        self._looked_at = float("-inf")
        self._seen: dict[str, tuple[ReplicaRecord, float]] = {}

    @property
    def every(self) -> float:
        """Seconds between beats."""
        return self._span * _EVERY

    def held(self, now: float) -> bool:
        """Whether this replica may write."""
        return now < self._held_until

    def due(self, now: float) -> bool:
        """Whether it is time for a beat."""
        return now >= self._due_at

    def beaten(self, asked_at: float) -> None:
        """A beat that was asked for at that moment is in the database."""
        self._held_until = asked_at + self._span * _HELD
        self._due_at = asked_at + self.every

    def dead(self, replicas: Iterable[ReplicaRecord], now: float) -> list[ReplicaRecord]:
        """Those that show no life any more, of those that are in the database now."""
        blind = now - self._looked_at > self._span * _BLIND
        self._looked_at = now
        before, self._seen = self._seen, {}
        for each in replicas:
            known = before.get(each.name)
            if known is None or blind or (known[0].beat, known[0].since) != (each.beat, each.since):
                known = each, now
            if each.name != self._name:
                self._seen[each.name] = known
        if not self.held(now):
            return []
        return [each for each, at in self._seen.values() if now - at > self._span]
