"""Change tokens by `Stamp`, where that column is a rowversion."""

from __future__ import annotations

from collections.abc import Mapping

from mostek.plugin.database import Database
from mostek.plugin.versions import VersionedLists

__all__ = ["versioned_lists"]

#: Query → the tables whose versions tell of its rows.
_TABLES: Mapping[str, tuple[str, ...]] = {
    "customers": ("dbo.Kontrahenci",),
    "products": ("dbo.Towary",),
    "invoices": ("dbo.DokHandlowe", "dbo.PozycjeDokHan"),
    "orders": ("dbo.DokHandlowe", "dbo.PozycjeDokHan"),
}


def versioned_lists(database: Database) -> VersionedLists:
    """The lists of a database."""
    return VersionedLists(database, _TABLES, "Stamp")
