"""What an ERP's database looks like, read from a CSV file that the plugin keeps as data.

One row per column, with the header `table,column,type,nullable,default,identity,key,meaning`:

    table     with its schema: dbo.tw__Towar
    type      SQL Server's own: varchar(20), money; empty if unknown
    nullable  yes, no, or empty if unknown
    default   SQL Server's expression, in parentheses; COMPUTED (with the expression, if known) for a computed column
    identity  yes: the database numbers the rows itself
    key       PK, UNIQUE, UNIQUE(a,b), FK->dbo.tw__Towar.tw_Id; several are joined by `;`
    meaning   a few words and the enumeration, for people

A further column `complete` may say `no`: of that table only the columns that are used are listed. Without it the lists
are complete, and a column that is not listed does not exist.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Self

__all__ = ["Column", "ReferenceSchema", "Table"]

_HEADER = ("table", "column", "type", "nullable", "default", "identity", "key", "meaning")
_SIZE = re.compile(r"(?:n?var)?n?(?:char|binary)\((\d+)\)", re.IGNORECASE)
_YES_NO = {"yes": True, "no": False, "": None}


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a table.

    `type`, `default` and `computed` are SQL Server's text. `computed` is None for an ordinary column and "" for a
    computed one whose expression is not known. `references` are the table and the column of a foreign key, which
    need not be enforced and may lie outside the schema.
    """

    name: str
    type: str
    nullable: bool | None = None
    default: str = ""
    computed: str | None = None
    identity: bool = False
    references: tuple[str, str] | None = None
    meaning: str = ""

    @property
    def base_type(self) -> str:
        """The type without its size, in lower case: `varchar`."""
        return self.type.partition("(")[0].strip().lower()

    @property
    def length(self) -> int | None:
        """How many characters (or bytes) the column takes; None if it has no such limit."""
        match = _SIZE.fullmatch(self.type.replace(" ", ""))
        return int(match[1]) if match else None

    @property
    def is_text(self) -> bool:
        return self.base_type in {"char", "varchar", "text", "nchar", "nvarchar", "ntext"}


@dataclass(frozen=True, slots=True)
class Table:
    """One table. Column names are looked up in any case, as SQL Server does."""

    name: str
    columns: tuple[Column, ...]
    primary_key: tuple[str, ...] = ()
    unique: tuple[tuple[str, ...], ...] = ()
    complete: bool = True

    @property
    def schema_name(self) -> str:
        return self.name.partition(".")[0]

    @property
    def short_name(self) -> str:
        """The name without the schema: `tw__Towar`."""
        return self.name.partition(".")[2]

    def __contains__(self, column: object) -> bool:
        return isinstance(column, str) and any(_same(column, c.name) for c in self.columns)

    def column(self, name: str) -> Column:
        """The column of that name; LookupError if the table lists none."""
        for column in self.columns:
            if _same(column.name, name):
                return column
        raise LookupError(f"{self.name} has no column {name} in the reference schema")

    def without(self, names: Iterable[str]) -> Table:
        """The table as it was before these columns came; a key that one of them belongs to goes too."""
        gone = {name.lower() for name in names}
        primary = () if _touches(self.primary_key, gone) else self.primary_key
        return replace(
            self,
            columns=tuple(c for c in self.columns if c.name.lower() not in gone),
            primary_key=primary,
            unique=tuple(key for key in self.unique if not _touches(key, gone)),
        )


class ReferenceSchema:
    """The tables of one version of an ERP's database."""

    def __init__(self, tables: Iterable[Table]) -> None:
        self._tables = {table.name.lower(): table for table in tables}

    @classmethod
    def load(cls, source: Traversable | Path) -> Self:
        """Read the CSV file; ValueError with its name and line if it is not as the module describes."""
        text = source.read_text(encoding="utf-8-sig")
        rows = csv.DictReader(text.splitlines(), restval="")
        missing = [name for name in _HEADER if name not in (rows.fieldnames or ())]
        if missing:
            raise ValueError(f"{source.name}: the header lacks {', '.join(missing)}")
        builders: dict[str, _TableBuilder] = {}
        for row in rows:
            try:
                builders.setdefault(row["table"].lower(), _TableBuilder(row["table"])).add(row)
            except ValueError as error:
                raise ValueError(f"{source.name}, line {rows.line_num}: {error}") from None
        return cls(builder.table() for builder in builders.values())

    def __iter__(self) -> Iterator[Table]:
        return iter(self._tables.values())

    def __contains__(self, table: object) -> bool:
        return isinstance(table, str) and table.lower() in self._tables

    def table(self, name: str) -> Table:
        """The table of that name (`dbo.tw__Towar`, in any case); LookupError if the schema has none."""
        try:
            return self._tables[name.lower()]
        except KeyError:
            raise LookupError(f"the reference schema has no table {name}") from None

    def without(self, columns: Iterable[str]) -> ReferenceSchema:
        """An older version, which lacks these columns (`dbo.adr__Ewid.adr_GLN`).

        A table that loses its last column is gone. LookupError for a column that the schema does not have.
        """
        gone: dict[str, list[str]] = {}
        for path in columns:
            table, _, name = path.rpartition(".")
            gone.setdefault(self.table(table).name, []).append(self.table(table).column(name).name)
        tables = (table.without(gone.get(table.name, ())) for table in self)
        return ReferenceSchema(table for table in tables if table.columns)


class _TableBuilder:
    """Gathers the rows of one table: composite keys are spread over several of them."""

    def __init__(self, name: str) -> None:
        if name.count(".") != 1:
            raise ValueError(
                f"the table {name!r} must be named with its schema, like dbo.tw__Towar"
            )
        self._name = name
        self._columns: list[Column] = []
        self._primary_key: list[str] = []
        self._unique: dict[tuple[str, ...], None] = {}
        self._complete = True

    def add(self, row: dict[str, str]) -> None:
        name = row["column"]
        if not name or any(_same(name, column.name) for column in self._columns):
            raise ValueError(f"the column {name!r} of {self._name} is empty or there twice")
        references = None
        for key in filter(None, _keys(row["key"])):
            if key == "PK":
                self._primary_key.append(name)
            elif key.startswith("FK->"):
                table, _, column = key.removeprefix("FK->").rpartition(".")
                references = (table, column)
            elif key.startswith("UNIQUE"):
                self._unique[_unique(key, name)] = None
            else:
                raise ValueError(
                    f"{key!r} is no key: PK, UNIQUE, UNIQUE(a,b) or FK->schema.table.column"
                )
        self._columns.append(_column(row, references))
        self._complete &= row.get("complete", "yes") != "no"

    def table(self) -> Table:
        return Table(
            self._name,
            tuple(self._columns),
            tuple(self._primary_key),
            tuple(self._unique),
            self._complete,
        )


def _column(row: dict[str, str], references: tuple[str, str] | None) -> Column:
    if row["nullable"] not in _YES_NO or row["identity"] not in _YES_NO:
        raise ValueError("nullable and identity must be yes, no or empty")
    default, computed = row["default"], None
    if default.startswith("COMPUTED"):
        default, computed = "", default.removeprefix("COMPUTED").strip()
    return Column(
        name=row["column"],
        type=row["type"],
        nullable=_YES_NO[row["nullable"]],
        default=default,
        computed=computed,
        identity=row["identity"] == "yes",
        references=references,
        meaning=row["meaning"],
    )


def _keys(text: str) -> list[str]:
    return [key.strip() for key in text.split(";")]


def _unique(key: str, column: str) -> tuple[str, ...]:
    names = key.removeprefix("UNIQUE").strip("()")
    return tuple(name.strip() for name in names.split(",")) if names else (column,)


def _touches(key: tuple[str, ...], gone: set[str]) -> bool:
    return any(name.lower() in gone for name in key)


def _same(one: str, other: str) -> bool:
    return one.lower() == other.lower()
