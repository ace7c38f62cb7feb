"""What is known of Optima beside what its query files read, for `DescribeErp`."""

from __future__ import annotations

from collections.abc import Mapping

from mostek.erp.v1.erp_pb2 import ChangeTrackingKind
from mostek.plugin.describe import Description, field_limits
from mostek_optima.limits import COLUMNS, SCALES
from mostek_optima.schema import reference_schema

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
_TIME = ChangeTrackingKind.CHANGE_TRACKING_KIND_TIME
_DOCUMENTS = (
    "Edits of the document are seen; whether payments and conversions count as such is not known."
)
_TRACKING: Mapping[str, tuple[ChangeTrackingKind.ValueType, str]] = {
    "ListCustomers": (_TIME, "Edits of the card are seen; of contact persons they are not."),
    "ListProducts": (
        _TIME,
        "Edits of the card are seen; of prices perhaps not, and a change of stock is not.",
    ),
    "ListInvoices": (_TIME, _DOCUMENTS),
    "ListReceivables": (
        ChangeTrackingKind.CHANGE_TRACKING_KIND_NONE,
        "include_settled_since tells what was settled since a day.",
    ),
    "ListOrders": (_TIME, _DOCUMENTS),
}

DESCRIPTION = Description(_OPERATIONS, _TRACKING, field_limits(COLUMNS, reference_schema(), SCALES))
