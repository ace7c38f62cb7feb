"""What writes came to, kept at the site: the intent on disk before the ERP is touched, the outcome before it is told.

A cache: that a key is not here proves nothing, so a plugin always looks for its document in the ERP first.
"""

from __future__ import annotations

import sqlite3
import time
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Self

__all__ = ["KEEP_RESPONSES", "Outcome", "OutcomeStore", "StateInUse"]

#: What each version of the file adds to the one before; `user_version` says how many it has. Additions alone: a
#: connector that is upgraded may go back, and the older one works with what the newer one has left (ADR 28).
_VERSIONS = [
    """
CREATE TABLE IF NOT EXISTS outcome (
    company     TEXT NOT NULL,
    key         TEXT NOT NULL,
    operation   TEXT NOT NULL,
    content     BLOB NOT NULL,
    intended_at REAL NOT NULL,
    finished_at REAL,
    response    BLOB,
    PRIMARY KEY (company, key)
) WITHOUT ROWID
""",
    "ALTER TABLE outcome ADD COLUMN erp_id TEXT",
    "ALTER TABLE outcome ADD COLUMN erp_number TEXT",
    "ALTER TABLE outcome ADD COLUMN acknowledged_at REAL",
    "CREATE INDEX outcome_kept ON outcome (acknowledged_at) WHERE response IS NOT NULL",
]
#: Responses are kept for so many seconds after the hub has them: a hub that lost its database asks again.
KEEP_RESPONSES = 30 * 24 * 3600.0
#: Responses that are dropped at once: writes wait for the store meanwhile.
_BATCH = 100


class StateInUse(Exception):
    """Another process works in the state folder."""


@dataclass(frozen=True)
class Outcome:
    """A write that was begun. `content` is the hash of what was asked; `response` is None until it succeeded, and again
    when it is no longer kept: the ERP has the document then, and a plugin finds it there."""

    content: bytes
    response: bytes | None


class OutcomeStore:
    """A SQLite file that one process holds; every commit is synced to disk. Not thread-safe: one thread at a time."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    @classmethod
    def open(cls, file: Path) -> Self:
        """Open or create the store, for its owner alone: it has the ERP's data. Raises StateInUse, OSError."""
        file.touch(0o600)
        connection = sqlite3.connect(
            file, timeout=1.0, isolation_level=None, check_same_thread=False
        )
        try:
            connection.execute("PRAGMA locking_mode = EXCLUSIVE")
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = FULL")
            connection.execute("BEGIN IMMEDIATE")
            _upgrade(connection)
            connection.execute("COMMIT")
        except sqlite3.OperationalError as error:
            connection.close()
            if "locked" in str(error):
                raise StateInUse(
                    f"{file.parent} is used by another connector process; stop it first"
                ) from None
            raise
        return cls(connection)

    def find(self, company: str, key: str) -> Outcome | None:
        """What is known of a key."""
        query = "SELECT content, response FROM outcome WHERE company = ? AND key = ?"
        with closing(self._connection.execute(query, (company, key))) as cursor:
            row = cursor.fetchone()
        return Outcome(row[0], row[1]) if row else None

    def intend(self, company: str, key: str, operation: str, content: bytes) -> None:
        """The ERP is about to be touched."""
        self._connection.execute(
            "INSERT OR IGNORE INTO outcome (company, key, operation, content, intended_at) VALUES (?, ?, ?, ?, ?)",
            (company, key, operation, content, time.time()),
        )

    def record(
        self, company: str, key: str, response: bytes, erp_id: str = "", erp_number: str = ""
    ) -> None:
        """The write succeeded; id and number are the ERP's."""
        self._connection.execute(
            "UPDATE outcome SET response = ?, finished_at = ?, erp_id = ?, erp_number = ?"
            " WHERE company = ? AND key = ?",
            (response, time.time(), erp_id, erp_number, company, key),
        )

    def acknowledge(self, company: str, key: str) -> None:
        """The hub has the outcome: some time later the response is no longer kept, only key, hash, id and number."""
        self._connection.execute(
            "UPDATE outcome SET acknowledged_at = ?"
            " WHERE company = ? AND key = ? AND finished_at IS NOT NULL AND acknowledged_at IS NULL",
            (time.time(), company, key),
        )

    def forget_responses(self, before: float) -> int:
        """Drop some of the responses that were acknowledged before a moment, seconds since 1970; how many."""
        gone = self._connection.execute(
            "UPDATE outcome SET response = NULL WHERE (company, key) IN (SELECT company, key FROM outcome"
            " WHERE acknowledged_at < ? AND response IS NOT NULL LIMIT ?)",
            (before, _BATCH),
        )
        return gone.rowcount

    def withdraw(self, company: str, key: str) -> None:
        """The write failed and changed nothing: the key is free again."""
        self._connection.execute(
            "DELETE FROM outcome WHERE company = ? AND key = ? AND finished_at IS NULL",
            (company, key),
        )

    def close(self) -> None:
        """Let go of the file."""
        self._connection.close()


def _upgrade(connection: sqlite3.Connection) -> None:
    with closing(connection.execute("PRAGMA user_version")) as cursor:
        [version] = cursor.fetchone()
    if version > len(_VERSIONS):
        # A newer connector was here and has left for this one; what it added stays for when it comes back.
        return
    for statement in _VERSIONS[version:]:
        connection.execute(statement)
    connection.execute(f"PRAGMA user_version = {len(_VERSIONS)}")
