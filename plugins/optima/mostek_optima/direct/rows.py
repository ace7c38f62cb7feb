"""Copies of rows, with all columns that the database at hand has."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from mostek.plugin.orders.lookup import Lookup, integer
from mostek.plugin.sql_types import Param, SqlType
from mostek.wire.failures import Drift

__all__ = ["Rows"]

_UNWRITABLE = """
SELECT c.name FROM sys.columns c
WHERE c.object_id = OBJECT_ID(?)
  AND (c.is_computed = 1 OR c.is_identity = 1 OR TYPE_NAME(c.system_type_id) = 'timestamp')
"""


class Rows:
    """The rows of one session. Tables are named without `CDN.`; of columns, case does not matter."""

    def __init__(self, lookup: Lookup) -> None:
        self.lookup = lookup
        self._writable: dict[str, dict[str, SqlType | None]] = {}

    def row(self, table: str, key: str, value: int) -> dict[str, Any] | None:
        """A whole row, by column in lower case."""
        columns = list(self._columns(table))
        names = ", ".join(f"[{name}]" for name in columns)
        sql = f"SELECT {names} FROM CDN.{table} WHERE [{key}] = ?"  # noqa: S608 - names of the catalogue and of this plugin
        found = self.lookup.one(sql, integer(value))
        return dict(zip(columns, found, strict=True)) if found else None

    def copy(self, table: str, key: str, source: int, changes: Mapping[str, object]) -> None:
        """Insert a copy of the row whose `key` is `source`, with other values in some columns.

        Whatever columns the database has are copied, inside the database; it numbers the copy. Changes of columns that
        it lacks, because it is older, or counts itself, fall away.
        """
        given = {name.lower(): value for name, value in changes.items()}
        items: list[str] = []
        params: list[Param] = []
        columns = self._columns(table, but=key)
        for name, kind in columns.items():
            value = _bound(given[name]) if name in given else None
            if name in given and value is not None:
                kind = kind or self.lookup.type_of(table, name)
                params.append(Param(value, kind))
                items.append(self.lookup.dialect.placeholder(kind))
            else:
                # A parameter that is NULL would need a type that converts to the column's.
                items.append("NULL" if name in given else f"[{name}]")
        names = ", ".join(f"[{name}]" for name in columns)
        sql = f"INSERT INTO CDN.{table} ({names}) SELECT {', '.join(items)} FROM CDN.{table} WHERE [{key}] = ?"  # noqa: S608 - names of the catalogue and of this plugin
        self.lookup.session.execute(sql, [*params, integer(source)])

    def _columns(self, table: str, but: str = "") -> dict[str, SqlType | None]:
        """The columns that an INSERT may name."""
        if table not in self._writable:
            known = self.lookup.catalogue.tables.get(f"CDN.{table}".lower())
            if not known:
                raise Drift(f"The ERP's database has no table CDN.{table}.")
            left_out = self._unwritable(table)
            self._writable[table] = {n: kind for n, kind in known.items() if n not in left_out}
        return {n: kind for n, kind in self._writable[table].items() if n != but.lower()}

    def _unwritable(self, table: str) -> set[str]:
        # A sandbox has no computed columns here.
        if self.lookup.dialect.name != "mssql":
            return set()
        found = self.lookup.fetch(_UNWRITABLE, Param.of(f"CDN.{table}", "nvarchar(128)"))
        return {str(name).lower() for (name,) in found}


def _bound(value: object) -> object:
    if isinstance(value, date) and not isinstance(value, datetime):
        return datetime(value.year, value.month, value.day)
    return value
