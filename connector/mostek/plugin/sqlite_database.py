"""`Database` over SQLite: the sandboxes."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from mostek.plugin.database import Database, Mode, Session
from mostek.plugin.database_config import SqliteConfig
from mostek.plugin.dialect import SQLITE
from mostek.plugin.plugin import Context
from mostek.plugin.sandbox import connect_sandbox
from mostek.plugin.sql_errors import sqlite_failure
from mostek.plugin.sql_types import Param
from mostek.wire.failures import CommandFailure, ErpUnavailable, Locked

__all__ = ["SqliteDatabase"]

# Steps of SQLite's virtual machine between two looks at deadline and cancellation: about a millisecond.
_STEPS = 20_000
# How often a wait for the write lock looks whether its command is still wanted.
_LOOK_SECONDS = 0.1


class SqliteDatabase(Database):
    """An SQLite file that stands for an ERP's database, attached under the ERP's schema name."""

    dialect = SQLITE
    driver_error = sqlite3.Error

    def __init__(self, config: SqliteConfig) -> None:
        super().__init__(config)
        self.config: SqliteConfig = config

    def connect(self, *, write: bool) -> sqlite3.Connection:
        if not self.config.path.is_file():
            raise ErpUnavailable(
                "There is no sandbox at the configured `path`: create it, or correct `path`.",
                retriable=False,
                # Where files lie at the site is the site's own affair.
                erp_text=str(self.config.path),
            )
        try:
            connection = connect_sandbox(self.config.path, self.config.schema_name)
            connection.execute(f"PRAGMA busy_timeout = {int(self.config.lock_timeout * 1000)}")
        except sqlite3.Error as error:
            raise sqlite_failure(error) from error
        return connection

    def discard(self, connection: sqlite3.Connection) -> None:
        connection.close()

    def begin(self, connection: sqlite3.Connection, context: Context, mode: Mode) -> None:
        connection.execute("BEGIN IMMEDIATE" if mode.writes else "BEGIN")

    def end(self, connection: sqlite3.Connection, mode: Mode, *, commit: bool) -> None:
        connection.set_progress_handler(None, 0)
        if connection.in_transaction:
            connection.execute("COMMIT" if commit else "ROLLBACK")

    def new_cursor(self, connection: sqlite3.Connection, context: Context) -> sqlite3.Cursor:
        # Checked inside the statement by its own thread, so a cancellation can't hit the next one.
        ends = time.monotonic() + min(self.config.statement_timeout, context.remaining())
        connection.set_progress_handler(
            lambda: context.cancelled or time.monotonic() > ends, _STEPS
        )
        return connection.cursor()

    def send(self, cursor: sqlite3.Cursor, sql: str, params: Sequence[Param]) -> None:
        cursor.execute(sql, [_plain(param.value) for param in params])

    def next_result(self, cursor: sqlite3.Cursor) -> bool:
        return False

    def mark_transaction(self, connection: sqlite3.Connection) -> str:
        return ""

    def is_marked(self, connection: sqlite3.Connection, mark: str) -> bool:
        # None is ever begun but by BEGIN.
        return connection.in_transaction

    def failure(self, error: Exception) -> CommandFailure:
        if getattr(error, "sqlite_errorname", "") == "SQLITE_INTERRUPT":
            return ErpUnavailable(
                "A statement took longer than `statement_timeout`: ask for less at once, or raise it.",
                retriable=True,
                erp_text=str(error),
            )
        assert isinstance(error, sqlite3.Error)
        return sqlite_failure(error)

    def columns(self, session: Session) -> Iterator[tuple[str, str, str]]:
        schema = self.config.schema_name
        tables = session.fetch(
            f"SELECT name FROM {schema}.sqlite_master WHERE type IN ('table', 'view')"  # noqa: S608 - a checked setting
        )
        for (table,) in list(tables):
            for row in session.fetch(f"PRAGMA {schema}.table_info([{table}])"):
                # A sandbox declares what it stores as REAL so: "money REAL".
                yield f"{schema}.{table}", row[1], row[2].removesuffix(" REAL")

    def wait_until_gone(self, processes: Sequence[int], timeout: float) -> bool:
        # The locks and the unfinished transaction of a process end with it.
        return True

    def explain(self, sql: str, params: Sequence[Param], context: Context) -> list[str]:
        """The steps of a statement's plan, as `EXPLAIN QUERY PLAN` words them."""
        with self.reading(context) as session:
            return [str(row[3]) for row in session.fetch(f"EXPLAIN QUERY PLAN {sql}", params)]

    @contextmanager
    def exclusive(self, name: str, context: Context, *, timeout: float = 10.0) -> Iterator[None]:
        """One lock per sandbox, in a database beside it, so that reads and the write itself go on."""
        lock = self._lock()
        try:
            self._acquire(lock, name, context, time.monotonic() + timeout)
            yield
        finally:
            lock.close()

    def _lock(self) -> sqlite3.Connection:
        path = Path(f"{self.config.path}.lock")
        try:
            return sqlite3.connect(
                path, timeout=_LOOK_SECONDS, isolation_level=None, check_same_thread=False
            )
        except sqlite3.Error as error:
            raise sqlite_failure(error) from error

    def _acquire(self, lock: sqlite3.Connection, name: str, context: Context, ends: float) -> None:
        while True:
            context.check()
            try:
                lock.execute("BEGIN EXCLUSIVE")
            except sqlite3.Error as error:
                failure = sqlite_failure(error)
                if not isinstance(failure, Locked) or time.monotonic() > ends:
                    raise _held(name) if isinstance(failure, Locked) else failure from error
            else:
                return


def _held(name: str) -> Locked:
    return Locked(f"Another write to {name} is running: try again.", retry_after=2.0)


def _plain(value: object) -> Any:
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, datetime):
        return value.isoformat(" ", "milliseconds" if value.microsecond else "seconds")
    if isinstance(value, date):
        return value.isoformat()
    return value
