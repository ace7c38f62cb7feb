"""What differs in the text of a query between SQL Server and SQLite; all else in it is the same."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from mostek.plugin.sql_types import SqlType

__all__ = ["SQLITE", "SQL_SERVER", "Dialect"]


@dataclass(frozen=True)
class Dialect:
    name: Literal["mssql", "sqlite"]
    #: What follows `ORDER BY key`; its one `?` is the number of rows.
    page_clause: str
    #: Types that a parameter is cast to in the text.
    casts: frozenset[str] = frozenset()

    def placeholder(self, kind: SqlType) -> str:
        """The text of a parameter of that type."""
        return f"CAST(? AS {kind.name})" if kind.name in self.casts else "?"


#: ODBC has no type for these: it would bind datetime2 or decimal, to which the *column* would be converted.
_NOT_IN_ODBC = frozenset({"datetime", "smalldatetime", "money", "smallmoney"})

SQL_SERVER = Dialect("mssql", "OFFSET 0 ROWS FETCH NEXT ? ROWS ONLY", _NOT_IN_ODBC)
SQLITE = Dialect("sqlite", "LIMIT ?")
