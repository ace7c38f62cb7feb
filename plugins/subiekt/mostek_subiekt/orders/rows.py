"""Rows of the ERP: looked up with typed parameters, and copied with all columns that the database at hand has."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from mostek.plugin.database import Database, Session
from mostek.plugin.orders.lookup import Lookup, integer, text
from mostek.plugin.sql_types import Param, SqlType
from mostek.wire.failures import Drift

__all__ = ["Rows", "amount", "day", "is_empty"]

_UNWRITABLE = """
SELECT c.name FROM sys.columns c
WHERE c.object_id = OBJECT_ID(?)
  AND (c.is_computed = 1 OR c.is_identity = 1 OR TYPE_NAME(c.system_type_id) = 'timestamp')
"""
# The program's own way of numbering rows; a row's id must never be counted from the rows that are there.
_NEXT_ID = """
SET NOCOUNT ON;
DECLARE @first int;
EXEC dbo.spIdentyfikator ?, ?, @first OUTPUT;
SELECT @first
"""
# What the sandbox has instead of the procedure.
_NEXT_ID_SANDBOX = (
    "UPDATE dbo.ins_ident SET ido_wartosc = ido_wartosc + ? WHERE ido_nazwa = ?"
    " RETURNING ido_wartosc"
)


class Rows(Lookup):
    """The rows of one session. Tables are named without `dbo.`; of columns, case does not matter."""

    def __init__(self, session: Session, database: Database) -> None:
        super().__init__(session, database)
        self._writable: dict[str, dict[str, SqlType | None]] = {}

    # Looking up

    def row(self, table: str, key: str, value: int) -> dict[str, Any] | None:
        """A whole row, by column in lower case."""
        columns = list(self._columns(table))
        names = ", ".join(f"[{name}]" for name in columns)
        found = self.one(f"SELECT {names} FROM dbo.{table} WHERE [{key}] = ?", integer(value))  # noqa: S608 - names of the catalogue and of this plugin
        return dict(zip(columns, found, strict=True)) if found else None

    def placeholder(self, sql_type: str) -> str:
        return self.dialect.placeholder(SqlType.parse(sql_type))

    # Writing

    def next_id(self, table: str, count: int = 1) -> int:
        """The first of `count` new ids, drawn from the program's own counter."""
        name, number = Param.of(table, "varchar(50)"), integer(count)
        if self.dialect.name == "mssql":
            found = self.one(_NEXT_ID, name, number)
            first = found[0] if found else None
        else:
            found = self.one(_NEXT_ID_SANDBOX, number, name)
            first = found[0] - count if found else None
        if not isinstance(first, int) or first <= 0:
            raise Drift(f"The ERP gave no id for a new row of {table} (spIdentyfikator).")
        return first

    def copy(self, table: str, key: str, source: int, changes: Mapping[str, object]) -> None:
        """Insert a copy of the row whose `key` is `source`, with other values in some columns.

        Whatever columns the database has are copied, inside the database. Changes of columns that it lacks, because it
        is older, fall away.
        """
        given = {name.lower(): value for name, value in changes.items()}
        if key.lower() not in given:
            raise ValueError(f"a copy in {table} needs a key of its own")
        columns = self._columns(table)
        items: list[str] = []
        params: list[Param] = []
        for name, kind in columns.items():
            if name not in given:
                items.append(f"[{name}]")
                continue
            kind = kind or self.type_of(table, name)
            value = _bound(given[name], kind)
            # A parameter that is NULL would need a type that converts to the column's: image has none.
            items.append("NULL" if value is None else self.dialect.placeholder(kind))
            params += [] if value is None else [Param(value, kind)]
        self._insert(table, columns, ", ".join(items), f"dbo.{table}", key, params, source)

    def copy_into(
        self, table: str, items: Mapping[str, str | Param], origin: str, key: str, source: int
    ) -> None:
        """Insert a row made of the columns of a row of another table, by expression, and of parameters."""
        columns = {
            name: "NULL" if isinstance(item, Param) and item.value is None else item
            for name, item in items.items()
            if self.has(table, name)
        }
        text = ", ".join(
            item if isinstance(item, str) else self.dialect.placeholder(item.type)
            for item in columns.values()
        )
        params = [item for item in columns.values() if isinstance(item, Param)]
        self._insert(table, columns, text, f"dbo.{origin}", key, params, source)

    def _insert(
        self,
        table: str,
        columns: Iterable[str],
        items: str,
        origin: str,
        key: str,
        params: Sequence[Param],
        source: int,
    ) -> None:
        names = ", ".join(f"[{name}]" for name in columns)
        self.session.execute(
            f"INSERT INTO dbo.{table} ({names}) SELECT {items} FROM {origin} WHERE [{key}] = ?",  # noqa: S608 - names of the catalogue and of this plugin
            [*params, integer(source)],
        )

    def _columns(self, table: str) -> dict[str, SqlType | None]:
        """The columns that an INSERT may name."""
        if table not in self._writable:
            known = self.catalogue.tables.get(f"dbo.{table}".lower())
            if not known:
                raise Drift(f"The ERP's database has no table dbo.{table}.")
            left_out = self._unwritable(table)
            self._writable[table] = {n: kind for n, kind in known.items() if n not in left_out}
        return self._writable[table]

    def _unwritable(self, table: str) -> set[str]:
        # The catalogue of a sandbox has no computed columns, and no table with an identity is copied.
        if self.dialect.name != "mssql":
            return set()
        found = self.fetch(_UNWRITABLE, Param.of(f"dbo.{table}", "nvarchar(128)"))
        return {str(name).lower() for (name,) in found}


def _bound(value: object, kind: SqlType) -> object:
    if isinstance(value, date) and not isinstance(value, datetime) and kind.name != "date":
        return datetime(value.year, value.month, value.day)
    return bool(value) if kind.name == "bit" and value is not None else value


def amount(value: Any) -> Decimal:
    """A money column's value; NULL is 0."""
    return Decimal(f"{value or 0:.4f}")


def day(value: Any) -> date | None:
    """The day of a datetime column."""
    if value is None:
        return None
    return date.fromisoformat(value[:10]) if isinstance(value, str) else value.date()


def is_empty(value: Any) -> bool:
    """NULL, zero, false or no text."""
    return not text(value) if isinstance(value, str) or value is None else not value
