"""Rows as the database makes them: an id that it gives itself, and a version."""

from __future__ import annotations

from mostek.plugin.sandbox_writer import Writer

__all__ = ["FIRST_ID", "Rows"]

FIRST_ID = 100_000


class Rows:
    def __init__(self, writer: Writer) -> None:
        self._writer = writer
        self._version = 1000

    def next_id(self, table: str) -> int:
        if self._writer.next_free(table) < FIRST_ID:
            self._writer.begin_ids(table, FIRST_ID)
        return self._writer.next_id(table)

    def add(self, table: str, row: dict[str, object]) -> int:
        """Add a row, with an id if it has none; the id."""
        number = row.get("Id")
        if number is None:
            number = self.next_id(table)
        self._version += 1
        self._writer.add(table, {"Id": number, **row, "TimeStamp": self._version})
        return number if isinstance(number, int) else 0

    def link(self, table: str, row: dict[str, object]) -> None:
        """Add a row of a table without id and version."""
        self._writer.add(table, row)
