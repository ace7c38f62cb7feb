"""Numbers of orders: which is next, and how it is printed.

The layout is that of the template's own number, taken apart by the parts that `nr_Parametr` says a number of ZK has:
what is not explained by them, or in two ways, is refused and never guessed. Numbers begin anew every year or month
(`np_NrRodzaj`), per warehouse where its symbol is part of the number. Gaps are not filled, whatever `np_NrLuka` says.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from itertools import product
from typing import Any

from mostek.plugin.orders.lookup import integer, text
from mostek.plugin.sql_types import Param
from mostek.wire.failures import Rejected, Unsupported
from mostek_subiekt.orders.rows import Rows
from mostek_subiekt.orders.template import ORDER, Template

__all__ = ["Layout", "NumberParts", "Numbering", "how_many"]

_YEARLY, _MONTHLY = 0, 1
_LONGEST = 30
#: Numbers in use that are stepped over before it is given up.
_STEPS = 1000

_PARAMETERS = """
SELECT np_NrRodzaj, np_NrRoz, np_NrSymbolRej, np_NrDzien, np_NrMiesiac, np_NrRok
FROM dbo.nr_Parametr WHERE np_Typ = ? AND np_DefiniowalnyId = 0
"""
_GREATEST = """
SELECT MAX(d.dok_Nr) FROM dbo.dok__Dokument d
WHERE d.dok_Typ = ? AND d.dok_DataWyst >= {0} AND d.dok_DataWyst < {0}
"""
_RESERVED = """
SELECT MAX(r.rez_Nr) FROM dbo.nr_NrRez r
WHERE r.rez_Typ = ? AND r.rez_DataWyst >= {0} AND r.rez_DataWyst < {0}
"""
_START = """
SELECT MAX(s.ns_Granica) FROM dbo.nr_NrStart s
WHERE s.ns_Typ = ? AND s.ns_Rodzaj = ? AND (s.ns_Rok IS NULL OR s.ns_Rok = ?)
  AND (s.ns_Miesiac IS NULL OR s.ns_Miesiac = ?) AND (s.ns_RejId IS NULL OR s.ns_RejId = ?)
"""


@dataclass(frozen=True)
class NumberParts:
    """What may stand in a number besides the number itself."""

    day: date
    extension: str
    warehouse: str

    def values(self) -> dict[str, str]:
        """By kind of part; a year has two spellings."""
        return {
            "extension": self.extension,
            "warehouse": self.warehouse,
            "day": f"{self.day:%d}",
            "month": f"{self.day:%m}",
            "year": f"{self.day:%Y}",
            "short year": f"{self.day:%y}",
        }


@dataclass(frozen=True)
class Layout:
    """`ZK 3770/07/2026`: the text before the number and the kinds of the parts after it."""

    prefix: str
    kinds: tuple[str, ...]

    @classmethod
    def of(cls, number: str, counted: int, parts: NumberParts, expected: frozenset[str]) -> Layout:
        """The layout of a number of which it is known what is in it. Raises Unsupported if it is not certain."""
        head, *rest = number.split("/")
        prefix = head.removesuffix(str(counted))
        if prefix == head or prefix[-1:].isdigit():
            raise _unclear("it does not begin with its number")
        wanted = expected - ({"extension"} if not parts.extension else set())
        found = {cls(prefix, kinds) for kinds in _explanations(rest, parts.values(), wanted)}
        if len(found) != 1:
            how = "in several ways" if found else "by the parameters of numbering"
            raise _unclear(f"its parts can{'' if found else 'not'} be explained {how}")
        return found.pop()

    def text(self, counted: int, parts: NumberParts) -> str:
        """The number as it is printed."""
        values = parts.values()
        return "/".join([f"{self.prefix}{counted}", *(values[kind] for kind in self.kinds)])


def _explanations(
    rest: list[str], values: Mapping[str, str], wanted: frozenset[str] | set[str]
) -> Iterator[tuple[str, ...]]:
    choices = [
        [kind for kind, value in values.items() if value == part and _flag(kind) in wanted]
        for part in rest
    ]
    for kinds in product(*choices):
        if sorted(map(_flag, kinds)) == sorted(wanted):
            yield kinds


def _flag(kind: str) -> str:
    return "year" if kind == "short year" else kind


def _unclear(why: str) -> Unsupported:
    return Unsupported(
        f"Orders can't be numbered after the configured template's number, because {why}: configure an order whose"
        " number shows the layout (of a day that is not like its month), or correct the numbering of ZK in the program."
    )


@dataclass(frozen=True)
class Numbering:
    """How orders are numbered at this site."""

    layout: Layout
    yearly: bool
    by_warehouse: bool
    extension: str | None

    @classmethod
    def read(cls, rows: Rows, template: Template) -> Numbering:
        """The site's numbering. Raises Unsupported for what is not certain."""
        found = rows.one(_PARAMETERS, integer(ORDER))
        if found is None or found[0] not in {_YEARLY, _MONTHLY}:
            raise Unsupported(
                "Orders can't be numbered: the program numbers ZK by the fiscal year or not at all, and direct SQL"
                " only by year or month."
            )
        flags = zip(("extension", "warehouse", "day", "month", "year"), found[1:], strict=True)
        expected = frozenset(name for name, flag in flags if flag)
        order = template.order
        extension = text(order["dok_nrroz"])
        parts = NumberParts(template.issued, extension, _symbol(rows, template.warehouse))
        layout = Layout.of(text(order["dok_nrpelny"]), int(order["dok_nr"]), parts, expected)
        own_extension = order["dok_nrroz"] if "extension" in expected and extension else None
        return cls(layout, found[0] == _YEARLY, "warehouse" in expected, own_extension)

    def next(self, rows: Rows, issued: date, warehouse: int) -> tuple[int, str]:
        """The next number of the period, and as it is printed, in no document yet."""
        parts = NumberParts(issued, text(self.extension), _symbol(rows, warehouse))
        first = self._first(rows, issued, warehouse)
        for counted in range(first, first + _STEPS):
            number = self.layout.text(counted, parts)
            if len(number) > _LONGEST:
                raise Rejected(f"The order's number would be longer than {_LONGEST} characters.")
            if not how_many(rows, number):
                return counted, number
        raise Rejected(
            f"The next {_STEPS} numbers of orders are taken by orders of other periods: check the numbering of ZK."
        )

    def _first(self, rows: Rows, issued: date, warehouse: int) -> int:
        taken = [
            self._greatest(rows, _GREATEST, ("d.dok_MagId", "d.dok_NrRoz"), issued, warehouse),
            self._greatest(rows, _RESERVED, ("r.rez_RejId", "r.rez_Roz"), issued, warehouse),
        ]
        year, month = integer(issued.year), integer(issued.month)
        kind = integer(_YEARLY if self.yearly else _MONTHLY)
        found = rows.one(_START, integer(ORDER), kind, year, month, integer(warehouse))
        start = found[0] if found and found[0] else 1
        return max(start, *(number + 1 for number in taken))

    def _greatest(
        self, rows: Rows, sql: str, columns: tuple[str, str], issued: date, warehouse: int
    ) -> int:
        begin, end = self._period(issued)
        statement = sql.format(rows.placeholder("datetime"))
        params: list[Param] = [integer(ORDER), _moment(begin), _moment(end)]
        if self.by_warehouse:
            statement += f" AND {columns[0]} = ?"
            params.append(integer(warehouse))
        if self.extension is not None:
            statement += f" AND {columns[1]} = ?"
            params.append(Param.of(self.extension, "char(3)"))
        found = rows.one(statement, *params)
        return int(found[0]) if found and found[0] else 0

    def _period(self, issued: date) -> tuple[date, date]:
        """The first day of the period and the first after it."""
        if self.yearly:
            return date(issued.year, 1, 1), date(issued.year + 1, 1, 1)
        following = date(issued.year + issued.month // 12, issued.month % 12 + 1, 1)
        return issued.replace(day=1), following


def how_many(rows: Rows, number: str) -> int:
    """How many orders have that number."""
    sql = "SELECT COUNT(*) FROM dbo.dok__Dokument WHERE dok_Typ = ? AND dok_NrPelny = ?"
    found = rows.one(sql, integer(ORDER), Param.of(number, "varchar(30)"))
    return int(found[0]) if found else 0


def _moment(value: date) -> Param:
    return Param.of(datetime(value.year, value.month, value.day), "datetime")


def _symbol(rows: Rows, warehouse: int) -> str:
    found: Any = rows.one(
        "SELECT mag_Symbol FROM dbo.sl_Magazyn WHERE mag_Id = ?", integer(warehouse)
    )
    return text(found[0]) if found else ""
