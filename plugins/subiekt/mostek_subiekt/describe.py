"""`DescribeErp`: what the query files of `erp` read, and what the plugin knows of itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from google.protobuf.message import Message

from mostek.erp.v1.common_pb2 import UnavailableReason
from mostek.erp.v1.erp_pb2 import (
    ChangeTracking,
    ChangeTrackingKind,
    DescribeErpRequest,
    DescribeErpResponse,
    Drift,
    RecordList,
)
from mostek.plugin.plugin import Context
from mostek.plugin.records import record_list
from mostek.plugin.sql_plugin import SqlPlugin
from mostek_subiekt.limits import limits

if TYPE_CHECKING:
    from mostek_subiekt.gt import SubiektGt

__all__ = ["describe"]

_COMPANY = "1"

#: Query → operations that read with it.
_OPERATIONS: Mapping[str, tuple[str, ...]] = {
    "erp": ("DescribeErp",),
    "customers": ("ListCustomers", "GetCustomer"),
    "products": ("ListProducts", "GetProduct"),
    "invoices": ("ListInvoices", "GetInvoice"),
    "receivables": ("ListReceivables",),
    "balances": ("GetCustomerBalance",),
    "orders": ("ListOrders", "GetOrder"),
}
_TRACKING: Mapping[str, tuple[ChangeTrackingKind.ValueType, str]] = {
    "ListCustomers": (
        ChangeTrackingKind.CHANGE_TRACKING_KIND_TIME,
        "Edits of the card, its addresses and contact persons are seen; of further phones and e-mails they are not.",
    ),
    "ListProducts": (
        ChangeTrackingKind.CHANGE_TRACKING_KIND_NONE,
        "Products, prices and stock have no time of change that every edit is known to set.",
    ),
    "ListInvoices": (
        ChangeTrackingKind.CHANGE_TRACKING_KIND_NONE,
        "Documents have no time of change; ids grow, so the newest have the highest.",
    ),
    "ListReceivables": (
        ChangeTrackingKind.CHANGE_TRACKING_KIND_NONE,
        "include_settled_since tells what was paid since a day.",
    ),
    "ListOrders": (
        ChangeTrackingKind.CHANGE_TRACKING_KIND_NONE,
        "Documents have no time of change; ids grow, so the newest have the highest.",
    ),
    "ListRecords": (
        ChangeTrackingKind.CHANGE_TRACKING_KIND_NONE,
        "A list can have a parameter for it.",
    ),
}


def describe(
    plugin: SubiektGt, request: DescribeErpRequest, context: Context
) -> DescribeErpResponse:
    response = plugin.one("erp", request, context, DescribeErpResponse(), ids=[_COMPANY])
    mask = list(request.read_mask.paths) if request.HasField("read_mask") else None
    known: Mapping[str, Callable[[SqlPlugin], Iterator[Message]]] = {
        "record_lists": _record_lists,
        "change_tracking": _change_tracking,
        "limits": lambda _: iter(limits()),
        "drift": _drift,
    }
    for name, entries in known.items():
        if _is_wanted(name, mask, context.denied):
            getattr(response.erp, name).extend(entries(plugin))
    _forget_unsupported(response, known)
    return response


def _is_wanted(name: str, mask: list[str] | None, denied: frozenset[str]) -> bool:
    named = mask is None or any(path == name or path.startswith(f"{name}.") for path in mask)
    return named and f"Erp.{name}" not in denied


def _forget_unsupported(response: DescribeErpResponse, known: Mapping[str, Any]) -> None:
    """The query files do not feed these; the plugin does."""
    kept = [
        one
        for one in response.unavailable_fields
        if one.path.split(".")[0] not in known
        or one.reason != UnavailableReason.UNAVAILABLE_REASON_UNSUPPORTED
    ]
    del response.unavailable_fields[:]
    response.unavailable_fields.extend(kept)


def _record_lists(plugin: SqlPlugin) -> Iterator[RecordList]:
    return (record_list(query) for query in plugin.records.values())


def _change_tracking(plugin: SqlPlugin) -> Iterator[ChangeTracking]:
    for operation, (kind, remark) in _TRACKING.items():
        if operation in plugin.serves:
            yield ChangeTracking(operation=operation, kind=kind, remark=remark)


def _drift(plugin: SqlPlugin) -> Iterator[Drift]:
    for note in plugin.drift_notes():
        yield Drift(
            name=note.name,
            message=note.message,
            failing_operations=_OPERATIONS.get(note.query, ("ListRecords",)) if note.fails else (),
            unavailable_fields=note.fields,
        )
