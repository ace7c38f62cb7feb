"""What is known of enova365 beside what its query files read, for `DescribeErp`."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from mostek.erp.v1.erp_pb2 import ChangeTrackingKind, FieldLimit
from mostek.plugin.describe import Description

__all__ = ["described"]

_OPERATIONS: Mapping[str, tuple[str, ...]] = {
    "erp": ("DescribeErp",),
    "customers": ("ListCustomers", "GetCustomer"),
    "products": ("ListProducts", "GetProduct"),
    "invoices": ("ListInvoices", "GetInvoice"),
    "receivables": ("ListReceivables",),
    "balances": ("GetCustomerBalance",),
    "orders": ("ListOrders", "GetOrder"),
}
_NONE = ChangeTrackingKind.CHANGE_TRACKING_KIND_NONE
_VERSION = ChangeTrackingKind.CHANGE_TRACKING_KIND_VERSION
_SEEN: Mapping[str, tuple[str, str]] = {
    "ListCustomers": ("customers", "A change of addresses alone is not seen."),
    "ListProducts": ("products", "A change of prices, further bar codes and stock is not seen."),
    "ListInvoices": ("invoices", "A payment alone, and what KSeF answered, are not seen."),
    "ListOrders": ("orders", "Documents made of an order are not seen by themselves."),
}
_UNSEEN = "Rows have no version here (the column Stamp is no rowversion)."


def described(versioned: Collection[str], limits: Iterable[FieldLimit]) -> Description:
    """What is told. `versioned`: the queries whose rows have a version in the database at hand."""
    tracking = {
        operation: (_VERSION, remark) if query in versioned else (_NONE, _UNSEEN)
        for operation, (query, remark) in _SEEN.items()
    }
    settled = (_NONE, "include_settled_since tells what was settled since a day.")
    return Description(_OPERATIONS, {**tracking, "ListReceivables": settled}, limits)
