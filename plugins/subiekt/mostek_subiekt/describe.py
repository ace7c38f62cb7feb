"""What is known of Subiekt GT beside what its query files read, for `DescribeErp`."""

from __future__ import annotations

from collections.abc import Mapping

from mostek.erp.v1.erp_pb2 import ChangeTrackingKind
from mostek.plugin.describe import Description, field_limits
from mostek_subiekt.limits import COLUMNS, SCALES
from mostek_subiekt.schema import reference_schema

__all__ = ["DESCRIPTION"]

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
}

DESCRIPTION = Description(_OPERATIONS, _TRACKING, field_limits(COLUMNS, reference_schema(), SCALES))
