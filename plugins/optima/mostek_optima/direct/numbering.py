"""Numbers of orders: which is next. The layout is that of the template's own number.

`TrN_NumerString` is the number with `@numerS` where the running number goes. Of its other parts only a year is
understood to change; any other number in it might be a month or a day, and is refused. Gaps are not filled.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from mostek.plugin.converters import as_day
from mostek.plugin.orders.lookup import Lookup, text
from mostek.plugin.sql_types import Param
from mostek.wire.failures import Rejected, Unsupported

__all__ = ["Numbering"]

_PLACE = "@numerS"
_LONGEST = 30
# Held until the transaction ends, so that nobody else takes the number.
_LAST = "SELECT MAX(h.TrN_NumerNr) FROM CDN.TraNag h{lock} WHERE h.TrN_NumerString = ?"
_LOCK = " WITH (UPDLOCK, HOLDLOCK)"


@dataclass(frozen=True)
class Numbering:
    """How orders are numbered at this site."""

    parts: tuple[str, ...]
    year: int

    @classmethod
    def of(cls, order: Mapping[str, Any]) -> Numbering:
        """Of the template's row. Raises Unsupported for what is not certain."""
        parts = tuple(text(order["trn_numerstring"]).split("/"))
        year = as_day(order["trn_datadok"]).year
        others = [part for part in parts if part != _PLACE]
        if parts.count(_PLACE) != 1 or int(order["trn_numernr"] or 0) <= 0:
            raise _unclear("it has no running number in the buffer")
        if any(part.isdigit() and part != str(year) for part in others):
            raise _unclear("a part of it may be a month or a day")
        return cls(parts, year)

    def next(self, lookup: Lookup, issued: date) -> tuple[str, int, str]:
        """`TrN_NumerString`, the next number, and both as printed."""
        layout = "/".join(str(issued.year) if p == str(self.year) else p for p in self.parts)
        lock = _LOCK if lookup.dialect.name == "mssql" else ""
        found = lookup.one(_LAST.format(lock=lock), Param.of(layout, "varchar(31)"))
        counted = int(found[0] or 0) + 1 if found else 1
        number = layout.replace(_PLACE, str(counted))
        if len(number) > _LONGEST:
            raise Rejected(f"The order's number would be longer than {_LONGEST} characters.")
        return layout, counted, number


def _unclear(why: str) -> Unsupported:
    return Unsupported(
        f"Orders can't be numbered after the configured template's number, because {why}: configure an order whose"
        " number is made of symbol, running number, year and perhaps a series in letters."
    )
