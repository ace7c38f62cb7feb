"""Rows that no procedure writes: customers and delivery places, in the transaction of one write."""

from __future__ import annotations

from collections.abc import Mapping

from mostek.plugin.orders.lookup import Lookup
from mostek.plugin.sql_types import Param, SqlType

__all__ = ["inserted", "next_number"]

_IDENTITY = (
    "SELECT c.is_identity FROM sys.columns c WHERE c.object_id = OBJECT_ID(?) AND c.name = ?"
)
_IDENTITY_SANDBOX = "SELECT sql LIKE '%AUTOINCREMENT%' FROM dbo.sqlite_master WHERE name = ?"
# Held until the transaction ends: nobody else takes the number.
_HELD = " WITH (UPDLOCK, HOLDLOCK)"


def inserted(lookup: Lookup, table: str, key: str, columns: Mapping[str, object]) -> int:
    """Insert a row; its id, which the table draws itself or which is the next one."""
    identity = _has_identity(lookup, table, key)
    given = dict(columns) if identity else {key: next_number(lookup, table, key), **columns}
    kinds = {name: lookup.catalogue.type_of(f"dbo.{table}", name) for name in given}
    params = [_bound(value, kinds[name]) for name, value in given.items()]
    marks = ", ".join("?" * len(given))
    names = ", ".join(f"[{name}]" for name in given)
    sql = f"INSERT INTO dbo.{table} ({names}) VALUES ({marks})"  # noqa: S608 - names of this plugin
    if not identity:
        lookup.session.execute(sql, params)
        return int(str(given[key]))
    if lookup.dialect.name == "mssql":
        results = lookup.session.results(
            f"SET NOCOUNT ON;\n{sql};\nSELECT SCOPE_IDENTITY();", params
        )
        return int(results[-1][0][0])
    return int(lookup.session.results(f"{sql} RETURNING [{key}]", params)[0][0][0])


def _bound(value: object, kind: SqlType | None) -> Param:
    """Flags are text in some versions and numbers in others."""
    if kind is None:
        return Param.of(value, "varchar(200)" if isinstance(value, str) else "bigint")
    return Param(str(value) if kind.is_text else value, kind)


def _has_identity(lookup: Lookup, table: str, column: str) -> bool:
    if lookup.dialect.name == "mssql":
        names = (Param.of(f"dbo.{table}", "nvarchar(128)"), Param.of(column, "nvarchar(128)"))
        found = lookup.one(_IDENTITY, *names)
    else:
        found = lookup.one(_IDENTITY_SANDBOX, Param.of(table, "nvarchar(128)"))
    return bool(found and found[0])


def next_number(
    lookup: Lookup, table: str, column: str, where: str = "1 = 1", *params: Param
) -> int:
    held = _HELD if lookup.dialect.name == "mssql" else ""
    sql = f"SELECT COALESCE(MAX({column}), 0) + 1 FROM dbo.{table}{held} WHERE {where}"  # noqa: S608
    found = lookup.one(sql, *params)
    return int(found[0]) if found else 1
