"""Asks the plugin as a caller would."""

from __future__ import annotations

from typing import Any

from mostek.erp.v1.invoice_pb2 import Invoice, InvoiceKind
from mostek.erp.v1.receivable_pb2 import ReceivableDirection
from mostek.plugin.testing import context
from mostek.plugin.testing import items as items_of
from mostek.wire.operations import OPERATIONS
from mostek_optima.optima import Optima

LISTS = ("ListCustomers", "ListProducts", "ListInvoices", "ListReceivables", "ListOrders")
OWED = ReceivableDirection.RECEIVABLE_DIRECTION_OWED_BY_CUSTOMER
ALL = {"paths": [field.name for field in Invoice.DESCRIPTOR.fields]}
KINDS = InvoiceKind
SALES = "TrN_TypDokumentu = 302 AND TrN_Bufor = 0 AND TrN_Anulowany = 0"


def read(plugin: Optima, operation: str, **fields: Any) -> Any:
    request: Any = OPERATIONS[operation].request(**fields)
    return plugin.call(operation, request, context(operation))


def listed(plugin: Optima, operation: str, **fields: Any) -> list[Any]:
    """All items of a list, page by page."""
    found: list[Any] = []
    token = ""
    while True:
        page = read(plugin, operation, page_size=150, page_token=token, **fields)
        found += items_of(page)
        token = page.next_page_token
        if not token:
            return found


def balance(plugin: Optima, customer: str) -> Any:
    return read(plugin, "GetCustomerBalance", id=customer).customer_balance
