"""`DescribeErp`: what the query `erp` reads, and what a plugin knows of itself."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from google.protobuf.message import Message

from mostek.erp.v1.common_pb2 import UnavailableReason
from mostek.erp.v1.erp_pb2 import (
    ChangeTracking,
    ChangeTrackingKind,
    DescribeErpRequest,
    DescribeErpResponse,
    Drift,
    FieldLimit,
)
from mostek.plugin.plugin import Context
from mostek.plugin.records import record_list
from mostek.plugin.schema import ReferenceSchema
from mostek.plugin.sql_plugin import SqlPlugin
from mostek.wire.fields import DeniedFields

__all__ = ["Description", "field_limits"]

#: A query `erp` has one row; its key column holds this.
_COMPANY = "1"

_NO_CHANGES = (ChangeTrackingKind.CHANGE_TRACKING_KIND_NONE, "A list can have a parameter for it.")


@dataclass(frozen=True)
class Description:
    """What a plugin's author knows.

    `operations`: query → the operations that read with it. `tracking`: operation → how changes of its list are told,
    and a remark for people. `limits`: where the ERP holds less than the contract allows.
    """

    operations: Mapping[str, tuple[str, ...]]
    tracking: Mapping[str, tuple[ChangeTrackingKind.ValueType, str]]
    limits: Iterable[FieldLimit] = field(default_factory=tuple)

    def describe(
        self,
        plugin: SqlPlugin,
        request: DescribeErpRequest,
        context: Context,
        company: str = _COMPANY,
    ) -> DescribeErpResponse:
        """The answer of `DescribeErp`. `company`: the key of the row of the query `erp`."""
        response = plugin.one("erp", request, context, DescribeErpResponse(), ids=[company])
        mask = list(request.read_mask.paths) if request.HasField("read_mask") else None
        known: Mapping[str, Iterable[Message]] = {
            "record_lists": (
                record_list(query, context.denied)
                for query in plugin.records.values()
                if not context.denied.hides(query.message)
            ),
            "change_tracking": self._change_tracking(plugin),
            "limits": self.limits,
            "drift": self._drift(plugin),
        }
        for name, entries in known.items():
            if _is_wanted(name, mask, context.denied):
                getattr(response.erp, name).extend(entries)
        _forget_unsupported(response, known)
        return response

    def _change_tracking(self, plugin: SqlPlugin) -> Iterator[ChangeTracking]:
        for operation, (kind, remark) in {**self.tracking, "ListRecords": _NO_CHANGES}.items():
            if operation in plugin.serves:
                yield ChangeTracking(operation=operation, kind=kind, remark=remark)

    def _drift(self, plugin: SqlPlugin) -> Iterator[Drift]:
        for note in plugin.drift_notes():
            failing = self.operations.get(note.query, ("ListRecords",)) if note.fails else ()
            yield Drift(
                name=note.name,
                message=note.message,
                failing_operations=failing,
                unavailable_fields=note.fields,
            )


def field_limits(
    columns: Mapping[str, str], schema: ReferenceSchema, scales: Mapping[str, int]
) -> list[FieldLimit]:
    """Limits by field path: of texts by the column that holds them (`dbo.table.column`), of numbers by their scale."""

    def length(path: str) -> int | None:
        table, _, column = path.rpartition(".")
        return schema.table(table).column(column).length

    return [
        *(FieldLimit(path=path, max_length=length(column)) for path, column in columns.items()),
        *(FieldLimit(path=path, max_scale=scale) for path, scale in scales.items()),
    ]


def _is_wanted(name: str, mask: list[str] | None, denied: DeniedFields) -> bool:
    named = mask is None or any(path == name or path.startswith(f"{name}.") for path in mask)
    return named and not denied.covers(f"Erp.{name}")


def _forget_unsupported(response: DescribeErpResponse, known: Iterable[str]) -> None:
    """The query files do not feed these; the plugin does."""
    kept = [
        one
        for one in response.unavailable_fields
        if one.path.split(".")[0] not in known
        or one.reason != UnavailableReason.UNAVAILABLE_REASON_UNSUPPORTED
    ]
    del response.unavailable_fields[:]
    response.unavailable_fields.extend(kept)
