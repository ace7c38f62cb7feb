"""From rows to messages: one function per select list, generated once and then called for every row.

What a converter of the plugin is given: the column's value, text without trailing spaces, never None (with several
inputs: each as it is, None included). What it returns goes on as if the column had held it; None means absent.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, tzinfo
from decimal import Decimal
from functools import partial
from typing import Any

from google.protobuf.struct_pb2 import Value

from mostek.plugin.fields import Kind
from mostek.plugin.sql_types import SqlType
from mostek.wire.failures import Internal

__all__ = ["Builder", "Converter", "Output", "compile_builder"]

Converter = Callable[..., Any]
#: Fills a message from a row.
Builder = Callable[[Sequence[Any], Any], None]

#: Digits of a decimal whose column's type is not known: those of money.
MONEY_SCALE = 4


@dataclass(frozen=True)
class Output:
    """One field that a row feeds: from the row's values at `columns`, through `converter` if there is one."""

    path: str
    kind: Kind
    columns: tuple[int, ...]
    converter: Converter | None = None
    repeated: bool = False
    #: The column's type, where the row's value is a column's.
    sql_type: SqlType | None = None

    @property
    def scale(self) -> int:
        """Digits after the point of a decimal."""
        if self.sql_type is None or not self.sql_type.is_decimal:
            return MONEY_SCALE
        return self.sql_type.scale


def compile_builder(outputs: Sequence[Output], zone: tzinfo) -> Builder:
    """The function that fills a message with these fields.

    It raises Internal, naming the field, for a value that is not what the field holds.
    """
    build = _generated(outputs, zone)

    def guarded(row: Sequence[Any], message: Any) -> None:
        try:
            build(row, message)
        except (ArithmeticError, AttributeError, TypeError, ValueError) as error:
            raise Internal(
                f"A value in the ERP is not what {_culprit(outputs, zone, row, message)} holds."
            ) from error

    return guarded


def _culprit(outputs: Sequence[Output], zone: tzinfo, row: Sequence[Any], message: Any) -> str:
    for output in outputs:
        try:
            _generated([output], zone)(row, type(message)())
        except Exception:
            return output.path
    return "the field"


def _generated(outputs: Sequence[Output], zone: tzinfo) -> Builder:
    names: dict[str, Any] = {
        "text": _text,
        "stripped": _stripped,
        "day": _day,
        "decimal": Decimal,
        "moment": _moments(zone),
        "set_value": _set_value,
    }
    lines = ["def build(row, m):", " pass"]
    for number, output in enumerate(outputs):
        names[f"c{number}"] = output.converter
        names[f"typed{number}"] = partial(_typed, sql_type=output.sql_type, moment=names["moment"])
        names[f"worded{number}"] = lambda v, typed=names[f"typed{number}"]: _text(typed(v))
        lines += [f" {line}" for line in _lines(output, number)]
    exec("\n".join(lines), names)  # noqa: S102 - of paths that the checker knows as fields
    return names["build"]  # type: ignore[no-any-return]


def _lines(output: Output, number: int) -> list[str]:
    if len(output.columns) > 1 or (output.converter and not output.columns):
        values = ", ".join(f"stripped(row[{column}])" for column in output.columns)
        head = [f"v = c{number}({values})"]
    else:
        head = [f"v = row[{output.columns[0]}]"]
        if output.converter:
            head += ["if v is not None:", f" v = c{number}(stripped(v))"]
    if output.repeated:
        body = [f"for v in v if isinstance(v, (list, tuple)) else (v,): m.{output.path}.append(v)"]
    else:
        body = _assignment(output, number)
    return [*head, "if v is not None:", *(f" {line}" for line in body)]


def _assignment(output: Output, number: int) -> list[str]:
    target = f"m.{output.path}"
    match output.kind:
        case Kind.TEXT:
            return [
                "v = v.rstrip() if v.__class__ is str else text(v)",
                f"if v: {target} = v",
            ]
        case Kind.DECIMAL:
            # z: a sum of floats that should be 0 may be a hair below it.
            return [
                f"{target} = f'{{v if v.__class__ is not str else decimal(v):z.{output.scale}f}}'"
            ]
        case Kind.DATE:
            return ["v = v[:10] if v.__class__ is str else day(v)", f"if v: {target} = v"]
        case Kind.INSTANT:
            return [f"{target}.FromDatetime(moment(v))"]
        case Kind.BOOL:
            return [f"{target} = bool(v)"]
        case Kind.INT | Kind.ENUM:
            return [f"{target} = int(v)"]
        case Kind.FLOAT:
            return [f"{target} = float(v)"]
        case Kind.MAP:
            field, _, key = output.path.partition(".")
            return [f"v = worded{number}(v)", f"if v: m.{field}[{key!r}] = v"]
        case _:
            return [f"set_value(m.fields, {output.path!r}, typed{number}(v))"]


def _stripped(value: Any) -> Any:
    return value.rstrip() if isinstance(value, str) else value


def _text(value: Any) -> str:
    match value:
        case str():
            return value.rstrip()
        case bool():
            return "true" if value else "false"
        case Decimal():
            return f"{value:f}"
        case datetime():
            return value.isoformat(timespec="seconds") if value.time() != _MIDNIGHT else _day(value)
        case date():
            return value.isoformat()
        case bytes():
            return value.hex()
    return str(value)


_MIDNIGHT = datetime.min.time()


def _day(value: Any) -> str:
    return str(value.isoformat())[:10]


def _moments(zone: tzinfo) -> Callable[[Any], datetime]:
    def moment(value: Any) -> datetime:
        when = datetime.fromisoformat(value) if isinstance(value, str) else value
        return when if when.tzinfo else when.replace(tzinfo=zone)

    return moment


_EXACT_IN_DOUBLE = 2**53


def _typed(value: Any, *, sql_type: SqlType | None, moment: Callable[[Any], datetime]) -> Any:
    """A value of a column of the site's own, the same from every driver: SQLite knows no decimals, bits and dates."""
    if sql_type is None:
        return value
    if sql_type.is_decimal:
        return f"{Decimal(value) if isinstance(value, str) else value:z.{sql_type.scale}f}"
    if sql_type.name == "bit":
        return bool(value)
    if sql_type.is_time:
        when = datetime.fromisoformat(value) if isinstance(value, str) else value
        midnight = not isinstance(when, datetime) or when.time() == _MIDNIGHT
        return _day(when) if midnight else moment(when).isoformat()
    return value


def _set_value(fields: Mapping[str, Value], name: str, value: Any) -> None:
    """Numbers and booleans as such; what a double can't hold exactly as text."""
    if isinstance(value, bool):
        fields[name].bool_value = value
    elif isinstance(value, float) or (isinstance(value, int) and abs(value) <= _EXACT_IN_DOUBLE):
        fields[name].number_value = value
    else:
        text = _text(value)
        if text:
            fields[name].string_value = text
