"""The tables and columns that a database has."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from mostek.plugin.sql_types import SqlType

__all__ = ["Catalogue"]


@dataclass(frozen=True)
class Catalogue:
    """Columns by table; tables are named with their schema, and case does not matter, as in SQL Server.

    A column's type is None where the database names one that the SDK does not know.
    """

    tables: Mapping[str, Mapping[str, SqlType | None]]

    @classmethod
    def of(cls, columns: Iterable[tuple[str, str, str]]) -> Catalogue:
        """From rows of (`dbo.table`, column, type as text)."""
        tables: dict[str, dict[str, SqlType | None]] = {}
        for table, column, sql_type in columns:
            tables.setdefault(table.lower(), {})[column.lower()] = _known(sql_type)
        return cls(tables)

    def has_table(self, table: str) -> bool:
        return table.lower() in self.tables

    def has(self, table: str, column: str) -> bool:
        return column.lower() in self.tables.get(table.lower(), {})

    def type_of(self, table: str, column: str) -> SqlType | None:
        return self.tables.get(table.lower(), {}).get(column.lower())

    def fingerprint(self, tables: Iterable[str]) -> str:
        """A short hash of the named tables' columns and types; it changes when the ERP changes one of them."""
        digest = hashlib.sha256()
        for table in sorted({name.lower() for name in tables}):
            columns = sorted(self.tables.get(table, {}).items())
            digest.update(f"{table}:{[(name, str(kind)) for name, kind in columns]};".encode())
        return digest.hexdigest()[:16]


def _known(sql_type: str) -> SqlType | None:
    try:
        return SqlType.parse(sql_type)
    except ValueError:
        return None
