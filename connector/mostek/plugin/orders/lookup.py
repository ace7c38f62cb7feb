"""What the look-ups of a write ask of the ERP: rows by typed parameters, on one session."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from mostek.plugin.catalogue import Catalogue
from mostek.plugin.database import Database, Row, Session
from mostek.plugin.orders.choices import Search
from mostek.plugin.sql_types import Param, SqlType
from mostek.wire.failures import Drift

__all__ = ["Lookup", "integer", "text"]

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

    def search(self, statements: Sequence[str], sql_type: str, *before: Param) -> Search:
        """Finds rows by values of columns of that type, with each of the statements, which are as of `fetch_in`.

        What is empty, or longer than the type, is in no such column.
        """
        size = SqlType.parse(sql_type).size or 0

        def found(values: Sequence[str]) -> Iterator[Row]:
            fitting = [value for value in values if value and len(value) <= size]
            for sql in statements:
                yield from self.fetch_in(sql, fitting, sql_type, *before)

        return found


def integer(value: int) -> Param:
    return Param.of(value, "int")


def text(value: Any) -> str:
    """A text column's value without the padding of its type; NULL is empty."""
    return "" if value is None else str(value).rstrip()
