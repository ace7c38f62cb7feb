"""Optima's attributes, the program's own fields: values of a row, by the code or the name of their definition."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from mostek.plugin.clarion import day
from mostek.plugin.database import Session

__all__ = ["TABLES", "attributes", "dates", "tell_dates"]

#: Digits of a day's number until the year 4500.
_LONGEST_DAY = 6
_FORMATS = "SELECT d.DeA_Typ, d.DeA_Kod, d.DeA_Nazwa FROM CDN.DefAtrybuty d WHERE d.DeA_Format = 4"


class _Values(NamedTuple):
    """Where a query's rows have their attributes: the value, its definition, and what ties it to the row."""

    kind: int
    table: str
    value: str
    definition: str
    of_row: str


_OF_DOCUMENT = _Values(4, "DokAtrybuty", "DAt_WartoscTxt", "DAt_DeAId", "a.DAt_TrNId = h.TrN_TrNID")
#: By query; `kind` is DeA_Typ.
TABLES: Mapping[str, _Values] = {
    "customers": _Values(
        2,
        "KntAtrybuty",
        "KnA_WartoscTxt",
        "KnA_DeAId",
        "a.KnA_PodmiotId = k.Knt_KntId AND a.KnA_PodmiotTyp = 1",
    ),
    "products": _Values(
        1, "TwrAtrybuty", "TwA_WartoscTxt", "TwA_DeAId", "a.TwA_TwrId = t.Twr_TwrId"
    ),
    "invoices": _OF_DOCUMENT,
    "orders": _OF_DOCUMENT,
}


def attributes(query: str, names: Mapping[str, str]) -> dict[str, str]:
    """SQL expressions of a query's attributes, by the names of the configuration."""
    return {name: _expression(TABLES[query], wanted) for name, wanted in names.items()}


def dates(session: Session, own: Mapping[str, Mapping[str, str]]) -> dict[str, frozenset[str]]:
    """By query, the names of the configuration whose attributes are dates, as they are defined now."""
    found = {
        (int(row[0]), str(name).rstrip().casefold())
        for row in session.fetch(_FORMATS)
        for name in row[1:]
    }
    return {
        query: frozenset(
            name
            for name, wanted in names.items()
            if (TABLES[query].kind, wanted.rstrip().casefold()) in found
        )
        for query, names in own.items()
    }


def tell_dates(items: Iterable[Any], names: frozenset[str]) -> None:
    """Put days as `YYYY-MM-DD` in place of their numbers; what is no number stays as it is."""
    for item in items if names else ():
        for name in names & item.attributes.keys():
            text = item.attributes[name].strip()
            if not text.isascii() or not text.isdigit() or len(text) > _LONGEST_DAY:
                continue
            if told := day(int(text)):
                item.attributes[name] = str(told)
            else:
                del item.attributes[name]


def _expression(values: _Values, wanted: str) -> str:
    literal = "'" + wanted.replace("'", "''") + "'"
    return (
        f"(SELECT MIN(a.{values.value}) FROM CDN.{values.table} a"  # noqa: S608 - a literal, and names of this module
        f" JOIN CDN.DefAtrybuty x ON x.DeA_DeAId = a.{values.definition} AND x.DeA_Typ = {values.kind}"
        f" WHERE {values.of_row} AND (x.DeA_Kod = {literal} OR x.DeA_Nazwa = {literal}))"
    )
