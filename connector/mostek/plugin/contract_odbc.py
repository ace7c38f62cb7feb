"""Reads over ODBC: by pyodbc and SQLite's driver on a copy of the sandbox, where the system has them."""

from __future__ import annotations

import copy
import re
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from datetime import date, datetime
from decimal import Decimal
from difflib import ndiff
from pathlib import Path
from typing import Any

import pytest

from mostek.plugin.database import Database, Mode, Session
from mostek.plugin.database_config import SqliteConfig, SqlServerConfig
from mostek.plugin.dialect import SQLITE
from mostek.plugin.odbc_database import OdbcDatabase
from mostek.plugin.sandbox import connect_sandbox
from mostek.plugin.sql_plugin import SqlPlugin
from mostek.plugin.sql_types import Param, SqlType
from mostek.plugin.sqlite_database import SqliteDatabase
from mostek.plugin.testing import context, items
from mostek.wire.operations import OPERATIONS

__all__ = ["OdbcContract", "OdbcOnSqlite", "plain_copy", "require_odbc"]

_PAGE = 50
_AMOUNT = re.compile(r'"[^"]+ REAL"')
_ID = re.compile(r'"(?:decimal|numeric)\([^"]+\)"')


def require_odbc() -> None:
    """Skip the test where the system lacks ODBC or SQLite's driver for it."""
    pyodbc = pytest.importorskip(
        "pyodbc",
        reason="the ODBC manager is missing: apt-get install unixodbc",
        exc_type=ImportError,
    )
    if "SQLite3" not in pyodbc.drivers():
        pytest.skip("SQLite's ODBC driver is missing: apt-get install libsqliteodbc")


class OdbcOnSqlite(OdbcDatabase):
    """pyodbc itself, on an SQLite file attached as `schema`; what only SQL Server has is replaced.

    Values come as from SQL Server: moments as datetime, flags as bool, amounts as Decimal. A moment is sent as the text
    that the file holds.
    """

    dialect = SQLITE

    def __init__(self, path: Path, schema: str = "dbo", **settings: Any) -> None:
        super().__init__(
            SqlServerConfig(server="s", database="d", isolation="read_committed", **settings)
        )
        self._path = path
        self._schema = schema

    def connection_string(self, *, write: bool) -> str:
        return "DRIVER=SQLite3;Database=:memory:"

    def connect(self, *, write: bool) -> Any:
        connection = super().connect(write=write)
        for kind in ("SQL_DOUBLE", "SQL_INTEGER", "SQL_BIGINT"):
            connection.add_output_converter(getattr(self._pyodbc, kind), _number)
        connection.execute(f"ATTACH '{self._path}' AS {self._schema}").close()
        return connection

    def settings(self, isolation: str, mode: Mode) -> str:
        return "SELECT 1"

    def send(self, cursor: Any, sql: str, params: Sequence[Param]) -> None:
        super().send(cursor, sql, [_as_stored(param) for param in params])

    def columns(self, session: Session) -> Iterator[tuple[str, str, str]]:
        tables = session.fetch(
            f"SELECT name FROM {self._schema}.sqlite_master WHERE type = 'table'"
        )
        for (table,) in list(tables):
            for row in session.fetch(f"PRAGMA {self._schema}.table_info([{table}])"):
                yield f"{self._schema}.{table}", row[1], row[2]


def _number(raw: bytes | None) -> Decimal | int | None:
    """The number itself: the driver takes an expression for what its first row is, an int or a float."""
    if raw is None:
        return None
    text = raw.decode()
    return int(text) if text.lstrip("-").isdigit() else Decimal(text)


def _as_stored(param: Param) -> Param:
    if not isinstance(param.value, date):
        return param
    text = param.value.isoformat(" ") if isinstance(param.value, datetime) else str(param.value)
    return Param(text, SqlType.parse("varchar(23)"))


_Both = tuple[SqlPlugin, SqlPlugin]


class OdbcContract:
    """The rules of reads over ODBC: what is read is what SQLite itself reads of the same file."""

    @pytest.fixture(scope="class")
    @classmethod
    def both(cls, plugin: SqlPlugin, tmp_path_factory: pytest.TempPathFactory) -> Iterator[_Both]:
        """The plugin over ODBC, and over SQLite."""
        require_odbc()
        config = plugin.database.config
        assert isinstance(config, SqliteConfig)
        path = tmp_path_factory.mktemp("odbc") / "erp.sqlite"
        plain_copy(config.path, path, config.schema_name)
        plain = SqliteDatabase(config.model_copy(update={"path": path}))
        with (
            closing(_on(plugin, OdbcOnSqlite(path, config.schema_name))) as odbc,
            closing(_on(plugin, plain)) as sqlite,
        ):
            yield odbc, sqlite

    def test_a_list_is_the_same_over_odbc(self, both: _Both, list_operation: str) -> None:
        first = _same(both, list_operation, page_size=_PAGE)
        assert items(first)
        if first.next_page_token:
            _same(both, list_operation, page_size=_PAGE, page_token=first.next_page_token)

    def test_an_item_is_the_same_over_odbc(self, both: _Both, get_operation: str) -> None:
        listed = f"List{get_operation.removeprefix('Get')}s"
        item = items(_answer(both[1], listed, page_size=1))[0]
        _same(both, get_operation, id=item.id)

    def test_a_filter_finds_the_same_over_odbc(self, both: _Both, list_filter: str) -> None:
        """Its parameter is bound as the column's type."""
        operation, _, name = list_filter.partition(".")
        case, item = self.case(both[1], operation, name)  # type: ignore[attr-defined]
        value = case.value(item)
        field = OPERATIONS[operation].request.DESCRIPTOR.fields_by_name[name]
        _same(both, operation, page_size=_PAGE, **{name: [value] if field.is_repeated else value})

    def test_the_description_and_a_balance_are_the_same_over_odbc(self, both: _Both) -> None:
        if "DescribeErp" in both[1].serves:
            _same(both, "DescribeErp")
        if "GetCustomerBalance" in both[1].serves:
            for customer in items(_answer(both[1], "ListCustomers", page_size=_PAGE)):
                _same(both, "GetCustomerBalance", id=customer.id)


def plain_copy(sandbox: Path, path: Path, schema: str) -> None:
    """The sandbox's tables, rows and indexes with a collation that SQLite has without our functions."""
    with closing(connect_sandbox(sandbox, schema)) as source:
        source.execute("ATTACH ? AS plain", (str(path),))
        source.execute("PRAGMA plain.journal_mode = OFF")
        source.execute("BEGIN")
        for kind in ("table", "index"):
            for name, sql in source.execute(
                f"SELECT name, sql FROM {schema}.sqlite_master"
                f" WHERE type = '{kind}' AND sql IS NOT NULL AND name NOT LIKE 'sqlite%'"
            ).fetchall():
                source.execute(_in_plain(kind, sql, schema))
                if kind == "table":
                    _copy_rows(source, schema, name)
        source.execute("COMMIT")


def _in_plain(kind: str, sql: str, schema: str) -> str:
    """The statement for the other database: SQLite keeps it without the schema."""
    _, _, rest = sql.replace("Polish_CI_AS", "NOCASE").partition(f"CREATE {kind.upper()} ")
    # The driver gives types that it does not know as text.
    rest = _ID.sub('"bigint"', _AMOUNT.sub('"double"', rest))
    return f"CREATE {kind.upper()} plain.{rest}"


def _copy_rows(source: sqlite3.Connection, schema: str, table: str) -> None:
    # Not those that are computed.
    columns = [f'"{row[1]}"' for row in source.execute(f'PRAGMA {schema}.table_info("{table}")')]
    names = ", ".join(columns)
    source.execute(f'INSERT INTO plain."{table}" ({names}) SELECT {names} FROM {schema}."{table}"')


def _on(plugin: SqlPlugin, database: Database) -> SqlPlugin:
    """The plugin on another database."""
    other = copy.copy(plugin)
    other.database = database
    other.open()
    return other


def _comparable(response: Any) -> list[str]:
    """Its lines, without the moment that a page's token begins with where the ERP tells changes by time."""
    return re.sub(r'(next_page_token: ")[^."]*\.', r"\1", str(response)).splitlines()


def _answer(plugin: SqlPlugin, operation: str, **fields: Any) -> Any:
    response: Any = plugin.call(
        operation, OPERATIONS[operation].request(**fields), context(operation)
    )
    if "change_token" in response.DESCRIPTOR.fields_by_name:
        # A moment, where the ERP tells changes by time.
        response.ClearField("change_token")
    if operation == "GetCustomerBalance":
        response.customer_balance.ClearField("as_of")
    return response


def _same(both: _Both, operation: str, **fields: Any) -> Any:
    odbc, sqlite = (_answer(plugin, operation, **fields) for plugin in both)
    expected, found = _comparable(sqlite), _comparable(odbc)
    if expected != found:
        differing = [line for line in ndiff(expected, found) if line[0] in "+-"]
        pytest.fail(f"over ODBC: {differing[:20]}")
    return odbc
