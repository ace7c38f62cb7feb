"""Lists with change tokens by a column that every write raises (rowversion)."""

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

_KINDS = {"rowversion", "timestamp"}
# The lowest that a transaction now running may have given; what is committed and higher is asked for again.
_LOWEST = "SELECT CAST(MIN_ACTIVE_ROWVERSION() AS bigint)"


class VersionedLists:
    """Lists of one database, with change tokens where its rows have versions.

    `tables`: query → the tables whose versions tell of its rows. `column` is their name in all of these. A query has a
    filter `changed_since` for the lowest version to be told.
    """

    def __init__(
        self, database: Database, tables: Mapping[str, tuple[str, ...]], column: str
    ) -> None:
        self._database = database
        self._tables = tables
        self._column = column

    def queries(self) -> frozenset[str]:
        """The queries whose rows have versions in the database at hand."""
        catalogue = self._database.catalogue()
        return frozenset(
            query
            for query, tables in self._tables.items()
            if all(
                (kind := catalogue.type_of(table, self._column)) and kind.name in _KINDS
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
            row = session.one(_LOWEST if on_server else self._lowest_of_sandbox())
        return int(row[0] or 0) if row else 0

    def _lowest_of_sandbox(self) -> str:
        """A sandbox has one writer at a time: what comes next is higher than what is there."""
        tables = dict.fromkeys(table for tables in self._tables.values() for table in tables)
        greatest = " UNION ALL ".join(
            f"SELECT MAX({self._column}) AS n FROM {table}"  # noqa: S608 - names of a plugin
            for table in tables
        )
        return f"SELECT 1 + MAX(v.n) FROM ({greatest}) v"  # noqa: S608 - names of a plugin
