"""Features (cechy), the program's own fields: rows of `Features`, by the row that they belong to and their name."""

from __future__ import annotations

from collections.abc import Mapping

__all__ = ["TABLES", "attributes"]

#: Query → the table whose rows it reads, and its alias there.
TABLES: Mapping[str, tuple[str, str]] = {
    "customers": ("Kontrahenci", "k"),
    "products": ("Towary", "t"),
    "invoices": ("DokHandlowe", "d"),
    "orders": ("DokHandlowe", "d"),
}


def attributes(query: str, features: Mapping[str, str]) -> dict[str, str]:
    """SQL expressions of a query's attributes, by name. Numbers are stored right-aligned, so spaces are taken off.

    Of features with a history or with several values the plain one (`Lp` 0) is read.
    """
    table, alias = TABLES[query]
    return {
        name: (
            "(SELECT MAX(LTRIM(RTRIM(feature.Data))) FROM dbo.Features feature"  # noqa: S608 - a literal, and names of this module
            f" WHERE feature.ParentType = '{table}' AND feature.Parent = {alias}.ID"
            f" AND feature.Name = {_literal(feature)} AND feature.Lp = 0)"
        )
        for name, feature in features.items()
    }


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
