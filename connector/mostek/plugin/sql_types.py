"""The SQL types of parameters and columns, and the values that they can hold."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from datetime import date, datetime, time
from decimal import Decimal, InvalidOperation
from functools import cache

from mostek.wire.failures import Invalid

__all__ = ["Param", "SqlType", "check_text", "like_contains", "like_prefix", "sql_value"]

_TYPE = re.compile(r"(\w+)\s*(?:\(\s*(\w+)\s*(?:,\s*(\d+)\s*)?\))?", re.ASCII)
_NARROW = frozenset({"char", "varchar", "text"})
_WIDE = frozenset({"nchar", "nvarchar", "ntext", "sysname"})
_INTEGERS = {"tinyint": (0, 2**8), "smallint": (-(2**15), 2**15), "int": (-(2**31), 2**31)} | {
    "bigint": (-(2**63), 2**63)
}
_DECIMALS = frozenset({"decimal", "numeric", "money", "smallmoney"})
_FLOATS = frozenset({"float", "real"})
_TIMES = frozenset({"date", "datetime", "datetime2", "smalldatetime"})
_OTHERS = frozenset({"bit", "binary", "varbinary", "image", "timestamp", "rowversion"}) | frozenset(
    {"uniqueidentifier", "xml", "time", "datetimeoffset", "sql_variant"}
)
_KNOWN = _NARROW | _WIDE | _INTEGERS.keys() | _DECIMALS | _FLOATS | _TIMES | _OTHERS


@dataclass(frozen=True)
class SqlType:
    """A type of SQL Server: `varchar(20)`, `decimal(18,2)`, `int`.

    `size` is the length in characters or the precision; None where the type has none or says `max`.
    """

    name: str
    size: int | None = None
    scale: int = 0

    @classmethod
    @cache
    def parse(cls, text: str) -> SqlType:
        """The type that `text` names; ValueError if it is none of SQL Server's."""
        match = _TYPE.fullmatch(text.strip().lower())
        if not match or match[1] not in _KNOWN:
            raise ValueError(f"{text!r} is no type of SQL Server")
        name, size, scale = match[1], match[2], match[3]
        if name in {"money", "smallmoney"}:
            return cls(name, 19 if name == "money" else 10, 4)
        if size is not None and size != "max" and not size.isdigit():
            raise ValueError(f"{text!r}: the size must be a number or max")
        return cls(name, int(size) if size and size != "max" else None, int(scale or 0))

    @property
    def is_text(self) -> bool:
        return self.name in _NARROW or self.name in _WIDE

    @property
    def is_narrow(self) -> bool:
        """Whether the column holds one byte per character, in code page 1250."""
        return self.name in _NARROW

    @property
    def is_decimal(self) -> bool:
        return self.name in _DECIMALS

    @property
    def is_time(self) -> bool:
        return self.name in _TIMES

    def __str__(self) -> str:
        if self.name in {"money", "smallmoney"} or self.size is None:
            return self.name
        return (
            f"{self.name}({self.size},{self.scale})"
            if self.is_decimal
            else f"{self.name}({self.size})"
        )


@dataclass(frozen=True, slots=True)
class Param:
    """A value for one `?`, bound as the type of the column that it meets.

    A varchar column that is compared with an nvarchar parameter loses its index on SQL Server.
    """

    value: object
    type: SqlType

    @classmethod
    def of(cls, value: object, sql_type: str) -> Param:
        """`Param.of("FS 1/2026", "varchar(30)")`."""
        return cls(value, SqlType.parse(sql_type))


def check_text(field: str, value: str, sql_type: SqlType | str) -> str:
    """The text as the column can hold it, composed to NFC (a decomposed `ó` is one character of code page 1250).

    Raises Invalid, naming the field and the limit, for characters that the column can't hold and for texts that are
    too long; nothing is ever cut or replaced.
    """
    kind = SqlType.parse(sql_type) if isinstance(sql_type, str) else sql_type
    text = unicodedata.normalize("NFC", value)
    if "\0" in text:
        raise Invalid.of(field, "must not contain a NUL character")
    if kind.is_narrow:
        _check_code_page(field, text)
    # An nvarchar counts UTF-16 units.
    length = len(text) if kind.is_narrow else len(text.encode("utf-16-le", "surrogatepass")) // 2
    if kind.size is not None and length > kind.size:
        raise Invalid.of(field, f"must have at most {kind.size} characters, has {length}")
    return text


def _check_code_page(field: str, text: str) -> None:
    try:
        text.encode("cp1250")
    except UnicodeEncodeError as error:
        character = text[error.start]
        raise Invalid.of(
            field,
            f"the ERP's code page (Windows-1250) has no character U+{ord(character):04X}"
            f" (position {error.start + 1}): leave it out",
        ) from None


def sql_value(field: str, value: object, kind: SqlType) -> object:
    """`value` (as a request carries it) as the parameter type wants it; Invalid naming the field if it can't be."""
    if kind.name in _INTEGERS:
        return _integer(field, value, *_INTEGERS[kind.name])
    if kind.is_decimal:
        return _decimal(field, value)
    if kind.is_time:
        moment = _moment(field, value)
        return moment.date() if kind.name == "date" else moment
    if kind.name == "bit":
        return _bit(field, value)
    if kind.is_text:
        return check_text(field, str(value), kind)
    return value


def _integer(field: str, value: object, low: int, end: int) -> int:
    text = str(int(value) if isinstance(value, bool) else value)
    if not re.fullmatch(r"-?[0-9]{1,19}", text) or not low <= int(text) < end:
        raise Invalid.of(field, "must be a whole number in the range of the ERP's column")
    return int(text)


def _bit(field: str, value: object) -> bool:
    if isinstance(value, str):
        if value.lower() not in {"true", "false"}:
            raise Invalid.of(field, "must be true or false")
        return value.lower() == "true"
    return bool(value)


def _decimal(field: str, value: object) -> Decimal:
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        number = Decimal("NaN")
    if not number.is_finite():
        raise Invalid.of(field, 'must be a decimal number like "1234.50"')
    return number


def _moment(field: str, value: object) -> datetime:
    if isinstance(value, datetime):
        return value
    if isinstance(value, date):
        return datetime.combine(value, time())
    try:
        return datetime.fromisoformat(str(value))
    except ValueError:
        raise Invalid.of(field, "must be a date like 2026-11-24") from None


def like_contains(text: str) -> str:
    r"""A pattern for `LIKE :text ESCAPE '\'` that finds `text` anywhere."""
    return f"%{_like_literal(text)}%"


def like_prefix(text: str) -> str:
    r"""A pattern for `LIKE :text ESCAPE '\'` that finds what begins with `text` (an index can serve it)."""
    return f"{_like_literal(text)}%"


def _like_literal(text: str) -> str:
    return re.sub(r"([\\%_\[])", r"\\\1", text)
