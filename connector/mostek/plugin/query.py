"""Queries: a `.sql` file with its child files, adapted to the database at hand, read page by page into messages.

Query ── adapt(catalogue) ──► AdaptedQuery ── page(...) ──► messages, key of the last row
  ├─ check(schema)                    └─ drift
  └─ parts: the file itself, and one for each repeated field that a child file feeds
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta, tzinfo
from functools import cached_property
from importlib.resources.abc import Traversable
from itertools import accumulate, islice
from pathlib import Path
from typing import Any

from google.protobuf.message import Message
from google.protobuf.struct_pb2 import Struct
from google.protobuf.timestamp_pb2 import Timestamp

from mostek.erp.v1.common_pb2 import UnavailableField
from mostek.plugin.catalogue import Catalogue
from mostek.plugin.conversion import Builder, Converter
from mostek.plugin.database import Database, Session
from mostek.plugin.fields import Field, Kind, Selection, select
from mostek.plugin.plugin import Context
from mostek.plugin.query_file import Column, QueryError, QueryFile
from mostek.plugin.query_part import AdaptedPart, Part
from mostek.plugin.schema import ReferenceSchema
from mostek.plugin.site_parts import SiteParts
from mostek.plugin.sql_types import like_contains, like_prefix, sql_value
from mostek.plugin.statement import MOST_PARAMETERS, Statement
from mostek.wire.failures import Denied, Invalid, Unsupported
from mostek.wire.fields import DeniedFields

__all__ = ["AdaptedQuery", "DriftNote", "Filters", "Query", "QueryFolder", "catalogue_of"]

#: A page ends when its messages have this many bytes.
PAGE_BYTES = 2**20
_CHILD_ROWS_AT_ONCE = 128
_SELECTIONS_KEPT = 256
_SELECT = re.compile(r"^\s*SELECT\b", re.MULTILINE | re.IGNORECASE)

#: Filters by name. None: not given; False: a filter without a parameter that is off; []: nothing can match.
Filters = Mapping[str, Any]
_Child = tuple[AdaptedPart, Statement, Builder]


@dataclass(frozen=True)
class DriftNote:
    """Something that the database at hand lacks. `name` is `dbo.table.column` or `dbo.table`."""

    name: str
    message: str
    query: str
    #: Fields that are unavailable for it; empty if the whole query fails, or one filter does.
    fields: tuple[str, ...] = ()
    fails: bool = False


class QueryFolder:
    """The plugin's query files, and a folder of the site in which a file of the same name replaces ours."""

    def __init__(self, ours: Traversable, override: Path | None = None) -> None:
        self._ours = ours
        self._override = override

    def read(self, name: str) -> tuple[str, str]:
        """(what to call the file in messages, its text)."""
        if self._override and (self._override / name).is_file():
            path = self._override / name
            return str(path), path.read_text(encoding="utf-8-sig")
        return name, (self._ours / name).read_text(encoding="utf-8")

    def children(self, name: str) -> list[str]:
        """Field paths of `name`'s child files: `prices` of products.prices.sql."""
        files = {entry.name for entry in self._ours.iterdir()}
        if self._override and self._override.is_dir():
            files |= {entry.name for entry in self._override.iterdir()}
        start = f"{name}."
        found = (f[len(start) : -len(".sql")] for f in files if f.startswith(start))
        return sorted(path for path in found if path)


@dataclass(frozen=True)
class Query:
    """A file and its child files, which feed one message; `message` is its name in the policy (`Customer`)."""

    name: str
    message: str
    message_type: type[Message]
    root: Field
    parts: tuple[Part, ...]
    converters: Mapping[str, Converter]
    site: SiteParts = field(default_factory=SiteParts)

    @classmethod
    def load(
        cls,
        folder: QueryFolder,
        name: str,
        message: type[Message],
        *,
        zone: tzinfo,
        converters: Mapping[str, Converter] | None = None,
        attributes: Mapping[str, str] | None = None,
        rows: str | None = None,
    ) -> Query:
        """Read `name`.sql and `name`.*.sql. Raises QueryError, naming file and line.

        `attributes` are further entries of the message's map of that name, by SQL expression; `rows` is a condition
        on every row. Both are the site's, and are checked like the file.
        """
        known = {**_BUILT_IN, **(converters or {})}
        root = Field.of(message.DESCRIPTOR)
        label, text = folder.read(f"{name}.sql")
        file = _parsed(label, text, attributes or {}, rows)
        parts = [Part.of(file, root, "", known, zone)]
        for path in folder.children(name):
            label, text = folder.read(f"{name}.{path}.sql")
            below = root.find(path)
            if not below or not below.repeated or below.kind is not Kind.MESSAGE:
                raise QueryError(
                    label, 1, f"{path} is no repeated message of {message.DESCRIPTOR.name}"
                )
            child = Field.of(_descriptor_at(message, path))
            part = Part.of(QueryFile.parse(label, text), child, path, known, zone)
            parts.append(part)
        return cls(name, message.DESCRIPTOR.name, message, root, tuple(parts), known)

    @classmethod
    def of_records(
        cls, label: str, name: str, text: str, *, zone: tzinfo, converters: Mapping[str, Converter]
    ) -> Query:
        """A list that the site defined: every alias is a column of its own."""
        known = {**_BUILT_IN, **converters}
        file = QueryFile.parse(label, text)
        names = (path for path in {*(i.alias for i in file.items), *file.converts})
        root = Field.of_columns(path for path in sorted(names) if not path.startswith("_"))
        part = Part.of(file, root, "", known, zone)
        return cls(name, f"Records.{name}", Struct, root, (part,), known)

    @cached_property
    def filters(self) -> frozenset[str]:
        """Every filter that one of the files knows."""
        return frozenset(
            name for part in self.parts for name in part.file.filters | part.file.parameters.keys()
        ) - {"parents"}

    @cached_property
    def required(self) -> frozenset[str]:
        """The parameters without which the query can't run."""
        return frozenset(name for part in self.parts for name in part.file.required) - {"parents"}

    @property
    def tables(self) -> frozenset[str]:
        """Every table that one of the files names."""
        return frozenset(table for part in self.parts for table, _ in part.columns())

    def adapt(self, catalogue: Catalogue) -> AdaptedQuery:
        """The query for a database with these columns."""
        return AdaptedQuery(self, tuple(part.adapt(catalogue) for part in self.parts))

    def check(self, schema: ReferenceSchema) -> list[str]:
        """What is wrong with the query by the reference schema, a sentence each; for a plugin's tests."""
        catalogue = catalogue_of(schema)
        problems = [
            f"{part.file.name}: {table}{'.' if column else ''}{column} is not in the reference schema"
            for part in self.parts
            for table, column in sorted(part.columns())
            if not _exists(catalogue, table, column)
        ]
        return problems + [problem for part in self.parts for problem in part.text_sums(catalogue)]


@dataclass(frozen=True)
class AdaptedQuery:
    """A query for the database at hand. Thread-safe."""

    query: Query
    parts: tuple[AdaptedPart, ...]
    _selections: dict[Any, Selection] = field(default_factory=dict, compare=False, repr=False)

    @property
    def drift(self) -> list[DriftNote]:
        """What the database lacks of what the query names."""
        return list(_drift_notes(self))

    def name_of(self, part: AdaptedPart) -> str:
        """What a part is called in traces, as its file is without `.sql`: `products.prices`."""
        prefix = part.part.prefix
        return f"{self.query.name}.{prefix}" if prefix else self.query.name

    def select(self, mask: Sequence[str] | None, denied: DeniedFields) -> Selection:
        """What one request gets of the fields. Raises Invalid naming read_mask."""
        wanted = None if mask is None else tuple(mask)
        found = self._selections.get((wanted, denied))
        if found is None:
            found = self._select(wanted, denied)
            if len(self._selections) >= _SELECTIONS_KEPT:
                self._selections.clear()
            self._selections[wanted, denied] = found
        return found

    def _select(self, mask: tuple[str, ...] | None, denied: DeniedFields) -> Selection:
        fed = {path: inputs for part in self.parts for path, inputs in part.part.fed.items()}
        lost = frozenset(path for part in self.parts for path in part.lost)
        return select(
            self.query.root,
            self.query.message,
            mask=mask,
            denied=denied,
            fed=fed,
            lost=lost,
            shows=self.query.site.shows,
        )

    def page(
        self,
        database: Database,
        context: Context,
        *,
        into: Any,
        size: int,
        after: str | None = None,
        mask: Sequence[str] | None = None,
        filters: Filters | None = None,
        ids: frozenset[str] = frozenset(),
    ) -> tuple[str | None, tuple[UnavailableField, ...]]:
        """Append at most `size` messages to the repeated field `into`, those after the key `after`.

        Answers the last one's key if more may follow, and the fields that were asked for and are not there. The page
        ends early at about 1 MiB. `ids` names the filters whose values are ids: one that can't be the ERP's is not
        found, where other values are refused.

        Raises Invalid, Denied (a filter reveals a denied field), Unsupported (a filter that no file knows), Drift.
        """
        self._refuse_order(context.denied)
        selection = self.select(mask, context.denied)
        given = {name: value for name, value in (filters or {}).items() if value is not None}
        values = self._values(given, ids, context.denied)
        if values is None:
            return None, selection.unavailable
        reader = _Reader(self, database, context, selection, values)
        return reader.read(into, size, after), selection.unavailable

    def _values(self, given: Filters, ids: frozenset[str], denied: DeniedFields) -> _Values | None:
        """Active filters and parameter values; None if nothing can match."""
        unknown = given.keys() - self.query.filters
        if unknown:
            names = ", ".join(sorted(unknown))
            raise Unsupported(f"This ERP can't filter {self.query.name} by {names}.")
        active: set[str] = set()
        values: dict[str, list[object]] = {}
        for name, value in given.items():
            if not self._is_on(name, value):
                continue
            self._refuse_denied(name, denied)
            active.add(name)
            found = self._converted(name, value, lenient=name in ids)
            if not found:
                return None
            values |= found
        for name in self.query.required - values.keys():
            raise Invalid.of(name, "is required")
        self.parts[0].refuse_missing(active)
        return _Values(frozenset(active), values)

    def _is_on(self, name: str, value: object) -> bool:
        """A filter without a parameter is a switch."""
        return bool(value) or any(name in part.part.file.parameters for part in self.parts)

    def _converted(self, name: str, value: Any, *, lenient: bool) -> dict[str, list[object]]:
        """The parameter's values as each part's type wants them; empty if there are none."""
        parameter = next(
            (p.part.file.parameters[name] for p in self.parts if name in p.part.file.parameters),
            None,
        )
        if parameter is None:
            return {name: [True]}
        if parameter.transform:
            value = self.query.converters[parameter.transform](value)
        if value is None:
            return {}
        several = isinstance(value, Iterable) and not isinstance(value, str | bytes)
        found: list[object] = []
        for one in value if several else (value,):
            try:
                found.append(sql_value(name, self._local(one), parameter.type))
            except Invalid:
                if not lenient:
                    raise
        return {name: found} if found else {}

    def _local(self, value: object) -> object:
        """Columns hold the site's own time."""
        if isinstance(value, Timestamp):
            value = value.ToDatetime(tzinfo=UTC)
        if isinstance(value, datetime) and value.tzinfo:
            return value.astimezone(self.parts[0].part.zone).replace(tzinfo=None)
        return value

    def _refuse_order(self, denied: DeniedFields) -> None:
        """Page tokens hold the key of a row."""
        for path in sorted(self.query.site.ordered_by):
            if denied.covers(path):
                raise Denied(
                    f"The site's policy keeps {path} back, by which {self.query.message} is ordered, so its pages "
                    "would tell it. Its administrator can give the list another key."
                )

    def _refuse_denied(self, name: str, denied: DeniedFields) -> None:
        for part in self.parts:
            path = part.part.revealed_by(name)
            full = f"{self.query.message}.{path}"
            if path and denied.covers(full):
                raise _not_asked(name, full)
        for path in sorted(self.query.site.asks.get(name, ())):
            if denied.covers(path):
                raise _not_asked(name, path)


def _not_asked(name: str, path: str) -> Denied:
    return Denied.of(
        name, f"is not allowed by the site's policy, which keeps {path} back; leave it out"
    )


@dataclass(frozen=True)
class _Values:
    active: frozenset[str]
    values: Mapping[str, Sequence[object]]


@dataclass
class _Reader:
    """Reads one page."""

    query: AdaptedQuery
    database: Database
    context: Context
    selection: Selection
    given: _Values

    def read(self, into: Any, size: int, after: str | None) -> str | None:
        main = self.query.parts[0]
        with self.database.reading(self.context) as session:
            rows, build = self._rows(session, main, size, after)
            children = self._children()
            # One connection reads one result at a time.
            source = iter(list(rows)) if children else rows
            return self._fill(session, into, size, source, build, children)

    def _rows(
        self, session: Session, main: AdaptedPart, size: int, after: str | None
    ) -> tuple[Iterator[Any], Builder]:
        statement, build = main.statement(
            self.selection.paths, self.given.active, self.database.dialect
        )
        values = {**self.given.values, "_after": [main.after(after)], "_rows": [size + 1]}
        sql, params = statement.render(self.database.dialect, values)
        return session.fetch(sql, params, self.query.name_of(main)), build

    def _children(self) -> list[_Child]:
        wanted = [p for p in self.query.parts[1:] if p.is_wanted(self.selection.paths)]
        for part in wanted:
            part.refuse_missing(self.given.active)
        dialect = self.database.dialect
        return [(p, *p.statement(self.selection.paths, self.given.active, dialect)) for p in wanted]

    def _fill(
        self,
        session: Session,
        into: Any,
        size: int,
        rows: Iterator[Any],
        build: Builder,
        children: Sequence[_Child],
    ) -> str | None:
        keys: list[Any] = []
        begin, room, step = len(into), PAGE_BYTES, self._step(children)
        while chunk := list(islice(rows, step)):
            # The row after the last of a full page only tells that there is one.
            more = len(keys) + len(chunk) > size
            chunk = chunk[: size - len(keys)]
            messages = [_built(build, row, into.add()) for row in chunk]
            self._attach(session, children, [row[0] for row in chunk], messages)
            sizes = [message.ByteSize() for message in messages]
            # A message that is larger than a page comes alone, for else it would never come.
            fits = _fitting(sizes, room) or (0 if keys else 1)
            keys += [row[0] for row in chunk[:fits]]
            room -= sum(sizes[:fits])
            if more or fits < len(chunk):
                del into[begin + len(keys) :]
                return str(keys[-1])
        return None

    def _step(self, children: Sequence[_Child]) -> int:
        """How many parents at once: a power of two, so that no list of theirs needs filling up."""
        most = max((statement.uses("parents") for _, statement, _ in children), default=1)
        others = sum(len(values) for values in self.given.values.values())
        step = _CHILD_ROWS_AT_ONCE
        while step > 1 and step * most + others * 2 > MOST_PARAMETERS:
            step //= 2
        return step

    def _attach(
        self,
        session: Session,
        children: Sequence[_Child],
        keys: Sequence[Any],
        messages: Sequence[Any],
    ) -> None:
        for part, statement, build in children if keys else ():
            values = {**self.given.values, "parents": keys}
            parents = dict(zip(keys, map(part.part.container, messages), strict=True))
            sql, params = statement.render(self.database.dialect, values)
            for row in session.fetch(sql, params, self.query.name_of(part)):
                if row[0] in parents:
                    build(row, parents[row[0]].add())


def _built(build: Builder, row: Any, message: Any) -> Any:
    build(row, message)
    return message


def _fitting(sizes: Sequence[int], room: int) -> int:
    """How many messages there is room for."""
    return sum(total <= room for total in accumulate(sizes))


def catalogue_of(schema: ReferenceSchema) -> Catalogue:
    """The catalogue of a database that has just the reference schema's columns."""
    return Catalogue.of((t.name, c.name, c.type) for t in schema for c in t.columns)


def _exists(catalogue: Catalogue, table: str, column: str) -> bool:
    return catalogue.has(table, column) if column else catalogue.has_table(table)


def _drift_notes(query: AdaptedQuery) -> Iterator[DriftNote]:
    for part in query.parts:
        file = part.part.file.name
        fields = tuple(f"{query.query.message}.{path}" for path in part.lost)
        for name in sorted(column_name(c) for c in part.missing):
            what = "; these fields are unavailable" if part.part.prefix else "; the query fails"
            note = f"{file}: the database has no {name}{what}"
            yield DriftNote(name, note, query.query.name, fields, fails=not part.part.prefix)
        if part.missing:
            continue
        for path, columns in sorted(part.lost.items()):
            name = ", ".join(sorted(column_name(c) for c in columns))
            full = f"{query.query.message}.{path}"
            note = f"{file}: the database has no {name}; {full} is unavailable"
            yield DriftNote(name, note, query.query.name, (full,))
        for condition, columns in part.missing_filters.items():
            name = ", ".join(sorted(column_name(c) for c in columns))
            note = f"{file}: the database has no {name}; the filter {condition.name} fails"
            yield DriftNote(name, note, query.query.name)


def _descriptor_at(message: type[Message], path: str) -> Any:
    found: Any = message.DESCRIPTOR
    for name in path.split("."):
        found = found.fields_by_name[name].message_type
    return found


def column_name(column: Column) -> str:
    return ".".join(filter(None, column))


def _parsed(label: str, text: str, attributes: Mapping[str, str], rows: str | None) -> QueryFile:
    """The file with the site's own items and condition, which are checked as if they stood in it."""
    file = QueryFile.parse(label, text)
    items = "".join(f"{sql} AS [attributes.{name}], " for name, sql in attributes.items())
    if items:
        text = _SELECT.sub(lambda match: f"{match[0]} {items}", text, count=1)
    if rows:
        text = f"{text.rstrip()}\n  AND ({rows})\n"
    if not items and not rows:
        return file
    try:
        return QueryFile.parse(label, text)
    except QueryError as error:
        what = f"with the configuration's attributes and rows: {error.message}"
        raise QueryError(label, error.line, what) from None


def _next_day(value: Any) -> Any:
    day = date.fromisoformat(value) if isinstance(value, str) else value
    return day + timedelta(days=1)


_BUILT_IN: Mapping[str, Converter] = {
    "contains": like_contains,
    "prefix": like_prefix,
    "next_day": _next_day,
}
