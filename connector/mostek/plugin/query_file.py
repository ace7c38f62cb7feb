r"""The `.sql` files that a plugin reads its ERP with: one SELECT, its aliases the field paths of a message.

    -- key: k.kh_Id int
    -- :ids int
    -- :tax_id varchar(20) tax_id_notations
    -- :text varchar(100) contains
    -- filter tax_id reads tax_id.number
    -- convert kind: customer_kind
    -- convert exchange_rate: rate_per_unit(exchange_rate, _units)
    SELECT
        k.kh_Id AS [id],
        a.adr_NIP AS [tax_id.number]
    FROM dbo.kh__Kontrahent k
    LEFT JOIN dbo.adr__Ewid a ON a.adr_IdObiektu = k.kh_Id AND a.adr_TypAdresu = 1
    WHERE k.kh_Jednorazowy = 0
      AND k.kh_Id IN (:ids)                              --? ids
      AND a.adr_NIP IN (:tax_id)                         --? tax_id
      AND a.adr_NazwaPelna LIKE :text ESCAPE '\'         --? text
      AND k.kh_Zablokowany = 0                           --? not include_blocked

- `key`: what pages are ordered by: unique, never NULL, and its type.
- `:name`: a parameter, the type of the *column* that it meets, and what makes a request's value into the parameter's: a
  converter of the plugin, or `contains`, `prefix` (patterns for LIKE), `next_day` (for `<` with a last day).
- `filter x reads y`: whoever may not see field y may not filter by x. Without it: the field of the filter's own name.
- `convert`: a converter of the plugin for a field; in parentheses, the aliases whose values it is given, if not just
  the field's own. An alias that begins with `_` is such an input only.
- `feeds x: Customer.pesel`, in a file of the site's own: the fields of the contract that item x shows, or `nothing`.
  Whoever may not see one of them gets no x. Without it: what the plugin reads from the same columns of the database.
- A line that ends in `--? name` is in the text only when the filter is given, `--? not name` only when it is not.
- Two items with one alias are alternatives for different versions of the ERP: the first whose columns exist is used.
- A child file (`customers.contacts.sql`) has an item `parent_id`, `:parents` in an IN list, and a key only if its rows
  have an order.

The text must be in the subset that SQL Server and SQLite both run unchanged; what is outside is refused when the file
is loaded. That is a lint: what keeps a query from doing harm is the read-only login.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property, lru_cache

import sqlglot
from sqlglot import exp

from mostek.plugin.lineage import Column, Lineage, parts_of
from mostek.plugin.sql_subset import Token, check_tokens, tokens
from mostek.plugin.sql_types import SqlType
from mostek.wire.fields import unknown_paths

__all__ = ["Column", "Condition", "Convert", "Item", "Line", "Parameter", "QueryError", "QueryFile"]

_KEY = re.compile(r"--\s*key:\s*([A-Za-z_]\w*\.[A-Za-z_]\w*)\s+(\S+)")
_PARAMETER = re.compile(r"--\s*:(\w+)\s+(\w+(?:\([\w, ]+\))?)(?:\s+(\w+))?")
_CONVERT = re.compile(r"--\s*convert\s+([\w.]+):\s*(\w+)(?:\(([\w., ]*)\))?")
_FILTER = re.compile(r"--\s*filter\s+(\w+)\s+reads\s+([\w.]+)")
_FEEDS = re.compile(r"--\s*feeds\s+([\w.]+):\s*([\w., ]+)")
_DIRECTIVE = re.compile(r"--\s*(key\s*:|:|convert\b|filter\b|feeds\b)")
_CONDITION = re.compile(r"--\?\s*(not\s+)?(\w+)\s*")
#: Leads the text that stands for a parameter; a text of a query has no such sign.
_NAMED = "\x01"
_ALIAS = re.compile(r"\[([A-Za-z_]\w*(?:\.\w+)*)\]", re.ASCII)

_SYSTEM_SCHEMAS = frozenset({"sys", "information_schema"})


class QueryError(ValueError):
    """A query file is not as it must be; the message names file, line and what to do."""

    def __init__(self, file: str, line: int, message: str) -> None:
        super().__init__(f"{file}, line {line}: {message}")
        self.file = file
        self.line = line
        self.message = message


@dataclass(frozen=True)
class Parameter:
    """`:name`, its type, and the name of what converts a request's value."""

    name: str
    type: SqlType
    transform: str | None
    is_list: bool = False


@dataclass(frozen=True)
class Convert:
    """A field's converter and the aliases that it is given."""

    name: str
    inputs: tuple[str, ...]


@dataclass(frozen=True)
class Condition:
    """`--? name` or `--? not name`."""

    name: str
    negated: bool = False


@dataclass(frozen=True)
class Item:
    """One item of the select list, with the columns and parameters in it; alternatives share an alias."""

    alias: str
    text: str
    line: int
    columns: frozenset[Column] = frozenset()
    #: The columns that its value is made of, behind derived tables too.
    shown: frozenset[Column] = frozenset()


@dataclass(frozen=True)
class Line:
    """One line of what follows the select list, with the columns that it adds to those of the lines always there."""

    text: str
    number: int
    condition: Condition | None = None
    columns: frozenset[Column] = frozenset()
    #: All columns in it, behind derived tables too, if it depends on a filter.
    asked: frozenset[Column] = frozenset()


@dataclass
class _Header:
    key: tuple[str, SqlType] | None = None
    parameters: dict[str, Parameter] = field(default_factory=dict)
    converts: dict[str, Convert] = field(default_factory=dict)
    reveals: dict[str, str] = field(default_factory=dict)
    feeds: dict[str, frozenset[str]] = field(default_factory=dict)
    words: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class QueryFile:
    """A parsed and checked file."""

    name: str
    #: The header's own words.
    description: str
    key: str | None
    key_type: SqlType | None
    parameters: dict[str, Parameter]
    converts: dict[str, Convert]
    reveals: dict[str, str]
    feeds: dict[str, frozenset[str]]
    items: tuple[Item, ...]
    lines: tuple[Line, ...]
    #: Columns of the lines that are always there.
    columns: frozenset[Column]
    #: Parameter of those lines or of an item → the columns that it is compared with.
    compared: Mapping[str, frozenset[Column]]
    #: The columns of the key.
    ordered_by: frozenset[Column]

    @classmethod
    def parse(cls, name: str, text: str) -> QueryFile:
        """Raises QueryError."""
        return _parsed_once(name, text)

    @cached_property
    def filters(self) -> frozenset[str]:
        """The filters that the file knows."""
        return frozenset(line.condition.name for line in self.lines if line.condition)

    def asked(self, name: str) -> frozenset[Column]:
        """The columns that a filter or parameter tells of."""
        lines = (x for x in self.lines if x.condition and x.condition.name == name)
        return self.compared.get(name, frozenset()).union(*(line.asked for line in lines))

    @cached_property
    def required(self) -> frozenset[str]:
        """The parameters that the text always has."""
        always = [line.text for line in self.lines if not line.condition]
        texts = [*always, *(item.text for item in self.items)]
        return frozenset(name for text in texts for name in _parameter_names(text))

    def inputs(self, path: str) -> tuple[str, ...]:
        """The aliases that a field's value is made of."""
        return self.converts[path].inputs if path in self.converts else (path,)

    def text(self, items: Iterable[str], active: Iterable[str]) -> str:
        """The statement with these items and filters, without key, paging and end; parameters as `:name`."""
        wanted = set(active)
        lines = [
            line.text
            for line in self.lines
            if not line.condition or (line.condition.name in wanted) is not line.condition.negated
        ]
        return "SELECT\n    " + ",\n    ".join(items) + "\n" + "\n".join(lines)


@lru_cache(maxsize=512)
def _parsed_once(name: str, text: str) -> QueryFile:
    """A file is the same for every company that reads it, and dear to parse."""
    return _Parser(name, text).parse()


class _Parser:
    def __init__(self, name: str, text: str) -> None:
        self.name = name
        self.source = text
        self.header = _Header()
        #: Condition → the columns outside the items where it holds, and what the names tell of.
        self._conditions: dict[Condition, tuple[frozenset[Column], Lineage]] = {}

    def fail(self, line: int, message: str) -> QueryError:
        return QueryError(self.name, line, message)

    def parse(self) -> QueryFile:
        found = list(tokens(self.source))
        start = next((i for i, token in enumerate(found) if token.kind != "comment"), len(found))
        for token in found[:start]:
            self._directive(token)
        code = found[start:]
        check_tokens(code, self.fail)
        split = self._clause(code, "FROM", "the query has no FROM")
        self._clause(code[split:], "WHERE", "the query needs a WHERE: write WHERE 1 = 1")
        items = self._items(code[:split])
        lines = self._lines(code[split].start)
        return self._checked(items, lines)

    # The header.

    def _directive(self, token: Token) -> None:
        if not _DIRECTIVE.match(token.text):
            self.header.words.append(token.text.lstrip("- ").rstrip())
            return
        for pattern, take in (
            (_KEY, self._key),
            (_PARAMETER, self._parameter),
            (_CONVERT, self._convert),
            (_FILTER, self._filter),
            (_FEEDS, self._feeds),
        ):
            match = pattern.fullmatch(token.text.rstrip())
            if match:
                take(match, token.line)
                return
        raise self.fail(token.line, f"this header line is not understood: {token.text.strip()}")

    def _type(self, text: str, line: int) -> SqlType:
        try:
            return SqlType.parse(text)
        except ValueError as error:
            raise self.fail(line, str(error)) from None

    def _key(self, match: re.Match[str], line: int) -> None:
        self.header.key = (match[1], self._type(match[2], line))

    def _parameter(self, match: re.Match[str], line: int) -> None:
        if match[1] in self.header.parameters:
            raise self.fail(line, f":{match[1]} is declared twice")
        is_list = re.search(rf"\bIN\s*\(\s*:{match[1]}\s*\)", self.source, re.IGNORECASE)
        kind = self._type(match[2], line)
        self.header.parameters[match[1]] = Parameter(match[1], kind, match[3], bool(is_list))

    def _convert(self, match: re.Match[str], line: int) -> None:
        if match[1] in self.header.converts:
            raise self.fail(line, f"{match[1]} is converted twice")
        inputs = (match[1],) if match[3] is None else tuple(match[3].replace(" ", "").split(","))
        self.header.converts[match[1]] = Convert(match[2], tuple(filter(None, inputs)))

    def _filter(self, match: re.Match[str], line: int) -> None:
        self.header.reveals[match[1]] = match[2]

    def _feeds(self, match: re.Match[str], line: int) -> None:
        fields = frozenset(filter(None, re.split(r"[,\s]+", match[2]))) - {"nothing"}
        if unknown := unknown_paths(sorted(fields)):
            raise self.fail(line, f"feeds {match[1]}: there is no field {unknown[0]}")
        self.header.feeds[match[1]] = fields

    # The select list and the rest.

    def _clause(self, code: list[Token], keyword: str, missing: str) -> int:
        for index, token in enumerate(code):
            if token.depth == 0 and token.word == keyword:
                return index
        raise self.fail(code[-1].line if code else 1, missing)

    def _items(self, code: list[Token]) -> list[Item]:
        """Cut the select list at its commas; each item ends in AS [alias]."""
        items: list[Item] = []
        part: list[Token] = []
        for token in [*code[1:], None]:
            if token and token.kind == "comment":
                if token.text.startswith("--?"):
                    raise self.fail(token.line, "an item can't depend on a filter")
            elif token and (token.text != "," or token.depth):
                part.append(token)
            else:
                items.append(self._item(part, token or code[-1]))
                part = []
        return items

    def _item(self, part: list[Token], end: Token) -> Item:
        match = _ALIAS.fullmatch(part[-1].text) if part else None
        if len(part) < 3 or part[-2].word != "AS" or not match:
            raise self.fail((part[0] if part else end).line, "an item must end in AS [field.path]")
        text = self.source[part[0].start : part[-1].end]
        return Item(match[1], " ".join(re.sub(r"--.*", "", text).split()), part[0].line)

    def _lines(self, start: int) -> list[Line]:
        first = self.source.count("\n", 0, start) + 1
        lines = []
        for number, raw in enumerate(self.source[start:].split("\n"), first):
            comment = next((t for t in tokens(raw) if t.kind == "comment"), None)
            text = (raw[: comment.start] if comment else raw).rstrip()
            condition = self._line_condition(comment, number)
            if text.strip():
                lines.append(Line(text, number, condition))
            elif condition:
                raise self.fail(number, "there is nothing on the line that depends on the filter")
        return lines

    def _line_condition(self, comment: Token | None, number: int) -> Condition | None:
        if not comment or not comment.text.startswith("--?"):
            return None
        match = _CONDITION.fullmatch(comment.text)
        if not match:
            raise self.fail(number, "write --? name or --? not name")
        return Condition(match[2], bool(match[1]))

    # What can only be told with the whole.

    def _checked(self, items: list[Item], lines: list[Line]) -> QueryFile:
        self._check_names(items, lines)
        always = [line for line in lines if not line.condition]
        if not always:
            raise self.fail(1, "the FROM can't depend on a filter")
        tree = self._tree(items, always, always[0].number)
        sources, lineage = _sources(tree), Lineage(tree)
        key, key_type = self.header.key or (None, None)
        base = _columns(tree, sources, skip=tree.expressions) | self._key_column(key, sources)
        return QueryFile(
            name=self.name,
            description=" ".join(self.header.words),
            key=key,
            key_type=key_type,
            parameters=self.header.parameters,
            converts=self.header.converts,
            reveals=self.header.reveals,
            feeds=self.header.feeds,
            items=tuple(
                Item(i.alias, i.text, i.line, _columns(e, sources) | _tables(e), lineage.of(e))
                for i, e in zip(items, tree.expressions, strict=True)
            ),
            lines=tuple(self._with_columns(items, lines, line, base) for line in lines),
            columns=base | _tables(tree, skip=tree.expressions),
            compared=_compared(self._tree(items, always, always[0].number, named=True)),
            ordered_by=lineage.named(
                [(key.partition(".")[0], key.partition(".")[2])] if key else ()
            ),
        )

    def _with_columns(
        self, items: list[Item], lines: list[Line], line: Line, base: frozenset[Column]
    ) -> Line:
        if not line.condition:
            return line
        if line.condition not in self._conditions:
            self._conditions[line.condition] = self._where(
                line.condition, items, lines, line.number
            )
        columns, lineage = self._conditions[line.condition]
        asked = lineage.named(_dotted_names(line.text))
        return Line(line.text, line.number, line.condition, columns - base, asked)

    def _where(
        self, condition: Condition, items: list[Item], lines: list[Line], number: int
    ) -> tuple[frozenset[Column], Lineage]:
        # The lines of one filter belong together: a bracket may open on one and close on another.
        present = [line for line in lines if not line.condition or line.condition == condition]
        # An item that has no SELECT of its own brings no table: without it the tree is parsed in half the time.
        with_tables = [item for item in items if "SELECT" in item.text.upper()]
        tree = self._tree(with_tables or items[:1], present, number)
        columns = _columns(tree, _sources(tree), skip=tree.expressions)
        return columns | _tables(tree, skip=tree.expressions), Lineage(tree)

    def _key_column(self, key: str | None, sources: _Sources) -> frozenset[Column]:
        if not key:
            return frozenset()
        alias, _, column = key.partition(".")
        for (_, name), table in sources.items():
            if name == alias.lower():
                return frozenset({(table, column)} if table else ())
        raise self.fail(1, f"key: the query has no table {alias}")

    def _check_names(self, items: list[Item], lines: list[Line]) -> None:
        header, aliases = self.header, {item.alias for item in items}
        parts: list[Item | Line] = [*items, *lines]
        used = {name for part in parts for name in _parameter_names(part.text)}
        for name in used - header.parameters.keys():
            line = next(p for p in parts if name in _parameter_names(p.text))
            number = line.line if isinstance(line, Item) else line.number
            raise self.fail(number, f":{name} is not declared: add -- :{name} and its type")
        for name in header.parameters.keys() - used:
            raise self.fail(1, f":{name} is declared but not used")
        for path, convert in header.converts.items():
            for alias in set(convert.inputs) - aliases:
                raise self.fail(1, f"convert {path}: there is no item AS [{alias}]")
        for name in header.feeds.keys() - aliases - header.converts.keys():
            raise self.fail(1, f"feeds {name}: there is no item AS [{name}]")
        for name in header.reveals.keys() - {x.condition.name for x in lines if x.condition}:
            raise self.fail(1, f"filter {name}: no line ends in --? {name}")

    def _tree(
        self, items: list[Item], lines: list[Line], number: int, *, named: bool = False
    ) -> exp.Select:
        """Raises QueryError for what is no query. `named`: each parameter is a text with its name."""
        text = (
            "SELECT " + ", ".join(i.text for i in items) + "\n" + "\n".join(x.text for x in lines)
        )
        try:
            tree = sqlglot.parse_one(_without_names(text, named=named), read="tsql")
        except sqlglot.errors.SqlglotError as error:
            raise self.fail(number, f"this is no query of T-SQL: {_words(error)}") from None
        except RecursionError:
            raise self.fail(number, "this is no query of T-SQL: it is nested too deep") from None
        if not isinstance(tree, exp.Select):
            raise self.fail(
                number, "the query must be one SELECT (put UNION ALL in a derived table)"
            )
        for clause in ("group", "having", "distinct"):
            if tree.args.get(clause):
                raise self.fail(number, f"put {clause.upper()} in a derived table")
        if not tree.args.get("where"):
            raise self.fail(number, "the WHERE can't depend on a filter: write WHERE 1 = 1")
        if isinstance(tree.args["where"].this, exp.Or):
            raise self.fail(number, "put the OR in brackets: more conditions are added with AND")
        self._check_qualified(tree, number)
        return tree

    def _check_qualified(self, tree: exp.Select, number: int) -> None:
        if any(not isinstance(order.parent, exp.Window) for order in parts_of(tree, exp.Order)):
            raise self.fail(number, "ORDER BY may stand only in OVER: the SDK orders by the key")
        for table in parts_of(tree, exp.Table):
            if not table.db or table.catalog:
                raise self.fail(number, f"write {table.name} with its schema, and only that")
            if table.db.lower() in _SYSTEM_SCHEMAS:
                raise self.fail(number, f"{table.db}.{table.name} is no table of the ERP")
        for column in parts_of(tree, exp.Column):
            if not column.table:
                raise self.fail(number, f"write {column.name} with its table's alias")
            if column.db:
                raise self.fail(
                    number, f"write {column.name} with its table's alias, and only that"
                )
        sources = _sources(tree)
        for column in parts_of(tree, exp.Column):
            if _source(column, sources) is None:
                there = ", ".join(sorted({alias for _, alias in sources}))
                raise self.fail(
                    number,
                    f"{column.table}.{column.name}: no table has the alias {column.table} here; there are {there}",
                )


def _words(error: sqlglot.errors.SqlglotError) -> str:
    if isinstance(error, sqlglot.errors.ParseError) and error.errors:
        return str(error.errors[0]["description"])
    return str(error)


# (id of the SELECT, alias in lower case) → `dbo.table`, or None for a derived table
_Sources = dict[tuple[int, str], str | None]


def _sources(tree: exp.Select) -> _Sources:
    found: _Sources = {}
    for table in parts_of(tree, exp.Table):
        found[id(table.parent_select), table.alias_or_name.lower()] = f"{table.db}.{table.name}"
    for derived in parts_of(tree, exp.Subquery):
        if derived.alias:
            found[id(derived.parent_select), derived.alias.lower()] = None
    return found


def _columns(tree: exp.Expr, sources: _Sources, skip: Iterable[exp.Expr] = ()) -> frozenset[Column]:
    """The columns of real tables; each is looked up in its own SELECT and then in those around it."""
    skipped = {id(column) for part in skip for column in parts_of(part, exp.Column)}
    found = set()
    for column in parts_of(tree, exp.Column):
        source = _source(column, sources)
        table = sources[source] if source else None
        if table and id(column) not in skipped:
            found.add((table, column.name))
    return frozenset(found)


def _source(column: exp.Column, sources: _Sources) -> tuple[int, str] | None:
    """Where the column's alias is said: in its own SELECT or in one around it. None: nowhere."""
    alias, scope = column.table.lower(), column.parent_select
    while scope is not None and (id(scope), alias) not in sources:
        scope = scope.parent_select
    return (id(scope), alias) if scope is not None else None


def _tables(tree: exp.Expr, skip: Iterable[exp.Expr] = ()) -> frozenset[Column]:
    skipped = {id(table) for part in skip for table in parts_of(part, exp.Table)}
    return frozenset(
        (f"{t.db}.{t.name}", "") for t in parts_of(tree, exp.Table) if id(t) not in skipped
    )


def _parameter_names(text: str) -> Iterator[str]:
    return (token.text[1:] for token in tokens(text) if token.kind == "parameter")


def _dotted_names(text: str) -> Iterator[tuple[str, str]]:
    """Each `alias.column` of a text."""
    words = [token for token in tokens(text) if token.kind != "comment"]
    for one, dot, other in zip(words, words[1:], words[2:], strict=False):
        if dot.text == ".":
            yield one.text.strip("[]"), other.text.strip("[]")


def _compared(tree: exp.Select) -> dict[str, frozenset[Column]]:
    """Parameter → the columns of the conditions and items that it stands in."""
    lineage = Lineage(tree)
    found: dict[str, frozenset[Column]] = {}
    for text in parts_of(tree, exp.Literal):
        if text.is_string and text.name.startswith(_NAMED):
            name = text.name[len(_NAMED) :]
            found[name] = found.get(name, frozenset()) | lineage.of(_condition_around(text))
    return found


def _condition_around(part: exp.Expr) -> exp.Expr:
    """The widest part that holds or fails by itself."""
    found = part
    while found.parent is not None and not isinstance(
        found.parent, exp.Where | exp.Join | exp.Select | exp.And
    ):
        found = found.parent
    return found


def _without_names(text: str, *, named: bool = False) -> str:
    """The text with every parameter as `?`, which is what is sent; or as a text with its name."""
    parts, end = [], 0
    for token in tokens(text):
        if token.kind == "parameter":
            as_text = f"'{_NAMED}{token.text[1:]}'"
            parts += [text[end : token.start], as_text if named else "?"]
            end = token.end
    return "".join([*parts, text[end:]])
