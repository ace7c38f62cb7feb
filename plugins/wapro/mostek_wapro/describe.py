"""What is known of WAPRO Mag beside what its query files read, for `DescribeErp`."""

from __future__ import annotations

from collections.abc import Mapping

from mostek.erp.v1.erp_pb2 import ChangeTrackingKind
from mostek.plugin.describe import Description

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
_NONE = ChangeTrackingKind.CHANGE_TRACKING_KIND_NONE
_TRACKING: Mapping[str, tuple[ChangeTrackingKind.ValueType, str]] = {
    "ListCustomers": (_NONE, "Cards have no time of change."),
    "ListProducts": (_NONE, "Cards have no time of change but that of the purchase price."),
    "ListInvoices": (_NONE, "Documents have no time of change; the newest have the highest ids."),
    "ListReceivables": (
        _NONE,
        "Read from ROZRACHUNEK, which Fakir shares; include_settled_since tells what was paid since a day.",
    ),
    "ListOrders": (_NONE, "Documents have no time of change; the newest have the highest ids."),
}

DESCRIPTION = Description(_OPERATIONS, _TRACKING)
