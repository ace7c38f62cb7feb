"""How many rows have left on a day, kept on disk: a restart of the connector does not begin to count anew."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import date
from pathlib import Path
from typing import Self

__all__ = ["RowCount"]


class RowCount:
    """Rows of each company, a day at a time. Not thread-safe: one thread at a time."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    @classmethod
    def open(cls, file: Path) -> Self:
        """Open or create the file. Raises OSError."""
        file.touch(0o600)
        connection = sqlite3.connect(file, isolation_level=None, check_same_thread=False)
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute(
            "CREATE TABLE IF NOT EXISTS rows (company TEXT PRIMARY KEY, day TEXT NOT NULL, count INTEGER NOT NULL)"
        )
        return cls(connection)

    def take(self, company: str, day: date, wanted: int, most: int) -> int:
        """Count rows before they are read; how many of the wanted ones may be, 0 when the day's `most` have left."""
        granted = max(0, min(wanted, most - self._left(company, day)))
        if granted:
            self._connection.execute(
                "INSERT INTO rows VALUES (?1, ?2, ?3) ON CONFLICT (company) DO UPDATE"
                " SET count = CASE WHEN day = ?2 THEN count ELSE 0 END + ?3, day = ?2",
                (company, day.isoformat(), granted),
            )
        return granted

    def give_back(self, company: str, day: date, rows: int) -> None:
        """So many of those that were counted did not leave."""
        self._connection.execute(
            "UPDATE rows SET count = max(0, count - ?) WHERE company = ? AND day = ?",
            (rows, company, day.isoformat()),
        )

    def close(self) -> None:
        """Let go of the file."""
        self._connection.close()

    def _left(self, company: str, day: date) -> int:
        query = "SELECT count FROM rows WHERE company = ? AND day = ?"
        with closing(self._connection.execute(query, (company, day.isoformat()))) as cursor:
            row = cursor.fetchone()
        return int(row[0]) if row else 0
