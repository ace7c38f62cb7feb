"""An ERP's database: sessions, the pool behind them, the catalogue of columns.

    Database ── reading(context) ──► Session.fetch(sql, params) ──► rows
             ├─ writing(context) ──► one transaction
             ├─ exclusive(name, context)   the company's write lock, held in the ERP's database
             └─ catalogue()                the columns that are there

What differs between SQL Server and SQLite is in `OdbcDatabase` and `SqliteDatabase`, and nowhere else.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from enum import Enum
from threading import Lock
from typing import Any, Literal

from mostek.plugin.catalogue import Catalogue
from mostek.plugin.database_config import SqliteConfig, SqlServerConfig
from mostek.plugin.dialect import Dialect
from mostek.plugin.metrics import QUERY_SECONDS
from mostek.plugin.plugin import Context
from mostek.plugin.pool import Pool
from mostek.plugin.sql_errors import is_lost
from mostek.plugin.sql_types import Param
from mostek.wire.crash import crash_point
from mostek.wire.failures import CommandFailure, Locked, UnknownOutcome
from mostek.wire.tracing import COMPANY, DATABASE, OPERATION, QUERY, ROWS, STATEMENT, Span

__all__ = ["Database", "Mode", "Observer", "Row", "Session", "open_database"]

Row = Sequence[Any]
#: Is told every statement as it is sent.
Observer = Callable[[str, Sequence[Param]], None]

_ROWS_AT_ONCE = 256
#: What a statement does, for traces; a batch that calls a procedure begins with SET and DECLARE.
_VERB = re.compile(r"\b(SELECT|INSERT|UPDATE|DELETE|MERGE|EXEC|PRAGMA)\b", re.IGNORECASE)
_SYSTEMS = {"mssql": "microsoft.sql_server", "sqlite": "sqlite"}


class Mode(Enum):
    """What a session is for, which decides its isolation."""

    READ = "read"
    #: A read that sees only what is committed, whatever the configuration says: a write's look-ups.
    READ_COMMITTED = "read committed"
    WRITE = "write"

    @property
    def writes(self) -> bool:
        return self is Mode.WRITE


class _Sent:
    """A statement that was sent: its cursor, and its span where the command is traced."""

    def __init__(self, cursor: Any, span: Span | None) -> None:
        self.cursor = cursor
        self._span = span
        self._rows = 0

    def count(self, rows: int) -> None:
        """So many more rows were read."""
        self._rows += rows

    def fail(self, failure: CommandFailure) -> None:
        """It ended so."""
        self._end_span(type(failure).__name__)

    def close(self) -> None:
        """It is over; once is enough."""
        self._end_span()
        self.cursor.close()

    def _end_span(self, failure: str = "") -> None:
        if self._span is not None:
            self._span.end({ROWS: self._rows}, failure)


class Session:
    """One connection for the span of a `with` block of `Database`; not to be shared between threads."""

    def __init__(self, database: Database, connection: Any, context: Context, mode: Mode) -> None:
        self._database = database
        self._connection = connection
        self._context = context
        self._mode = mode
        self._open: list[_Sent] = []
        self.lost = False

    @property
    def dialect(self) -> Literal["mssql", "sqlite"]:
        return self._database.dialect.name

    def fetch(self, sql: str, params: Sequence[Param] = (), query: str = "") -> Iterator[Row]:
        """Send a statement that has a result and iterate over its rows, which are read as they are asked for.

        `query` is the name of the file that it comes from, for traces.
        Raises Locked (after one more try, unless the session writes), Drift, ErpUnavailable, Cancelled, Expired.
        """
        return self._rows(self._sent(sql, params, query))

    def one(self, sql: str, params: Sequence[Param] = ()) -> Row | None:
        """The first row of a statement's result, or None."""
        sent = self._sent(sql, params)
        row: Row | None = self._guarded(sent, sent.cursor.fetchone)
        sent.count(row is not None)
        sent.close()
        return row

    def execute(self, sql: str, params: Sequence[Param] = ()) -> int:
        """Send a statement that has no result; how many rows it changed (not reliable on tables with triggers)."""
        sent = self._sent(sql, params)
        changed: int = sent.cursor.rowcount
        sent.count(max(changed, 0))
        sent.close()
        return changed

    def results(self, sql: str, params: Sequence[Param] = ()) -> list[list[Row]]:
        """Send a batch and read all that it answers to its end: a procedure is cut off where its reader stops."""
        sent = self._sent(sql, params)
        found: list[list[Row]] = []
        while True:
            if sent.cursor.description is not None:
                found.append(self._guarded(sent, sent.cursor.fetchall))
                sent.count(len(found[-1]))
            if not self._guarded(sent, lambda: self._database.next_result(sent.cursor)):
                break
        sent.close()
        return found

    @contextmanager
    def one_transaction(self) -> Iterator[Callable[[], bool]]:
        """Within the block, what it gives tells whether the transaction is still the one that it began with.

        A procedure may have ended it, and the next statement begun another. The session has to have looked something
        up before, which begins its transaction.
        """
        mark = self._database.mark_transaction(self._connection)
        yield lambda: self._database.is_marked(self._connection, mark)

    def _rows(self, sent: _Sent) -> Iterator[Row]:
        try:
            while rows := self._guarded(sent, lambda: sent.cursor.fetchmany(_ROWS_AT_ONCE)):
                sent.count(len(rows))
                yield from rows
        finally:
            sent.close()

    def _sent(self, sql: str, params: Sequence[Param], query: str = "") -> _Sent:
        if self._database.observer:
            self._database.observer(sql, params)
        try:
            return self._send(sql, params, query)
        except Locked:
            if self._mode.writes:
                raise
        return self._send(sql, params, query)

    def _send(self, sql: str, params: Sequence[Param], query: str) -> _Sent:
        self._context.check()
        cursor = self._database.new_cursor(self._connection, self._context)
        span = None if self._context.span is None else self._span(self._context.span, sql, query)
        sent = _Sent(cursor, span)
        self._open.append(sent)
        with QUERY_SECONDS.labels(self._context.company).time():
            self._guarded(sent, lambda: self._database.send(cursor, sql, params))
        return sent

    def _span(self, above: Span, sql: str, query: str) -> Span:
        """Names and no text: a statement's text may hold what the site wrote into it."""
        verb = _VERB.search(sql)
        kind = verb[0].upper() if verb else "SQL"
        about: dict[str, str | int] = {
            DATABASE: _SYSTEMS[self.dialect],
            STATEMENT: kind,
            COMPANY: self._context.company,
            OPERATION: self._context.operation,
        }
        if query:
            about[QUERY] = query
        return above.child(query or kind, about)

    def _guarded(self, sent: _Sent, step: Callable[[], Any]) -> Any:
        """Run one call of the driver: it ends when the command is cancelled, and its errors become failures."""
        try:
            with self._database.cancelling(sent.cursor, self._context):
                return step()
        except self._database.driver_error as error:
            self._context.check()
            failure = self._database.failure(error)
            sent.fail(failure)
            self.lost = self.lost or is_lost(failure)
            raise failure from error

    def close(self) -> None:
        """End every statement that is still open, also those whose rows nobody finished reading."""
        for sent in self._open:
            with suppress(self._database.driver_error):
                sent.close()


class Database(ABC):
    """One company's database. Thread-safe; connections are made when they are needed, kept and made anew when broken.

    `observer` is told every statement as it is sent; for tests and for a connector that traces.
    """

    dialect: Dialect
    #: The base class of the driver's errors.
    driver_error: type[Exception]

    def __init__(self, config: SqliteConfig | SqlServerConfig) -> None:
        self.config = config
        self.observer: Observer | None = None
        self._readers = Pool(lambda: self.connect(write=False), self.discard, config.connections)
        self._writers = Pool(lambda: self.connect(write=True), self.discard, 2)
        self._catalogue: Catalogue | None = None
        self._catalogue_lock = Lock()

    # What a plugin calls.

    @contextmanager
    def reading(
        self, context: Context, *, committed: bool = False, as_writer: bool = False
    ) -> Iterator[Session]:
        """A session that only reads; with `committed`, never anything but committed data (a write's look-ups).

        `as_writer`: with the login of writes, which sees what it may execute.
        SQL Server: SNAPSHOT where the database allows it, else READ COMMITTED with a lock time-out.
        """
        mode = Mode.READ_COMMITTED if committed else Mode.READ
        pool = self._writers if as_writer else self._readers
        with self._session(pool, context, mode) as session:
            yield session

    @contextmanager
    def writing(self, context: Context) -> Iterator[Session]:
        """One transaction, READ COMMITTED: committed when the block ends, rolled back when it raises.

        Raises UnknownOutcome when the connection breaks during the commit.
        """
        with self._session(self._writers, context, Mode.WRITE) as session:
            yield session
            crash_point("erp-before-commit")
        context.written = True
        crash_point("erp-after-commit")

    @abstractmethod
    def exclusive(
        self, name: str, context: Context, *, timeout: float = 10.0
    ) -> AbstractContextManager[None]:
        """Hold the lock `name` in the ERP's database on a session of its own, so that it ends with that session.

        Raises Locked when another holds it for `timeout` seconds.
        """

    def catalogue(self, *, refresh: bool = False) -> Catalogue:
        """The tables and columns that are there now; read once, and again with `refresh`."""
        with self._catalogue_lock:
            if self._catalogue is None or refresh:
                context = Context(operation="catalogue", timeout=self.config.statement_timeout)
                with self.reading(context, committed=True) as session:
                    self._catalogue = Catalogue.of(self.columns(session))
            return self._catalogue

    def close(self) -> None:
        """Close idle connections now and the others when they are given back."""
        self._readers.close()
        self._writers.close()

    # What a driver does; called by sessions.

    @abstractmethod
    def connect(self, *, write: bool) -> Any:
        """A new connection; failures are raised as such."""

    @abstractmethod
    def discard(self, connection: Any) -> None:
        """Close a connection, whatever its state."""

    @abstractmethod
    def begin(self, connection: Any, context: Context, mode: Mode) -> None:
        """Set the session's isolation and time-outs, and begin its transaction."""

    @abstractmethod
    def end(self, connection: Any, mode: Mode, *, commit: bool) -> None:
        """End the session's transaction."""

    @abstractmethod
    def new_cursor(self, connection: Any, context: Context) -> Any:
        """A cursor whose statement takes no longer than configuration and deadline allow."""

    @abstractmethod
    def send(self, cursor: Any, sql: str, params: Sequence[Param]) -> None:
        """Execute the statement up to its first result."""

    @abstractmethod
    def next_result(self, cursor: Any) -> bool:
        """Go on to the statement's next result, if it has one."""

    @abstractmethod
    def mark_transaction(self, connection: Any) -> str:
        """A mark on the connection's transaction, which is gone with it."""

    @abstractmethod
    def is_marked(self, connection: Any, mark: str) -> bool:
        """Whether the transaction with that mark is still open; False, too, where that can't be asked any more."""

    @abstractmethod
    def failure(self, error: Exception) -> CommandFailure:
        """What an error of the driver means."""

    @abstractmethod
    def columns(self, session: Session) -> Iterator[tuple[str, str, str]]:
        """Rows of (`schema.table`, column, type)."""

    @abstractmethod
    def wait_until_gone(self, processes: Sequence[int], timeout: float) -> bool:
        """Wait until this machine's processes, which have ended, have no session left; False if one has after `timeout`
        seconds, or if the login may not see that."""

    def cancelling(self, cursor: Any, context: Context) -> AbstractContextManager[None]:
        """Within the block, a cancelled command ends the cursor's statement."""
        return nullcontext()

    # The life of a session.

    @contextmanager
    def _session(self, pool: Pool, context: Context, mode: Mode) -> Iterator[Session]:
        context.check()
        connection = self._ready(pool, context, mode)
        session = Session(self, connection, context, mode)
        reusable = False
        try:
            yield session
            session.close()
            self._finish(session, connection, mode)
            reusable = not session.lost
        except BaseException:
            reusable = not session.lost and not context.cancelled
            session.close()
            reusable = self._roll_back(connection, mode) and reusable
            raise
        finally:
            pool.give(connection, reusable=reusable)

    def _ready(self, pool: Pool, context: Context, mode: Mode) -> Any:
        """A connection with its session begun. One that broke while it was idle shows here, and is made anew."""
        connection, fresh = pool.take(context)
        try:
            return self._begun(connection, context, mode)
        except BaseException as error:
            pool.give(connection, reusable=False)
            broke = isinstance(error, CommandFailure) and is_lost(error)
            if fresh or not broke:
                raise
        pool.forget_idle()
        return self._ready(pool, context, mode)

    def _begun(self, connection: Any, context: Context, mode: Mode) -> Any:
        try:
            self.begin(connection, context, mode)
        except self.driver_error as error:
            raise self.failure(error) from error
        return connection

    def _finish(self, session: Session, connection: Any, mode: Mode) -> None:
        try:
            self.end(connection, mode, commit=True)
        except self.driver_error as error:
            session.lost = True
            failure = self.failure(error)
            if not mode.writes or not is_lost(failure):
                raise failure from error
            raise UnknownOutcome(
                "The database was lost while the transaction was being committed.",
                erp_text=failure.erp_text,
            ) from error

    def _roll_back(self, connection: Any, mode: Mode) -> bool:
        try:
            self.end(connection, mode, commit=False)
        except self.driver_error:
            return False
        return True


def open_database(config: SqliteConfig | SqlServerConfig) -> Database:
    """The database that a configuration names. Nothing is connected yet."""
    if isinstance(config, SqliteConfig):
        from mostek.plugin.sqlite_database import SqliteDatabase

        return SqliteDatabase(config)
    # Late: pyodbc needs the system's ODBC manager, which a sandbox does without.
    from mostek.plugin.odbc_database import OdbcDatabase

    return OdbcDatabase(config)
