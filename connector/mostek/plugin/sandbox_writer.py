"""Writes rows into the sandbox: ids, batches, and what a row does not say."""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from collections.abc import Mapping
from datetime import date, timedelta

from mostek.plugin.schema import Column, ReferenceSchema, Table

__all__ = ["Row", "Writer", "day_text", "money", "share"]

Row = Mapping[str, object]

_BATCH = 4000
_WITHOUT_DEFAULT = {"varchar": "''", "nvarchar": "''", "text": "''", "char": "''"}


class Writer:
    """Gathers rows and writes them in batches.

    Tables are named without their owner (`dbo`). All rows of a table give the same columns. A column (or table) that
    the schema lacks is left out, so that the same data makes an older version of the database; one that is NOT NULL and
    neither given nor defaulted becomes 0 or ''.
    """

    def __init__(
        self, connection: sqlite3.Connection, schema: ReferenceSchema, owner: str = "dbo"
    ) -> None:
        self._connection = connection
        self._schema = schema
        self._owner = owner
        self._statements: dict[str, str] = {}
        self._rows: dict[str, list[Row]] = defaultdict(list)
        self._next: dict[str, int] = defaultdict(lambda: 1)

    def has(self, table: str) -> bool:
        """Whether this version of the database has the table."""
        return f"{self._owner}.{table}" in self._schema

    def begin_ids(self, table: str, number: int) -> None:
        """Let the table's counter begin at another number than 1."""
        self._next[table] = number

    def next_id(self, table: str) -> int:
        """The next number of the table's counter."""
        number = self._next[table]
        self._next[table] = number + 1
        return number

    def next_free(self, table: str) -> int:
        """The number that the table's counter will give next."""
        return self._next[table]

    def add(self, table: str, row: Row) -> None:
        rows = self._rows[table]
        rows.append(row)
        if len(rows) >= _BATCH:
            self._write(table)

    def add_all(self, table: str, *rows: Row) -> None:
        for row in rows:
            self.add(table, row)

    def execute(self, sql: str, parameters: tuple[int | float, ...] = ()) -> None:
        self._connection.execute(sql, parameters)

    def flush(self) -> None:
        for table in self._rows:
            self._write(table)

    def _write(self, name: str) -> None:
        rows = self._rows[name]
        if rows and self.has(name):
            if name not in self._statements:
                self._statements[name] = _insert(
                    self._schema.table(f"{self._owner}.{name}"), rows[0]
                )
            self._connection.executemany(self._statements[name], rows)
        rows.clear()


def _insert(table: Table, row: Row) -> str:
    given = {name: f":{name}" for name in row if name in table}
    lower = {name.lower() for name in given}
    for column in table.columns:
        if column.name.lower() not in lower and _is_needed(column):
            given[column.name] = _WITHOUT_DEFAULT.get(column.base_type, "0")
    return f"INSERT INTO {table.name} ({', '.join(given)}) VALUES ({', '.join(given.values())})"


def _is_needed(column: Column) -> bool:
    filled = column.default or column.identity or column.computed is not None
    return column.nullable is False and not filled


def money(grosze: int) -> float:
    """An amount as a money column holds it."""
    return grosze / 100


def share(amount: int, part: int, whole: int) -> int:
    """`amount * part / whole`, rounded half away from zero."""
    sign = -1 if amount * part < 0 else 1
    return sign * ((2 * abs(amount * part) + whole) // (2 * whole))


def day_text(day: date, days: int = 0) -> str:
    """A date as a datetime column holds it."""
    return f"{day + timedelta(days=days)} 00:00:00"
