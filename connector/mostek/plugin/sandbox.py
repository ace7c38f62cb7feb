"""The sandbox: a SQLite file shaped like the ERP's database, on which the plugin's queries run unchanged.

What it keeps of SQL Server: the tables and columns of the reference schema, primary and unique keys, NOT NULL,
defaults, plain computed columns; the comparison of Polish_CI_AS; LIKE, UPPER and LOWER; a text that is too long is
refused (as by Msg 2628), a varchar turns what Windows-1250 lacks into `?`, a char(n) is padded.

How values are stored: money and decimal as REAL, whole numbers too, so that a reader can tell a price from an int;
their declared type is followed by the word REAL. A decimal(n,0), which ids may be, is a whole number. bit is 0 or 1.
A datetime is the text `YYYY-MM-DD HH:MM:SS[.fff]` and a date `YYYY-MM-DD`; other spellings are refused.

What it does not keep: the result of an expression (`REPLACE(a, '-', '') = ?`, `COALESCE(a, b) = ?`) is compared
exactly, for SQLite gives a collation to columns only; the sort order is the alphabet's, without the rules for hyphens
and foreign accents; foreign keys, CHECKs and triggers of the ERP are not enforced.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from mostek.plugin.schema import Column, ReferenceSchema, Table

__all__ = ["Index", "connect_sandbox", "create_sandbox"]

_Value = str | bytes | int | float | None
_COLLATION = "Polish_CI_AS"
_REAL = frozenset({"money", "smallmoney", "decimal", "numeric", "float", "real"})
_MOMENTS = frozenset({"datetime", "datetime2", "smalldatetime"})
_DAY = "[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9]"
_LITERAL = re.compile(r"-?\d+(\.\d*)?|'[^']*'|NULL", re.IGNORECASE)
_WHOLE = re.compile(r",\s*0\s*\)$")
_CALL = re.compile(r"[\w\]]\(")


@dataclass(frozen=True, slots=True)
class Index:
    """An index beyond the keys that the reference schema declares; `reason` says why the real one has it too."""

    table: str
    columns: tuple[str, ...]
    reason: str


def create_sandbox(
    path: Path,
    schema: ReferenceSchema,
    *,
    indexes: Sequence[Index] = (),
    index_foreign_keys: bool = False,
    fill: Callable[[sqlite3.Connection], None] | None = None,
) -> None:
    """Create the file `path` with the tables of `schema`, filled by `fill`.

    `fill` runs inside the one transaction and without the triggers that pad and convert text, so that a large sandbox
    is made fast: its texts must fit Windows-1250. Which indexes a real database has is known for few columns: only
    primary and unique keys are made unless more is asked for. `index_foreign_keys` adds one for every foreign key
    into the schema, as the program's own lists join by them.

    FileExistsError if the file is there. If anything fails, there is no file.
    """
    if path.exists():
        raise FileExistsError(f"{path} exists: remove it, or choose another path for the sandbox")
    names = {table.schema_name for table in schema}
    if len(names) != 1:
        raise ValueError(f"a sandbox holds the tables of one schema, not of {sorted(names)}")
    unfinished = path.with_name(path.name + ".unfinished")
    unfinished.unlink(missing_ok=True)
    wanted = [*indexes, *(_foreign_key_indexes(schema) if index_foreign_keys else ())]
    try:
        _create(unfinished, names.pop(), schema, wanted, fill)
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)


def connect_sandbox(path: Path, schema_name: str = "dbo") -> sqlite3.Connection:
    """Open a sandbox; its tables are there as `schema_name`.table, the connection's own database is in memory.

    The connection is in autocommit mode (BEGIN is the caller's) and may be used from any one thread at a time. The
    file is in WAL mode: readers and one writer do not wait for each other. FileNotFoundError if it is not there.
    """
    if not Path(path).is_file():
        raise FileNotFoundError(f"there is no sandbox at {path}: create it first")
    connection = _attach(path, schema_name, "rw")
    connection.execute(f"PRAGMA {_quoted(schema_name)}.synchronous = NORMAL")
    return connection


def _create(
    path: Path,
    schema_name: str,
    schema: ReferenceSchema,
    indexes: Sequence[Index],
    fill: Callable[[sqlite3.Connection], None] | None,
) -> None:
    connection = _attach(path, schema_name, "rwc")
    prefix = _quoted(schema_name)
    try:
        connection.execute(f"PRAGMA {prefix}.journal_mode = OFF")
        connection.execute(f"PRAGMA {prefix}.synchronous = OFF")
        connection.execute("BEGIN")
        for table in schema:
            connection.execute(_table_sql(table))
        if fill:
            fill(connection)
        for statement in _finish(schema, indexes):
            connection.execute(statement)
        connection.execute("COMMIT")
        connection.execute(f"PRAGMA {prefix}.journal_mode = WAL")
    finally:
        connection.close()


def _attach(path: Path, schema_name: str, mode: str) -> sqlite3.Connection:
    connection = sqlite3.connect(
        ":memory:", isolation_level=None, check_same_thread=False, cached_statements=256, uri=True
    )
    try:
        connection.create_collation(_COLLATION, _compare)
        connection.create_function("like", 2, _like, deterministic=True)
        connection.create_function("like", 3, _like, deterministic=True)
        connection.create_function("upper", 1, _upper, deterministic=True)
        connection.create_function("lower", 1, _lower, deterministic=True)
        connection.create_function("mostek_stored", 2, _stored, deterministic=True)
        uri = f"{Path(path).resolve().as_uri()}?mode={mode}"
        connection.execute("ATTACH ? AS ?", (uri, schema_name))
        connection.execute(f"PRAGMA {_quoted(schema_name)}.cache_size = -32768")
    except BaseException:
        connection.close()
        raise
    return connection


# The statements that make the tables


def _finish(schema: ReferenceSchema, indexes: Sequence[Index]) -> Iterator[str]:
    """What comes after the rows, because it is faster so: padding, indexes, triggers."""
    for table in schema:
        yield from _padding(table)
    for number, index in enumerate(indexes, 1):
        yield _index_sql(number, schema.table(index.table), index)
    for table in schema:
        yield from _triggers(table)


def _table_sql(table: Table) -> str:
    parts = [_column_sql(table, column) for column in table.columns]
    identity = [column.name for column in table.columns if column.identity]
    if table.primary_key and [*table.primary_key] != identity:
        parts.append(f"PRIMARY KEY {_column_list(table.primary_key)}")
    parts += [f"UNIQUE {_column_list(key)}" for key in table.unique if key != table.primary_key]
    # Ordered by its primary key, which must be given, like a table with SQL Server's clustered key.
    clustered = table.primary_key and not identity
    return (
        f"CREATE TABLE {_qualified(table)} (\n  "
        + ",\n  ".join(parts)
        + (") WITHOUT ROWID" if clustered else ")")
    )


def _column_sql(table: Table, column: Column) -> str:
    if column.identity:
        return f"{_quoted(column.name)} INTEGER PRIMARY KEY AUTOINCREMENT"
    parts = [_quoted(column.name), _declared_type(column)]
    if column.is_text:
        parts.append(f"COLLATE {_COLLATION}")
    expression = _computed(column)
    if expression:
        return f"{' '.join(parts)} GENERATED ALWAYS AS ({expression}) VIRTUAL"
    if column.nullable is False and column.computed is None:
        parts.append("NOT NULL")
    default = _default(column)
    if default:
        parts.append(f"DEFAULT {default}")
    return " ".join([*parts, *_checks(table, column)])


def _declared_type(column: Column) -> str:
    if not column.type:
        return ""
    is_real = column.base_type in _REAL and not _WHOLE.search(column.type)
    return _quoted(f"{column.type} REAL" if is_real else column.type)


def _checks(table: Table, column: Column) -> Iterator[str]:
    name = _quoted(column.name)
    if column.is_text and column.length is not None:
        message = (
            f"String or binary data would be truncated in table {table.name},"
            f" column {column.name} {column.type}"
        )
        # SQL Server cuts trailing spaces without a word.
        yield (
            f"CONSTRAINT {_quoted(message)} CHECK"
            f" (length({name}) <= {column.length} OR length(rtrim({name})) <= {column.length})"
        )
    pattern = _DAY + " *" if column.base_type in _MOMENTS else _DAY
    if column.base_type in _MOMENTS or column.base_type == "date":
        message = f"{table.name}, column {column.name}: no {column.type} as the sandbox stores it"
        yield f"CONSTRAINT {_quoted(message)} CHECK ({name} GLOB '{pattern}')"


def _computed(column: Column) -> str | None:
    """The expression in SQLite's words; None if it calls a function, which SQLite does not have."""
    if not column.computed or _CALL.search(column.computed):
        return None
    expression = re.sub(r"\s+PERSISTED\s*$", "", column.computed, flags=re.IGNORECASE)
    return expression.replace("+", "||") if column.is_text else expression


def _default(column: Column) -> str:
    """The default in SQLite's words; "" for none. ValueError for an expression that nobody foresaw."""
    text = column.default.strip()
    while text.startswith("(") and text.endswith(")"):
        text = text[1:-1].strip()
    match text.lower():
        case "" | "null":
            return ""
        case "getdate()":
            return "(strftime('%Y-%m-%d %H:%M:%f', 'now', 'localtime'))"
        case "newid()":
            return "(upper(hex(randomblob(16))))"
    moment = re.search(r"'(\d{4})-?(\d\d)-?(\d\d)", text)
    if column.base_type in _MOMENTS and moment:
        return f"'{moment[1]}-{moment[2]}-{moment[3]} 00:00:00'"
    if text.lower().startswith("convert([varbinary]"):
        return "x''"
    if not _LITERAL.fullmatch(text):
        raise ValueError(f"{column.name}: the sandbox can't express the default {column.default}")
    if column.base_type == "bit" and text == "''":
        return "0"
    if column.base_type in {"char", "nchar"} and column.length:
        return f"'{text.strip(chr(39)).ljust(column.length)}'"
    return text


def _padding(table: Table) -> Iterator[str]:
    for column in table.columns:
        if column.base_type in {"char", "nchar"} and column.length:
            name = _quoted(column.name)
            yield (
                f"UPDATE {_qualified(table)} SET {name} = {_as_stored(column, name)}"
                f" WHERE length({name}) < {column.length}"
            )


def _triggers(table: Table) -> Iterator[str]:
    """Store text as SQL Server does. SQLite can't change a row before it is written, so it is changed after."""
    columns = [c for c in table.columns if _is_converted(c)]
    if not columns:
        return
    changed = " OR ".join(
        f"{_as_stored(c, f'new.{_quoted(c.name)}')} IS NOT new.{_quoted(c.name)} COLLATE BINARY"
        for c in columns
    )
    assignments = ", ".join(
        f"{_quoted(c.name)} = {_as_stored(c, f'new.{_quoted(c.name)}')}" for c in columns
    )
    key = table.primary_key or ("rowid",)
    row = " AND ".join(f"{_quoted(name)} = new.{_quoted(name)}" for name in key)
    for event in ("INSERT", "UPDATE"):
        name = f"{table.short_name} {event.lower()}: text as stored"
        yield (
            f"CREATE TRIGGER {_quoted(table.schema_name)}.{_quoted(name)} AFTER {event}"
            f" ON {_quoted(table.short_name)} WHEN {changed}"
            f" BEGIN UPDATE {_quoted(table.short_name)} SET {assignments} WHERE {row}; END"
        )


def _is_converted(column: Column) -> bool:
    return column.base_type in {"char", "varchar", "text", "nchar"} and column.computed is None


def _as_stored(column: Column, expression: str) -> str:
    return f"mostek_stored({expression}, '{column.base_type}:{column.length or 0}')"


def _foreign_key_indexes(schema: ReferenceSchema) -> Iterator[Index]:
    for table in schema:
        led = {key[0] for key in (table.primary_key, *table.unique) if key}
        for column in table.columns:
            if column.references and column.references[0] in schema and column.name not in led:
                yield Index(table.name, (column.name,), "a foreign key")


def _index_sql(number: int, table: Table, index: Index) -> str:
    columns = [table.column(name).name for name in index.columns]
    name = _quoted(f"{number} {table.short_name}({', '.join(columns)})")
    return (
        f"CREATE INDEX {_quoted(table.schema_name)}.{name}"
        f" ON {_quoted(table.short_name)} {_column_list(columns)}"
    )


def _column_list(names: Iterable[str]) -> str:
    return f"({', '.join(map(_quoted, names))})"


def _qualified(table: Table) -> str:
    return f"{_quoted(table.schema_name)}.{_quoted(table.short_name)}"


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


# SQL Server's ways with text

_ALPHABET = str.maketrans(
    {letter: base + "\uffff" for letter, base in zip("ąćęłńóśź", "acelnosz", strict=True)}
) | {ord("ż"): "z\uffff\uffff"}


@lru_cache(maxsize=65536)
def _sort_key(text: str) -> str:
    return text.rstrip(" ").lower().translate(_ALPHABET)


def _compare(one: str, other: str) -> int:
    if one == other:
        return 0
    x, y = _sort_key(one), _sort_key(other)
    return (x > y) - (x < y)


def _stored(value: _Value, kind: str) -> _Value:
    """The value as a column of the type holds it; `kind` is the type's name and length: `char:3`."""
    if not isinstance(value, str):
        return value
    name, _, size = kind.partition(":")
    if not name.startswith("n"):
        value = value.encode("cp1250", "replace").decode("cp1250")
    if int(size) and len(value) > int(size):
        value = value[: int(size)]
    return value.ljust(int(size)) if name.endswith("char") and "var" not in name else value


def _like(pattern: _Value, value: _Value, escape: str | None = None) -> bool | None:
    if pattern is None or value is None:
        return None
    return bool(_pattern(str(pattern), escape).fullmatch(str(value)))


@lru_cache(maxsize=256)
def _pattern(pattern: str, escape: str | None) -> re.Pattern[str]:
    """LIKE's pattern as a regular expression; trailing spaces of the value do not matter."""
    token = re.compile(r"\[(\^?)([^\]]+)\]|(.)", re.DOTALL)
    parts: list[str] = []
    position = 0
    while position < len(pattern):
        if escape and pattern[position] == escape and position + 1 < len(pattern):
            parts.append(re.escape(pattern[position + 1]))
            position += 2
            continue
        match = token.match(pattern, position)
        assert match
        parts.append(_like_part(match))
        position = match.end()
    return re.compile("".join(parts) + " *", re.IGNORECASE | re.DOTALL)


def _like_part(match: re.Match[str]) -> str:
    if match[2]:
        body = re.sub(r"([\\^\[])", r"\\\1", match[2])
        return f"[{match[1]}{body}]"
    return {"%": ".*", "_": "."}.get(match[3]) or re.escape(match[3])


def _upper(value: _Value) -> _Value:
    return value.upper() if isinstance(value, str) else value


def _lower(value: _Value) -> _Value:
    return value.lower() if isinstance(value, str) else value
