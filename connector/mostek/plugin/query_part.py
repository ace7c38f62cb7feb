"""One query file and the message that it feeds, before and after it met a database."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass, field
from datetime import tzinfo
from typing import Any

import sqlglot
from google.protobuf.message import Message
from sqlglot import exp

from mostek.plugin.catalogue import Catalogue
from mostek.plugin.conversion import Builder, Converter, Output, compile_builder
from mostek.plugin.dialect import Dialect
from mostek.plugin.fields import Field, Kind
from mostek.plugin.query_file import Column, Condition, Item, Line, Parameter, QueryError, QueryFile
from mostek.plugin.sql_types import SqlType, sql_value
from mostek.plugin.statement import Statement
from mostek.wire.failures import Drift

__all__ = ["AdaptedPart", "Part"]

_STATEMENTS_KEPT = 256
_PARENT = "parent_id"
_LOWEST = {"tinyint": -1, "smallint": -(2**15), "int": -(2**31), "bigint": -(2**63)}
_ROWS = Parameter("_rows", SqlType("int"), None)


@dataclass(frozen=True)
class Part:
    """A query file and the message that it feeds; `prefix` is the repeated field of a child file, else ""."""

    file: QueryFile
    root: Field
    prefix: str
    converters: Mapping[str, Converter]
    zone: tzinfo
    #: Field paths from the item's message → the paths that the value comes from.
    fed: Mapping[str, frozenset[str]]

    @classmethod
    def of(
        cls,
        file: QueryFile,
        root: Field,
        prefix: str,
        converters: Mapping[str, Converter],
        zone: tzinfo,
    ) -> Part:
        """Raises QueryError if the file does not fit the message or names an unknown converter."""
        checker = _Checker(file, root, prefix, converters)
        outputs = checker.outputs()
        fed = {
            _join(prefix, path): frozenset(_join(prefix, one) for one in file.inputs(path))
            for path in outputs
        }
        return cls(file, root, prefix, converters, zone, fed)

    def columns(self) -> frozenset[Column]:
        """Every table and column that the file names, alternatives and filters included."""
        parts: list[Item | Line] = [*self.file.items, *self.file.lines]
        return self.file.columns.union(*(part.columns for part in parts))

    def adapt(self, catalogue: Catalogue) -> AdaptedPart:
        """Choose among alternatives, drop what has no columns, note what is missing."""
        chosen: dict[str, Item] = {}
        gone: dict[str, frozenset[Column]] = {}
        for item in self.file.items:
            absent = _absent(catalogue, item.columns)
            if not absent:
                chosen.setdefault(item.alias, item)
            gone[item.alias] = absent
        missing = _absent(catalogue, self.file.columns)
        if self.prefix and _PARENT not in chosen:
            missing |= gone[_PARENT]
        lost = {
            path: missing.union(*(gone[one] for one in inputs if one not in chosen))
            for path, inputs in ((p, self.file.inputs(p)) for p in self._paths())
            if (missing and self.prefix) or any(one not in chosen for one in inputs)
        }
        conditions = {line.condition: line.columns for line in self.file.lines if line.condition}
        return AdaptedPart(
            part=self,
            chosen=chosen,
            types={alias: _type(catalogue, item) for alias, item in chosen.items()},
            lost={_join(self.prefix, path): columns for path, columns in lost.items()},
            missing=missing,
            missing_filters={
                condition: absent
                for condition, columns in conditions.items()
                if (absent := _absent(catalogue, columns))
            },
        )

    def revealed_by(self, name: str) -> str | None:
        """The field that a filter tells about."""
        if name in self.file.reveals:
            return _join(self.prefix, self.file.reveals[name])
        if self.prefix or name not in self.file.filters:
            return None
        return next((one for one in (name, name.removesuffix("s")) if self.root.find(one)), None)

    def container(self, message: Message) -> Any:
        """The repeated field of a message that this child file feeds."""
        found: Any = message
        for name in self.prefix.split("."):
            found = getattr(found, name)
        return found

    def output(
        self, path: str, index: Mapping[str, int], types: Mapping[str, SqlType | None]
    ) -> Output:
        """How the field gets its value; `index` has each alias's place in the row."""
        field = self.root_field(path)
        inputs = self.file.inputs(path)
        convert = self.file.converts.get(path)
        return Output(
            path=path,
            kind=field.kind,
            columns=tuple(index[one] for one in inputs),
            converter=self.converters[convert.name] if convert else None,
            repeated=field.repeated,
            sql_type=types.get(path) if not convert or field.kind is Kind.DECIMAL else None,
        )

    def root_field(self, path: str) -> Field:
        found = self.root.find(path)
        assert found, path
        return found

    def text_sums(self, catalogue: Catalogue) -> Iterator[str]:
        """Sums of text columns: SQL Server would join them, SQLite adds them as numbers."""
        for item in self.file.items:
            texts = any(_is_text(catalogue, column) for column in item.columns)
            tree = sqlglot.parse_one(f"SELECT {item.text}", read="tsql")
            if texts and any(_is_plain_sum(add) for add in tree.find_all(exp.Add)):
                yield f"{self.file.name}, line {item.line}: '+' joins no texts in SQLite"

    def _paths(self) -> list[str]:
        start = len(self.prefix) + 1 if self.prefix else 0
        return [path[start:] for path in self.fed]


def _is_plain_sum(add: exp.Expr) -> bool:
    return all(isinstance(side, exp.Column) for side in (add.this, add.expression))


@dataclass(frozen=True)
class AdaptedPart:
    """A part for the database at hand."""

    part: Part
    chosen: Mapping[str, Item]
    types: Mapping[str, SqlType | None]
    #: Fields that the database can't feed, from the item's message, with the columns that are missing.
    lost: Mapping[str, frozenset[Column]]
    #: Missing columns without which the query can't run at all.
    missing: frozenset[Column]
    missing_filters: Mapping[Condition, frozenset[Column]]
    _statements: dict[Any, tuple[Statement, Builder]] = field(
        default_factory=dict, compare=False, repr=False
    )

    def refuse_missing(self, active: Set[str]) -> None:
        """Raise Drift if the query needs, with these filters, what the database lacks."""
        missing = set(self.missing)
        for condition, columns in self.missing_filters.items():
            if (condition.name in active) is not condition.negated:
                missing |= columns
        if missing:
            names = ", ".join(sorted(".".join(filter(None, column)) for column in missing))
            raise Drift(f"The ERP's database has no {names}, which {self.part.file.name} needs.")

    def is_wanted(self, paths: frozenset[str]) -> bool:
        return not self.missing and not paths.isdisjoint(self.part.fed)

    def after(self, key: str | None) -> object:
        """The value that the page's keys are greater than; Invalid if the token's key is not of its type."""
        assert self.part.file.key_type
        if key is None:
            return _LOWEST.get(self.part.file.key_type.name, "")
        return sql_value("page_token", key, self.part.file.key_type)

    def statement(
        self, paths: frozenset[str], active: frozenset[str], dialect: Dialect
    ) -> tuple[Statement, Builder]:
        """The statement for these fields and filters, and what makes messages of its rows.

        The row's first value is the key (of a child file: the parent's).
        """
        cached = self._statements.get((paths, active, dialect.name))
        if cached is None:
            cached = self._statement(paths, active, dialect)
            if len(self._statements) >= _STATEMENTS_KEPT:
                self._statements.clear()
            self._statements[paths, active, dialect.name] = cached
        return cached

    def _statement(
        self, paths: frozenset[str], active: frozenset[str], dialect: Dialect
    ) -> tuple[Statement, Builder]:
        part, file = self.part, self.part.file
        wanted = [path for path in part._paths() if _join(part.prefix, path) in paths]
        aliases = list(dict.fromkeys(one for path in wanted for one in file.inputs(path)))
        index = {alias: number for number, alias in enumerate(aliases, 1)}
        items = [self._first_item(), *(self._item(alias) for alias in aliases)]
        text = file.text(items, active) + self._end(dialect)
        parameters = dict(file.parameters)
        if not part.prefix:
            assert file.key_type
            parameters |= {"_after": Parameter("_after", file.key_type, None), "_rows": _ROWS}
        outputs = [part.output(path, index, self.types) for path in wanted]
        return Statement.of(text, parameters), compile_builder(outputs, part.zone)

    def _first_item(self) -> str:
        if self.part.prefix:
            return self._item(_PARENT)
        return f"{self.part.file.key} AS [_key]"

    def _item(self, alias: str) -> str:
        return self.chosen[alias].text

    def _end(self, dialect: Dialect) -> str:
        key = self.part.file.key
        if self.part.prefix:
            return f"\nORDER BY {key}" if key else ""
        clause = dialect.page_clause.replace("?", ":_rows")
        return f"\n  AND {key} > :_after\nORDER BY {key}\n{clause}"


@dataclass(frozen=True)
class _Checker:
    """Whether a file fits its message."""

    file: QueryFile
    root: Field
    prefix: str
    converters: Mapping[str, Converter]

    def outputs(self) -> list[str]:
        """The field paths that the file feeds."""
        self._check_key()
        inputs = {i.alias for i in self.file.items if i.alias.startswith("_")} | {_PARENT}
        paths = {
            i.alias: i.line for i in self.file.items if self.prefix == "" or i.alias != _PARENT
        }
        paths = {path: line for path, line in paths.items() if not path.startswith("_")}
        for path in self.file.converts:
            paths.setdefault(path, 1)
        for path, line in paths.items():
            self._check_path(path, line, inputs)
        for parameter in self.file.parameters.values():
            if parameter.transform and parameter.transform not in self.converters:
                raise self._fail(
                    1, f":{parameter.name}: there is no converter {parameter.transform}"
                )
        for name, path in self.file.reveals.items():
            if not self.root.find(path):
                raise self._fail(1, f"filter {name}: there is no field {path}")
        return list(paths)

    def _check_path(self, path: str, line: int, inputs: set[str]) -> None:
        found = self.root.find(path)
        if found is None or path in inputs:
            raise self._fail(line, f"the message has no field {path}")
        if found.kind is Kind.MESSAGE or (found.kind is Kind.MAP) is (found.path == path):
            raise self._fail(line, f"{path} is no single value: name a field in it")
        convert = self.file.converts.get(path)
        if convert and convert.name not in self.converters:
            raise self._fail(line, f"convert {path}: there is no converter {convert.name}")
        if found.kind is Kind.ENUM and not convert:
            raise self._fail(line, f"{path} is an enum: add -- convert {path}: and a converter")
        if self._below_repeated(path):
            raise self._fail(line, f"{path} is in a repeated field: give that a child file")

    def _below_repeated(self, path: str) -> bool:
        names = path.split(".")
        above = (self.root.find(".".join(names[:depth])) for depth in range(1, len(names)))
        return any(found.repeated for found in above if found)

    def _check_key(self) -> None:
        if self.prefix:
            if not any(item.alias == _PARENT for item in self.file.items):
                raise self._fail(1, "a child file needs an item AS [parent_id]")
            parents = self.file.parameters.get("parents")
            if not parents or not parents.is_list:
                raise self._fail(1, "a child file needs IN (:parents), with its type in the header")
        elif not self.file.key or not self.file.key_type:
            raise self._fail(1, "the header needs -- key: alias.column type")
        elif self.file.key_type.name not in _LOWEST and not self.file.key_type.is_text:
            raise self._fail(1, "the key must be a whole number or a text")

    def _fail(self, line: int, message: str) -> QueryError:
        return QueryError(self.file.name, line, message)


def _join(prefix: str, path: str) -> str:
    return f"{prefix}.{path}" if prefix else path


def _absent(catalogue: Catalogue, columns: frozenset[Column]) -> frozenset[Column]:
    """What is not there; of a table that is not there, just the table."""
    tables = {table for table, _ in columns if not catalogue.has_table(table)}
    return frozenset((table, "") for table in tables) | {
        (table, column)
        for table, column in columns
        if table not in tables and column and not catalogue.has(table, column)
    }


def _type(catalogue: Catalogue, item: Item) -> SqlType | None:
    """The type of a plain column; of an expression, that of its decimals with the most digits."""
    types = [catalogue.type_of(table, column) for table, column in item.columns if column]
    decimals = [kind for kind in types if kind and kind.is_decimal]
    if len(types) == 1 and "(" not in item.text:
        return types[0]
    return max(decimals, key=lambda kind: kind.scale, default=None)


def _is_text(catalogue: Catalogue, column: Column) -> bool:
    kind = catalogue.type_of(*column)
    return kind is not None and kind.is_text
