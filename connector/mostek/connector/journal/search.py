"""Finding entries: by time, caller, operation, and by a value that was asked for."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mostek.connector.journal.files import entries_of
from mostek.connector.journal.values import SiteKey, tax_id

__all__ = ["Search"]


@dataclass
class Search:
    """Which entries are wanted; what is empty does not matter. Moments are written as in `at`."""

    since: str = ""
    until: str = ""
    caller: str = ""
    operation: str = ""
    value: str = ""
    #: Needed for a value.
    key: SiteKey | None = None
    #: Entries whose hashes are of another key: what they asked for can't be told.
    other_keys: int = 0
    _hashes: dict[str, frozenset[str]] = field(default_factory=dict)

    def found(self, folder: Path) -> Iterator[tuple[bytes, dict[str, Any]]]:
        """Lines and what they say, the oldest first. Raises OSError."""
        key_id = ""
        for line, entry in entries_of(folder, self.since):
            if "event" in entry:
                key_id = str(entry.get("key", key_id))
            at = str(entry.get("at", ""))
            in_time = at >= self.since and (not self.until or at < self.until)
            if in_time and self._has(entry, key_id):
                yield line, entry

    def _has(self, entry: dict[str, Any], key_id: str) -> bool:
        for name in ("caller", "operation"):
            wanted = getattr(self, name)
            if wanted and entry.get(name) != wanted:
                return False
        return not self.value or self._asked(entry, key_id)

    def _asked(self, entry: dict[str, Any], key_id: str) -> bool:
        filters = entry.get("filters")
        if not isinstance(filters, dict) or self.key is None:
            return False
        if key_id not in ("", self.key.id):
            self.other_keys += bool(filters)
            return False
        return any(self._is_of(name, hashes) for name, hashes in filters.items())

    def _is_of(self, name: str, hashes: Any) -> bool:
        wanted = self._wanted(name)
        return not wanted.isdisjoint(hashes if isinstance(hashes, list) else [hashes])

    def _wanted(self, name: str) -> frozenset[str]:
        """What the value would be as that filter: as it is written, and as a tax id."""
        known = self._hashes.get(name)
        if known is None:
            assert self.key is not None
            ways = (self.value, tax_id(self.value))
            known = self._hashes[name] = frozenset(self.key.hash(name, way) for way in ways)
        return known
