"""`Database` over ODBC: SQL Server, where the ERPs run in production."""

from __future__ import annotations

import math
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from typing import TYPE_CHECKING, Any

from mostek.plugin.database import Database, Mode, Session
from mostek.plugin.database_config import SqlServerConfig
from mostek.plugin.dialect import SQL_SERVER
from mostek.plugin.plugin import Context
from mostek.plugin.rights import SEES_SESSIONS
from mostek.plugin.sql_errors import odbc_failure
from mostek.plugin.sql_types import Param, SqlType
from mostek.wire.failures import CommandFailure, ErpUnavailable, Internal, Locked

if TYPE_CHECKING:
    from types import ModuleType

__all__ = ["OdbcDatabase", "type_text"]

_COLUMNS = """
SELECT s.name, o.name, c.name, TYPE_NAME(c.system_type_id), c.max_length, c.precision, c.scale
FROM sys.columns c
JOIN sys.objects o ON o.object_id = c.object_id
JOIN sys.schemas s ON s.schema_id = o.schema_id
WHERE o.type IN ('U', 'V')
"""
_SNAPSHOT = "SELECT snapshot_isolation_state FROM sys.databases WHERE database_id = DB_ID()"
# @LockOwner = 'Session': the lock ends with the session, however that ends.
_LOCK = """
SET NOCOUNT ON;
DECLARE @result int;
EXEC @result = sp_getapplock @Resource = ?, @LockMode = 'Exclusive', @LockOwner = 'Session',
    @LockTimeout = ?;
SELECT @result
"""
_UNLOCK = "EXEC sp_releaseapplock @Resource = ?, @LockOwner = 'Session'"
# Without the right a login sees its own session only.
_SESSIONS = """
SELECT COUNT(*) FROM sys.dm_exec_sessions
WHERE host_name = HOST_NAME() AND host_process_id IN ({})
"""
# A lock that the transaction owns: @@TRANCOUNT does not tell it from the one that the next statement begins.
_MARK = """
SET NOCOUNT ON;
DECLARE @result int;
EXEC @result = sp_getapplock @Resource = ?, @LockMode = 'Exclusive', @LockOwner = 'Transaction',
    @LockTimeout = 0;
SELECT @result
"""
_MARKED = "SELECT APPLOCK_MODE('public', ?, 'Transaction')"
_LOOK_EVERY = 0.2
_LOCK_TIMED_OUT = -1
_LOCK_CHOSEN_AS_VICTIM = -3


class OdbcDatabase(Database):
    """A company database on SQL Server. Making one loads pyodbc; ErpUnavailable says what to install if it can't."""

    dialect = SQL_SERVER

    def __init__(self, config: SqlServerConfig) -> None:
        super().__init__(config)
        self.config: SqlServerConfig = config
        self._pyodbc = _pyodbc()
        self.driver_error = self._pyodbc.Error
        self._snapshot: bool | None = None

    def connect(self, *, write: bool) -> Any:
        try:
            return self._pyodbc.connect(
                self.connection_string(write=write),
                autocommit=True,
                timeout=self.config.login_timeout,
            )
        except self._pyodbc.Error as error:
            raise self._without_password(odbc_failure(error, connecting=True)) from None

    def connection_string(self, *, write: bool) -> str:
        return self.config.connection_string(write=write)

    def discard(self, connection: Any) -> None:
        with suppress(self._pyodbc.Error):
            connection.close()

    def begin(self, connection: Any, context: Context, mode: Mode) -> None:
        """Always sends a statement, so that a connection that broke while it was idle shows here."""
        connection.timeout = self._seconds(context)
        isolation = self._isolation(connection, mode)
        connection.execute(self.settings(isolation, mode)).close()
        # One transaction is what makes a page and its child rows agree; outside SNAPSHOT it would keep locks.
        connection.autocommit = not (mode.writes or isolation == "SNAPSHOT")

    def settings(self, isolation: str, mode: Mode) -> str:
        """The statement that a session begins with."""
        return (
            f"SET TRANSACTION ISOLATION LEVEL {isolation};"
            f" SET LOCK_TIMEOUT {int(self.config.lock_timeout * 1000)};"
            f" SET XACT_ABORT {'ON' if mode.writes else 'OFF'}"
        )

    def end(self, connection: Any, mode: Mode, *, commit: bool) -> None:
        if connection.autocommit:
            return
        if commit:
            connection.commit()
        else:
            connection.rollback()
        connection.autocommit = True

    def new_cursor(self, connection: Any, context: Context) -> Any:
        connection.timeout = self._seconds(context)
        return connection.cursor()

    def send(self, cursor: Any, sql: str, params: Sequence[Param]) -> None:
        cursor.setinputsizes([self._size(param.type) for param in params])
        cursor.execute(sql, [param.value for param in params])
        # A procedure's row counts come before its rows.
        while cursor.description is None and cursor.nextset():
            pass

    def next_result(self, cursor: Any) -> bool:
        return bool(cursor.nextset())

    def mark_transaction(self, connection: Any) -> str:
        mark = f"mostek:transaction:{uuid.uuid4()}"
        try:
            result = connection.execute(_MARK, mark).fetchval()
        except self._pyodbc.Error as error:
            raise self.failure(error) from error
        if result < 0:
            raise Internal(f"sp_getapplock answered {result}")
        return mark

    def is_marked(self, connection: Any, mark: str) -> bool:
        try:
            return bool(connection.execute(_MARKED, mark).fetchval() == "Exclusive")
        except self._pyodbc.Error:
            return False

    def cancelling(self, cursor: Any, context: Context) -> AbstractContextManager[None]:
        return context.on_cancel(lambda: self._cancel(cursor))

    def _cancel(self, cursor: Any) -> None:
        # The statement may have ended, and the cursor with it, since the command was cancelled.
        with suppress(self._pyodbc.Error):
            cursor.cancel()

    def failure(self, error: Exception) -> CommandFailure:
        return self._without_password(odbc_failure(error))

    def columns(self, session: Session) -> Iterator[tuple[str, str, str]]:
        for schema, table, column, name, length, precision, scale in session.fetch(_COLUMNS):
            yield f"{schema}.{table}", column, type_text(name, length, precision, scale)

    @contextmanager
    def exclusive(self, name: str, context: Context, *, timeout: float = 10.0) -> Iterator[None]:
        connection = self.connect(write=True)
        try:
            self._lock(connection, name, context, min(timeout, context.remaining()))
            yield
        finally:
            # Closing would do; saying so frees it at once, also behind a driver that keeps connections.
            with suppress(self._pyodbc.Error):
                connection.execute(_UNLOCK, name).close()
            self.discard(connection)

    def _lock(self, connection: Any, name: str, context: Context, timeout: float) -> None:
        connection.timeout = 0
        cursor = connection.cursor()
        try:
            with self.cancelling(cursor, context):
                result = cursor.execute(
                    _LOCK, f"mostek:{name}"[:255], int(timeout * 1000)
                ).fetchval()
        except self._pyodbc.Error as error:
            context.check()
            raise self.failure(error) from error
        if result in {_LOCK_TIMED_OUT, _LOCK_CHOSEN_AS_VICTIM}:
            context.check()
            raise Locked(f"Another write to {name} is running: try again.", retry_after=2.0)
        if result < 0:
            raise Internal(f"sp_getapplock answered {result}")

    def wait_until_gone(self, processes: Sequence[int], timeout: float) -> bool:
        ends = time.monotonic() + timeout
        context = Context(operation="sessions", timeout=timeout + self.config.statement_timeout)
        query = _SESSIONS.format(", ".join("?" * len(processes)))
        params = [Param(process, SqlType.parse("int")) for process in processes]
        with self.reading(context, committed=True) as session:
            if session.one(SEES_SESSIONS) != (1,):
                return False
            while session.one(query, params) != (0,):
                if time.monotonic() > ends:
                    return False
                time.sleep(_LOOK_EVERY)
        return True

    def _isolation(self, connection: Any, mode: Mode) -> str:
        if mode is not Mode.READ:
            return "READ COMMITTED"
        if self.config.isolation == "read_uncommitted":
            return "READ UNCOMMITTED"
        if self.config.isolation == "auto" and self._snapshot_allowed(connection):
            return "SNAPSHOT"
        return "READ COMMITTED"

    def _snapshot_allowed(self, connection: Any) -> bool:
        if self._snapshot is None:
            self._snapshot = connection.execute(_SNAPSHOT).fetchval() == 1
        return self._snapshot

    def _seconds(self, context: Context) -> int:
        return max(1, math.ceil(min(self.config.statement_timeout, context.remaining())))

    def _size(self, kind: SqlType) -> tuple[int, int, int]:
        odbc_type = getattr(self._pyodbc, _ODBC_TYPE.get(kind.name, "SQL_VARCHAR"))
        if kind.is_time:
            return (odbc_type, 10, 0) if kind.name == "date" else (odbc_type, 23, 3)
        return odbc_type, kind.size or 0, kind.scale

    def _without_password(self, failure: CommandFailure) -> CommandFailure:
        for login in (self.config.login, self.config.write_login):
            secret = login.password.get_secret_value() if login else ""
            if secret:
                failure.erp_text = failure.erp_text.replace(secret, "***")
        return failure


_ODBC_TYPE = {
    "char": "SQL_CHAR",
    "varchar": "SQL_VARCHAR",
    "text": "SQL_LONGVARCHAR",
    "nchar": "SQL_WCHAR",
    "nvarchar": "SQL_WVARCHAR",
    "ntext": "SQL_WLONGVARCHAR",
    "tinyint": "SQL_TINYINT",
    "smallint": "SQL_SMALLINT",
    "int": "SQL_INTEGER",
    "bigint": "SQL_BIGINT",
    "bit": "SQL_BIT",
    "decimal": "SQL_DECIMAL",
    "numeric": "SQL_NUMERIC",
    "money": "SQL_DECIMAL",
    "smallmoney": "SQL_DECIMAL",
    "float": "SQL_FLOAT",
    "real": "SQL_REAL",
    "date": "SQL_TYPE_DATE",
    "datetime": "SQL_TYPE_TIMESTAMP",
    "datetime2": "SQL_TYPE_TIMESTAMP",
    "smalldatetime": "SQL_TYPE_TIMESTAMP",
    "binary": "SQL_BINARY",
    "varbinary": "SQL_VARBINARY",
    "uniqueidentifier": "SQL_GUID",
}


def type_text(name: str, length: int, precision: int, scale: int) -> str:
    """A column's type as SQL Server writes it, from `sys.columns`: -1 is max, an nvarchar's length is in bytes."""
    if name in {"decimal", "numeric"}:
        return f"{name}({precision},{scale})"
    if name in {"char", "varchar", "binary", "varbinary"}:
        return f"{name}({'max' if length < 0 else length})"
    if name in {"nchar", "nvarchar"}:
        return f"{name}({'max' if length < 0 else length // 2})"
    return name


def _pyodbc() -> ModuleType:
    try:
        import pyodbc
    except ImportError as error:
        raise ErpUnavailable(
            "SQL Server can't be reached without ODBC: install the ODBC manager (Debian: unixodbc)"
            " and Microsoft's ODBC Driver 18 for SQL Server.",
            retriable=False,
            erp_text=str(error),
        ) from error
    # The pool here is the only one, so that a session's end is known.
    pyodbc.pooling = False
    return pyodbc  # type: ignore[no-any-return]
