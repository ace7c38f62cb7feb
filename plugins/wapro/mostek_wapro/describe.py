"""What is known of WAPRO Mag beside what its query files read, for `DescribeErp`."""

from __future__ import annotations

from collections.abc import Mapping

from mostek.erp.v1.erp_pb2 import ChangeTrackingKind
from mostek.plugin.describe import Description, field_limits
from mostek_wapro.limits import COLUMNS, SCALES
from mostek_wapro.schema import reference_schema

__all__ = ["described"]

_OPERATIONS: Mapping[str, tuple[str, ...]] = {
    "erp": ("DescribeErp",),
    "customers": ("ListCustomers", "GetCustomer"),
    "products": ("ListProducts", "GetProduct"),
    "invoices": ("ListInvoices", "GetInvoice"),
    **{f"{source}receivables": ("ListReceivables",) for source in ("", "document_")},
    **{f"{source}balances": ("GetCustomerBalance",) for source in ("", "document_")},
    "orders": ("ListOrders", "GetOrder"),
}
_NONE = ChangeTrackingKind.CHANGE_TRACKING_KIND_NONE
_TRACKING: Mapping[str, tuple[ChangeTrackingKind.ValueType, str]] = {
    "ListCustomers": (_NONE, "Cards have no time of change."),
    "ListProducts": (_NONE, "Cards have no time of change but that of prices."),
    "ListInvoices": (_NONE, "Documents have no time of change; the newest have the highest ids."),
    "ListOrders": (_NONE, "Documents have no time of change; the newest have the highest ids."),
}

_DEBTS = {
    "settlements": "Read from ROZRACHUNEK, which Fakir shares",
    "documents": "Read from the sales documents of Mag, without debts that others made",
}


def described(debts: str) -> Description:
    """What is told, with the source of debts that the configuration chose."""
    remark = f"{_DEBTS[debts]}; include_settled_since tells what was paid since a day."
    limits = field_limits(COLUMNS, reference_schema(), SCALES)
    return Description(_OPERATIONS, {**_TRACKING, "ListReceivables": (_NONE, remark)}, limits)
