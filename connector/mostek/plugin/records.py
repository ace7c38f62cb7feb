"""Lists that a site defines for itself: `records/<name>.sql` in its folder of queries, read by `ListRecords`.

Such a file is a query file whose aliases are names of columns. What the policy denies in it is named
`Records.<name>.<column>`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import tzinfo
from pathlib import Path
from typing import Any

from mostek.erp.v1.erp_pb2 import RecordList, RecordParameter
from mostek.plugin.conversion import Converter
from mostek.plugin.query import Query
from mostek.plugin.sql_types import SqlType, sql_value
from mostek.wire.failures import Invalid
from mostek.wire.fields import DeniedFields

__all__ = ["RECORDS", "load_records", "record_filters", "record_list"]

#: Leads the names of such queries, so that a list may be called like one of the plugin's.
RECORDS = "records/"
_SWITCH = SqlType("bit")


def load_records(
    queries: Path | None, zone: tzinfo, converters: Mapping[str, Converter]
) -> dict[str, Query]:
    """The site's lists by name. Raises QueryError, naming file and line."""
    folder = queries / "records" if queries else None
    if not folder or not folder.is_dir():
        return {}
    return {
        path.stem: Query.of_records(
            str(path),
            path.stem,
            path.read_text(encoding="utf-8-sig"),
            zone=zone,
            converters=converters,
        )
        for path in sorted(folder.glob("*.sql"))
    }


def record_filters(query: Query, given: Mapping[str, str]) -> dict[str, Any]:
    """A request's parameters, from text to what the list's parameters are. Raises Invalid, naming all that is wrong."""
    _refuse(given.keys() - query.filters, "the list has no such parameter")
    _refuse(query.required - given.keys(), "is required")
    parameters = query.parts[0].file.parameters
    return {
        name: value
        if name in parameters and parameters[name].transform
        else sql_value(
            f"parameters.{name}", value, parameters[name].type if name in parameters else _SWITCH
        )
        for name, value in given.items()
    }


def _refuse(names: Iterable[str], reason: str) -> None:
    found = sorted(names)
    if found:
        raise Invalid.of(f"parameters.{found[0]}", reason)


def record_list(query: Query, denied: DeniedFields) -> RecordList:
    """How `DescribeErp` tells of a list, without the columns that are denied."""
    file = query.parts[0].file
    parameters = file.parameters
    return RecordList(
        name=query.name,
        description=file.description or None,
        parameters=[
            RecordParameter(
                name=name,
                type=str(parameters[name].type if name in parameters else _SWITCH),
                required=name in query.required,
            )
            for name in sorted(query.filters)
        ],
        columns=[
            name for name in query.root.children if not denied.covers(f"{query.message}.{name}")
        ],
    )
