"""What the look-ups of a write ask of the ERP: rows by typed parameters, on one session."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from mostek.plugin.catalogue import Catalogue
from mostek.plugin.database import Database, Row, Session
from mostek.plugin.sql_types import Param, SqlType
from mostek.wire.failures import Drift

__all__ = ["Lookup"]

_AT_ONCE = 500


class Lookup:
    """Asks on one session. Tables are named without `schema`; of columns, case does not matter."""

    def __init__(self, session: Session, database: Database, schema: str = "dbo") -> None:
        self.session = session
        self.dialect = database.dialect
        self.catalogue: Catalogue = database.catalogue()
        self._schema = schema

    def has(self, table: str, column: str) -> bool:
        return self.catalogue.has(f"{self._schema}.{table}", column)

    def type_of(self, table: str, column: str) -> SqlType:
        """A column's type. Raises Drift if the database lacks it."""
        path = f"{self._schema}.{table}"
        kind = self.catalogue.type_of(path, column)
        if kind is None:
            raise Drift(f"The ERP's database has no column {path}.{column} of a known type.")
        return kind

    def fetch(self, sql: str, *params: Param) -> list[Row]:
        return list(self.session.fetch(sql, params))

    def one(self, sql: str, *params: Param) -> Row | None:
        return self.session.one(sql, params)

    def fetch_in(
        self, sql: str, values: Iterable[object], sql_type: str, *before: Param
    ) -> Iterator[Row]:
        """The rows of a statement with an IN list written `({})`, asked for as many times as it takes.

        `before`: the parameters that stand before the list.
        """
        wanted = list(dict.fromkeys(values))
        for start in range(0, len(wanted), _AT_ONCE):
            some = wanted[start : start + _AT_ONCE]
            marks = ", ".join("?" * len(some))
            params = [*before, *(Param.of(value, sql_type) for value in some)]
            yield from self.session.fetch(sql.format(marks), params)
