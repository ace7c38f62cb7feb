"""Asks the plugin as a caller would."""

from __future__ import annotations

from typing import Any

from mostek.erp.v1.invoice_pb2 import Invoice, InvoiceKind
from mostek.erp.v1.receivable_pb2 import ReceivableDirection
from mostek.plugin.testing import read
from mostek_optima.optima import Optima

LISTS = ("ListCustomers", "ListProducts", "ListInvoices", "ListReceivables", "ListOrders")
OWED = ReceivableDirection.RECEIVABLE_DIRECTION_OWED_BY_CUSTOMER
ALL = {"paths": [field.name for field in Invoice.DESCRIPTOR.fields]}
KINDS = InvoiceKind
SALES = "TrN_TypDokumentu = 302 AND TrN_Bufor = 0 AND TrN_Anulowany = 0"


def balance(plugin: Optima, customer: str) -> Any:
    return read(plugin, "GetCustomerBalance", id=customer).customer_balance
