"""Change tokens by `Stamp`, where that column is a rowversion: each row has a version that every write raises."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from google.protobuf.message import Message

from mostek.plugin.changes import Versions
from mostek.plugin.database import Database
from mostek.plugin.plugin import Context
from mostek.plugin.sql_plugin import SqlPlugin
from mostek.wire.failures import Unsupported

__all__ = ["VersionedLists"]

R = TypeVar("R", bound=Message)

#: Query → the tables whose versions tell of its rows.
_TABLES: Mapping[str, tuple[str, ...]] = {
    "customers": ("dbo.Kontrahenci",),
    "products": ("dbo.Towary",),
    "invoices": ("dbo.DokHandlowe", "dbo.PozycjeDokHan"),
    "orders": ("dbo.DokHandlowe", "dbo.PozycjeDokHan"),
}
_COLUMN = "Stamp"
_KINDS = {"rowversion", "timestamp"}
# The lowest that a transaction now running may have given; what is committed and higher is asked for again.
_LOWEST = "SELECT CAST(MIN_ACTIVE_ROWVERSION() AS bigint)"
# A sandbox has one writer at a time.
_LOWEST_OF_SANDBOX = (
    "SELECT 1 + MAX(v.n) FROM (SELECT MAX(Stamp) AS n FROM dbo.Kontrahenci UNION ALL SELECT MAX(Stamp) FROM dbo.Towary"
    " UNION ALL SELECT MAX(Stamp) FROM dbo.DokHandlowe UNION ALL SELECT MAX(Stamp) FROM dbo.PozycjeDokHan) v"
)


class VersionedLists:
    """Lists of one database, with change tokens where its rows have versions."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def queries(self) -> frozenset[str]:
        """The queries whose rows have versions."""
        catalogue = self._database.catalogue()
        return frozenset(
            query
            for query, tables in _TABLES.items()
            if all(
                (kind := catalogue.type_of(table, _COLUMN)) and kind.name in _KINDS
                for table in tables
            )
        )

    def page(
        self,
        plugin: SqlPlugin,
        query: str,
        request: Any,
        context: Context,
        response: R,
        **filters: Any,
    ) -> R:
        """As `SqlPlugin.page`. Raises Unsupported for a change token where rows have no versions."""
        if query not in self.queries():
            if request.change_token:
                raise Unsupported.of(
                    "change_token", "this database's rows have no versions: leave it out"
                )
            return plugin.page(query, request, context, response, **filters)
        versions = Versions.of(request, lambda: self._lowest(context))
        filled = plugin.page(
            query,
            versions.request,
            context,
            response,
            change_token=None,
            changed_since=versions.since,
            **filters,
        )
        return versions.finished(filled)

    def _lowest(self, context: Context) -> int:
        on_server = self._database.dialect.name == "mssql"
        with self._database.reading(context) as session:
            row = session.one(_LOWEST if on_server else _LOWEST_OF_SANDBOX)
        return int(row[0] or 0) if row else 0
